"""The few calls of the Linux kernel that keep a process in, by ctypes.

Python 3.11 has none of them. Each raises OSError with the kernel's reason; it decides nothing.
"""

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from typing import Any, Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWNET: Final = 0x40000000

MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
MNT_DETACH: Final = 0x2

ATTR_RDONLY: Final = 0x1
ATTR_NOSUID: Final = 0x2
ATTR_NODEV: Final = 0x4

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_SECCOMP: Final = 22
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_GET_NO_NEW_PRIVS: Final = 39

LANDLOCK_CREATE_RULESET: Final = 444
LANDLOCK_ADD_RULE: Final = 445
LANDLOCK_RESTRICT_SELF: Final = 446
_MOUNT_SETATTR: Final = 442
"""These four have the same number on every architecture."""

_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_CAPABILITY_VERSION_3: Final = 0x20080522
_BY_MACHINE: Final = {"x86_64": (155, 126), "aarch64": (41, 91), "riscv64": (41, 91)}
"""The numbers of pivot_root and capset."""

is_linux: Final = sys.platform == "linux"


def _library() -> Callable[..., int]:
    library = ctypes.CDLL(None, use_errno=True)
    call: Any = library.syscall
    call.restype = ctypes.c_long
    return call  # type: ignore[no-any-return]


def syscall(number: int, *arguments: Any) -> int:
    """Make one system call. Raises: OSError: the kernel refused."""
    # Without a type an integer would be passed as 32 bits.
    typed = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = _library()(ctypes.c_long(number), *typed)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _call(name: str, *arguments: Any) -> None:
    library: Any = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def prctl(option: int, argument: int = 0, more: Any = 0) -> None:
    """Set a property of this process. Raises: OSError."""
    _call(
        "prctl",
        ctypes.c_int(option),
        ctypes.c_ulong(argument),
        more if not isinstance(more, int) else ctypes.c_ulong(more),
        ctypes.c_ulong(0),
        ctypes.c_ulong(0),
    )


def unshare(flags: int) -> None:
    """Leave namespaces for new ones. Raises: OSError."""
    _call("unshare", ctypes.c_int(flags))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount something. Raises: OSError."""
    _call(
        "mount",
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        options.encode() if options else None,
    )


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns")]


def restrict_mount(path: str, attributes: int, *, all_below: bool = True) -> None:
    """Restrict a mount, and those below it. Raises: OSError."""
    wanted = _MountAttributes(attributes, 0, 0, 0)
    syscall(
        _MOUNT_SETATTR,
        _AT_FDCWD,
        ctypes.c_char_p(path.encode()),
        _AT_RECURSIVE if all_below else 0,
        ctypes.byref(wanted),
        ctypes.sizeof(wanted),
    )


def enter_root(path: str) -> None:
    """Make a mounted folder the root, and leave the old root behind. Raises: OSError."""
    os.chdir(path)
    syscall(_number(0), ctypes.c_char_p(b"."), ctypes.c_char_p(b"."))
    _call("umount2", b".", ctypes.c_int(MNT_DETACH))
    os.chdir("/")


def give_up_capabilities() -> None:
    """Have no capability, and gain none by any program. Raises: OSError."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            # Beyond the last one that the kernel knows, or a process that has none to drop.
            break
    syscall(_number(1), header, nothing)
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def _number(place: int) -> int:
    machine = platform.machine()
    try:
        return _BY_MACHINE[machine][place]
    except KeyError:
        raise OSError(f"the system calls of {machine} are not known here") from None
