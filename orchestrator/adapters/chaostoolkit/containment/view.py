"""A view of files in which nothing exists but what a runner needs.

It is a root of its own in a mount namespace of its own: also sockets, and what only modes would
protect, are not there. Nothing outside of the namespace changes.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from orchestrator.adapters.chaostoolkit.containment import kernel
from orchestrator.adapters.chaostoolkit.containment.order import Order

SCRATCH: Final = "/tmp"  # noqa: S108 - a name in the view
"""A folder that the runner may write, gone with it."""
_NO_DEVICES: Final = kernel.MS_NOSUID | kernel.MS_NODEV
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_LINKS: Final = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}
_READ_ONLY: Final = kernel.ATTR_RDONLY | kernel.ATTR_NOSUID | kernel.ATTR_NODEV


def enter_view(order: Order) -> None:
    """Put the view together and make it the root. Raises: OSError."""
    root = order.root
    os.umask(0o022)
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("view", root, "tmpfs", kernel.MS_NOSUID, "mode=0755,size=4m")
    _folder(root + SCRATCH)
    # Its own, and first of all: the folder of the run may lie in it.
    kernel.mount("scratch", root + SCRATCH, "tmpfs", _NO_DEVICES, "mode=1777,size=64m")
    for path in _outermost(order.programs):
        _show(root, path, _READ_ONLY)
    _show(root, order.home, kernel.ATTR_NOSUID | kernel.ATTR_NODEV)
    _show(root, "/proc", _READ_ONLY)
    for path in _DEVICES:
        _show(root, path, kernel.ATTR_NOSUID)
    for link, target in _LINKS.items():
        Path(root + link).symlink_to(target)
    for folder in order.listable:
        _folder(root + folder)
    kernel.enter_root(root)
    kernel.restrict_mount("/", _READ_ONLY, all_below=False)


def _outermost(paths: tuple[str, ...]) -> list[str]:
    """The paths that lie in no other."""
    found: list[str] = []
    for path in sorted(paths):
        if not any(path == other or path.startswith(f"{other}/") for other in found):
            found.append(path)
    return found


def _show(root: str, path: str, attributes: int) -> None:
    """Have a file or folder appear in the view, where it is; what is not there is left out."""
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = os.lstat(path).st_mode
        place = root + path
        if stat.S_ISLNK(mode):
            _folder(str(Path(place).parent))
            Path(place).symlink_to(Path(path).readlink())
            return
        if stat.S_ISDIR(mode):
            _folder(place)
        else:
            _folder(str(Path(place).parent))
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
        _bind(path, place)
        kernel.restrict_mount(place, attributes)


def _bind(path: str, place: str) -> None:
    kernel.mount(path, place, "", kernel.MS_BIND | kernel.MS_REC)


def _folder(place: str) -> None:
    os.makedirs(place, mode=0o755, exist_ok=True)  # noqa: PTH103
