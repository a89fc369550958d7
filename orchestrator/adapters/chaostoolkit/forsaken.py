"""Folders of runs whose owners are gone: told by a lock that a process keeps while it lives.

It ends no process: a folder in which one is still at work stays until the next time.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "chaosday-run-"


def claimed(folder: Path) -> int:
    """A descriptor by which this process owns a folder until it closes it, or is gone."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def sweep(where: Path | None = None) -> int:
    """Remove the folders of runs whose owners are gone; returns how many there were.

    Shape: where they are, if not where the system keeps what is for a while.
    """
    places = (where or Path(tempfile.gettempdir())).glob(f"{PREFIX}*")
    return sum(_is_removed(folder) for folder in places)


def _is_removed(folder: Path) -> bool:
    # It may be gone by now, be no folder, or be another user's; then it is nothing of ours.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_uid != os.getuid() or _is_in_use(folder):
                return False
            shutil.rmtree(folder)
            return True
        finally:
            os.close(descriptor)
    return False


def _is_in_use(folder: Path) -> bool:
    """Whether it is only being made, or a process that outlived its owner is at work in it."""
    if not any(folder.iterdir()):
        return True
    # The kernel tells where a process works without any link on the way to it.
    there = folder.resolve()
    return any(each == there or there in each.parents for each in _working_in())


def _working_in() -> Iterator[Path]:
    for link in Path("/proc").glob("[0-9]*/cwd"):
        # A process that has just ended cannot be read, nor can one of another user.
        with suppress(OSError):
            yield link.readlink()
