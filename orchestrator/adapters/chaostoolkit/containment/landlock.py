"""Landlock: what a process may open, where it may connect, and whom it may signal.

It restricts the calling thread and all that it starts, for good; it needs no privilege.
Source: Documentation/userspace-api/landlock.rst of the kernel.
"""

import ctypes
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from orchestrator.adapters.chaostoolkit.containment import kernel

_VERSION: Final = 1

EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
_REFER: Final = 1 << 13
_TRUNCATE: Final = 1 << 14
_IOCTL_DEV: Final = 1 << 15
_FIRST: Final = (1 << 13) - 1
"""What the first version knows."""
_ON_FILES: Final = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE | _IOCTL_DEV

READ: Final = READ_FILE | READ_DIR
RUN: Final = READ | EXECUTE

_CONNECT_TCP: Final = 1 << 1
_ABSTRACT_SOCKETS: Final = 1 << 0
_SIGNALS: Final = 1 << 1

_BENEATH: Final = 1
_PORT: Final = 2

WITH_TCP: Final = 4
WITH_SIGNALS: Final = 6


class _Ruleset(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scoped")]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


class _Port(ctypes.Structure):
    _fields_ = [("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64)]


def version() -> int:
    """The version of Landlock's interface that the kernel has; 0 for none."""
    if not kernel.is_linux:
        return 0
    try:
        return kernel.syscall(kernel.LANDLOCK_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def everything(abi: int) -> int:
    """Every right on files that this version knows."""
    rights = _FIRST
    for known_since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        rights |= right if abi >= known_since else 0
    return rights


class Ruleset:
    """What will be allowed: nothing at first."""

    def __init__(self, abi: int, *, limits_network: bool) -> None:
        self._all = everything(abi)
        self._limits_network = limits_network and abi >= WITH_TCP
        wanted = _Ruleset(
            self._all,
            _CONNECT_TCP if self._limits_network else 0,
            _ABSTRACT_SOCKETS | _SIGNALS if abi >= WITH_SIGNALS else 0,
        )
        size = 8 if abi < WITH_TCP else 16 if abi < WITH_SIGNALS else 24
        self._number = kernel.syscall(kernel.LANDLOCK_CREATE_RULESET, ctypes.byref(wanted), size, 0)

    def allow(self, paths: Iterable[str], rights: int) -> None:
        """Allow rights on files, and on all below folders; a path that is not there is left out."""
        for path in paths:
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                self._allow(path, rights & self._all)

    def allow_everything(self, path: str) -> None:
        """Allow every right on a folder."""
        self._allow(path, self._all)

    def _allow(self, path: str, rights: int) -> None:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                rights &= _ON_FILES
            rule = _Beneath(rights, descriptor)
            self._add(_BENEATH, ctypes.byref(rule))
        finally:
            os.close(descriptor)

    def allow_connections(self, ports: Iterable[int]) -> None:
        """Allow TCP connections to ports, of whatever host."""
        for port in ports if self._limits_network else ():
            self._add(_PORT, ctypes.byref(_Port(_CONNECT_TCP, port)))

    def _add(self, kind: int, rule: object) -> None:
        kernel.syscall(kernel.LANDLOCK_ADD_RULE, self._number, kind, rule, 0)

    def enforce(self) -> None:
        """Restrict this process from now on; it must not be able to gain privileges.

        Raises: OSError.
        """
        kernel.syscall(kernel.LANDLOCK_RESTRICT_SELF, self._number, 0)
        os.close(self._number)
