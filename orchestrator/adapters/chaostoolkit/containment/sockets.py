"""A filter of system calls that leaves a process plain TCP, and none of the ways around Landlock.

Landlock decides on TCP connections alone. Without this filter datagrams, sockets in the file
system, other protocols and data sent while connecting would pass it by.
Source: Documentation/userspace-api/seccomp_filter.rst of the kernel.
"""

import ctypes
import errno
import platform
import socket
import struct
from typing import Final

from orchestrator.adapters.chaostoolkit.containment import kernel

_FILTER: Final = 2
"""SECCOMP_MODE_FILTER."""
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EACCES
_KILL: Final = 0x80000000

_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_ANY_BIT: Final = 0x45
_AND: Final = 0x54
_RETURN: Final = 0x06

_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16
"""Where the filter finds what, in bytes; each argument has eight, the low half first."""

_FAST_OPEN: Final = 0x20000000
_TYPE: Final = 0xF
_X32: Final = 0x40000000


class _Calls:
    """The numbers of the system calls on one architecture."""

    def __init__(self, audit: int, **numbers: int) -> None:
        self.audit = audit
        self.numbers = numbers


_KNOWN: Final = {
    "x86_64": _Calls(
        0xC000003E, socket=41, pair=53, sendto=44, sendmsg=46, sendmmsg=307, uring=425, ptrace=101
    ),
    "aarch64": _Calls(
        0xC00000B7,
        socket=198,
        pair=199,
        sendto=206,
        sendmsg=211,
        sendmmsg=269,
        uring=425,
        ptrace=117,
    ),
}


def may_filter() -> bool:
    """Whether the filter is known for this machine, and the kernel has such filters."""
    if not kernel.is_linux or platform.machine() not in _KNOWN:
        return False
    try:
        # Reading no filter from nowhere is refused as a bad address where filters are known.
        kernel.prctl(kernel.PR_SET_SECCOMP, _FILTER, ctypes.c_void_p(None))
    except OSError as error:
        return error.errno in {errno.EFAULT, errno.EACCES}
    return False


def filter_sockets() -> None:
    """Leave this process, and all that it starts, plain TCP. Raises: OSError."""
    program = _program(_KNOWN[platform.machine()])
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))

    class _Program(ctypes.Structure):
        _fields_ = [("count", ctypes.c_ushort), ("steps", ctypes.c_void_p)]

    whole = _Program(len(program), ctypes.addressof(buffer))
    kernel.prctl(kernel.PR_SET_SECCOMP, _FILTER, ctypes.byref(whole))


_Step = tuple[int, int, int, int]
"""Code, steps to skip if so, steps to skip if not, and a number."""


def _program(calls: _Calls) -> list[_Step]:
    """Decides on one call.

    Shape: every block begins with the number of the call loaded, and a block that is not
    about it is skipped as a whole.
    """
    steps: list[_Step] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, calls.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        # The second set of numbers of x86-64 would lead around all that follows.
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _REFUSE),
    ]
    for name in ("uring", "ptrace"):
        steps += [(_EQUAL, 0, 1, calls.numbers[name]), (_RETURN, 0, 0, _REFUSE)]
    for name, place in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
        steps += _block(
            calls.numbers[name],
            [
                (_LOAD, 0, 0, _ARGUMENTS + 8 * place),
                (_ANY_BIT, 0, 1, _FAST_OPEN),
                (_RETURN, 0, 0, _REFUSE),
                (_RETURN, 0, 0, _ALLOW),
            ],
        )
    steps += _block(calls.numbers["socket"], _plain_tcp())
    steps += _block(calls.numbers["pair"], _stream())
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _block(number: int, inside: list[_Step]) -> list[_Step]:
    return [(_EQUAL, 0, len(inside), number), *inside]


def _plain_tcp() -> list[_Step]:
    """Of the calls of socket, only those of TCP over IP."""
    return [
        (_LOAD, 0, 0, _ARGUMENTS),
        (_EQUAL, 1, 0, socket.AF_INET),
        (_EQUAL, 0, 6, socket.AF_INET6),
        (_LOAD, 0, 0, _ARGUMENTS + 8),
        (_AND, 0, 0, _TYPE),
        (_EQUAL, 0, 3, socket.SOCK_STREAM),
        (_LOAD, 0, 0, _ARGUMENTS + 16),
        (_EQUAL, 2, 0, 0),
        (_EQUAL, 1, 0, socket.IPPROTO_TCP),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _stream() -> list[_Step]:
    """Of the calls of socketpair, only those of streams: a datagram may go to any other socket."""
    return [
        (_LOAD, 0, 0, _ARGUMENTS + 8),
        (_AND, 0, 0, _TYPE),
        (_EQUAL, 1, 0, socket.SOCK_STREAM),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
