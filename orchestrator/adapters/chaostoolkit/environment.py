"""What a runner's process gets to see: a folder, an allow-list of variables, one kubeconfig.

It holds no credential: the kubeconfig leads to the guard, whatever context is asked for.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from orchestrator.adapters.chaostoolkit.containment.order import GUARD_HOST
from orchestrator.adapters.chaostoolkit.strays import MARK
from orchestrator.domain.identity import RunId

_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "VIRTUAL_ENV")
ALWAYS_ALLOWED: Final = ("CHAOSDAY_FRONT_DOOR",)
"""Named by the catalogue's own experiments: where the service under test is reached."""
_CURRENT: Final = "guarded"
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def passed_on(names: Iterable[str]) -> dict[str, str]:
    """What of our environment a runner may see.

    Shape: names are allowed beyond the usual ones.
    """
    return {
        name: os.environ[name]
        for name in {*_PASSED_ON, *ALWAYS_ALLOWED, *names}
        if name in os.environ
    }


def runner_environment(
    *,
    home: Path,
    kubeconfig: Path,
    run: RunId,
    allowed: Mapping[str, str],
    forward_proxy: str = "",
) -> dict[str, str]:
    """The whole environment of a runner's process.

    Shape: allowed is what is passed on of ours; an empty forward proxy means none.
    """
    # The client would send even requests to the guard to a proxy otherwise.
    direct = GUARD_HOST if forward_proxy else "127.0.0.1,localhost"
    return {
        **allowed,
        **(dict.fromkeys(_PROXIES, forward_proxy) if forward_proxy else {}),
        MARK: mark_of(run),
        "HOME": str(home),
        "TMPDIR": str(home),
        "KUBECONFIG": str(kubeconfig),
        "NO_PROXY": direct,
        "no_proxy": direct,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }


def mark_of(run: RunId) -> str:
    """What an experiment may leave in the cluster as its mark: says nothing, the same for a run."""
    return hashlib.sha256(run.encode()).hexdigest()[:7]


def absolute_kubeconfig(source: str) -> str:
    """The same files, separated as in KUBECONFIG, wherever they are looked for from."""
    paths = (Path(each).expanduser() for each in source.split(os.pathsep) if each)
    return os.pathsep.join(str(path.absolute()) for path in paths)


def write_kubeconfig(
    path: Path,
    *,
    url: str,
    contexts: Mapping[str, str],
    namespace: str = "",
    hand_over: Callable[[Path], None] | None = None,
) -> None:
    """Write a kubeconfig in which every context leads to one server.

    Shape: contexts are beside the current one, each with its namespace; namespace is the one that
    is meant when no context is named; empty ones stand for Kubernetes' own.
    """
    named = {_CURRENT: namespace, **{k: v for k, v in contexts.items() if k != _CURRENT}}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": _CURRENT,
        "clusters": [{"name": _CURRENT, "cluster": {"server": url}}],
        "users": [{"name": _CURRENT, "user": {}}],
        "contexts": [
            {"name": name, "context": {"cluster": _CURRENT, "user": _CURRENT, "namespace": where}}
            for name, where in named.items()
        ],
    }
    write_private(path, document, hand_over=hand_over)


def write_private(
    path: Path, document: Mapping[str, Any], *, hand_over: Callable[[Path], None] | None = None
) -> None:
    """Write JSON that only its owner, or whom it is handed over to, can read; whole or not."""
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, default=repr)
    if hand_over is not None:
        hand_over(draft)
    draft.rename(path)
