"""The kubeconfig of the practice cluster: written whole or not at all, taken away at the end.

It never touches a file that the practice cluster did not write.
"""

import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from orchestrator.domain.errors import Unavailable

MARK: Final = "# Written by the Chaos Day practice cluster."
CONTEXT: Final = "practice"


class KubeconfigNotWritten(Unavailable):
    """The kubeconfig of the practice cluster cannot be written."""

    slug = "kubeconfig-not-written"

    def __init__(self, *, path: Path, problem: str) -> None:
        super().__init__(f"kubeconfig {path}: {problem}; name another place for it")
        self.path = str(path)


@contextmanager
def written_kubeconfig(
    path: Path, url: str, token: str = "", authority: str = ""
) -> Iterator[Path]:
    """A kubeconfig, readable by its owner alone, for as long as the scope lasts.

    Raises:
        KubeconfigNotWritten: the file is somebody else's, or can't be written.
    """
    content = _content(url, token, authority)
    try:
        _refuse_to_replace_others(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, content)
    except OSError as error:
        raise KubeconfigNotWritten(path=path, problem=str(error)) from error
    try:
        yield path
    finally:
        # A practice cluster that started later may have written its own by now.
        with suppress(OSError):
            if path.read_text() == content:
                path.unlink()


def _refuse_to_replace_others(path: Path) -> None:
    if path.exists() and path.stat().st_size and not path.read_text().startswith(MARK):
        raise KubeconfigNotWritten(
            path=path, problem="it exists and the practice cluster did not write it"
        )


def _write(path: Path, content: str) -> None:
    descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _content(url: str, token: str, authority: str) -> str:
    trusted = b64encode(authority.encode()).decode()
    line = f"\n    certificate-authority-data: {trusted}" if authority else ""
    user = f"{{token: {token}}}" if token else "{}"
    return f"""\
{MARK}
apiVersion: v1
kind: Config
clusters:
- name: {CONTEXT}
  cluster:
    server: {url}{line}
users:
- name: {CONTEXT}
  user: {user}
contexts:
- name: {CONTEXT}
  context:
    cluster: {CONTEXT}
    user: {CONTEXT}
    namespace: default
current-context: {CONTEXT}
"""
