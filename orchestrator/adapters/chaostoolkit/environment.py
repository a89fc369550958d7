"""What a runner's process gets to see: a folder, an allow-list of variables, one kubeconfig.

It holds no credential: the kubeconfig leads to the guard, whatever context is asked for.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from orchestrator.adapters.chaostoolkit.strays import MARK
from orchestrator.domain.identity import RunId

_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "VIRTUAL_ENV")
ALWAYS_ALLOWED: Final = ("CHAOSDAY_FRONT_DOOR",)
"""Named by the catalogue's own experiments: where the service under test is reached."""


def runner_environment(folder: Path, *, run: RunId, allowed: Iterable[str]) -> dict[str, str]:
    """The whole environment of a runner's process.

    Shape: allowed names further variables that may be passed on from ours.
    """
    names = {*_PASSED_ON, *ALWAYS_ALLOWED, *allowed}
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {
        MARK: mark_of(run),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "KUBECONFIG": str(folder / "kubeconfig"),
        # The client would send even loopback requests to a proxy otherwise.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def mark_of(run: RunId) -> str:
    """What an experiment may leave in the cluster as its mark: says nothing, the same for a run."""
    return hashlib.sha256(run.encode()).hexdigest()[:7]


def write_kubeconfig(path: Path, *, url: str, contexts: Iterable[str]) -> None:
    """Write a kubeconfig in which every context leads to one server."""
    names = list(dict.fromkeys(["guarded", *contexts]))
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": names[0],
        "clusters": [{"name": "guarded", "cluster": {"server": url}}],
        "users": [{"name": "guarded", "user": {}}],
        "contexts": [
            {"name": name, "context": {"cluster": "guarded", "user": "guarded"}} for name in names
        ],
    }
    write_private(path, document)


def write_private(path: Path, document: Mapping[str, Any]) -> None:
    """Write JSON that only its owner can read, whole or not at all."""
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, default=repr)
    draft.rename(path)
