"""Clears what clusters left whose sweep was killed too, before the next one starts.

A living cluster holds a lock on its folder, from before it puts anything in there. It ends
no process.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

CGROUPS: Final = Path("/sys/fs/cgroup")


def clear_leftovers(prefix: str) -> list[str]:
    """Remove folders and cgroups of clusters that are no more; their names."""
    cleared = set()
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{prefix}*")):
        if _is_nobodys(folder):
            shutil.rmtree(folder, ignore_errors=True)
            cleared.add(folder.name)
    for top in [path for path in folders_below(CGROUPS) if path.name.startswith(prefix)]:
        if not Path(tempfile.gettempdir(), top.name).exists() and not _has_processes(top):
            _remove(top)
            cleared.add(top.name)
    return sorted(cleared)


def folders_below(top: Path) -> Iterator[Path]:
    """All folders below one, those left out that others remove meanwhile."""
    for path, names, _ in os.walk(top):
        yield from (Path(path, name) for name in names)


def _is_nobodys(folder: Path) -> bool:
    try:
        if not any(folder.iterdir()):
            return False
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _has_processes(top: Path) -> bool:
    """Whether somebody lives in a cgroup or below, who keeps a folder elsewhere."""
    try:
        return any(file.read_text() for file in top.rglob("cgroup.procs"))
    except OSError:
        return True


def _remove(top: Path) -> None:
    """Remove a cgroup and all below, the deepest first."""
    for path in [*sorted(folders_below(top), reverse=True), top]:
        with suppress(OSError):
            path.rmdir()
