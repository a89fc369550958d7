"""What a runner must be able to read: the system's programs, Python, and our own packages.

It names places, and reads none of them. Configuration under /etc is named file by file, since
credentials lie beside it.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_SYSTEM: Final = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"),
    *("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies"),
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/passwd", "/etc/group", "/etc/services", "/etc/protocols", "/etc/mime.types"),
    *("/etc/localtime", "/etc/timezone", "/etc/os-release", "/etc/alternatives"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld-musl-x86_64.path"),
)
_PACKAGES: Final = ("orchestrator", "experiments")
_SOURCE: Final = Path(__file__).parents[4]
"""Where our packages lie."""


def programs(more: Iterable[str] = ()) -> tuple[str, ...]:
    """Files and folders that are read and executed; one that is the whole disk is left out."""
    python = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    python |= {str(Path(place).resolve()) for place in python}
    python.add(str(Path(sys.executable).resolve().parent))
    ours = {str(_SOURCE / package) for package in _PACKAGES}
    places = {*_SYSTEM, *python, *ours, *(str(Path(each).absolute()) for each in more)}
    return tuple(sorted(places - {"/", ""}))


def listable() -> tuple[str, ...]:
    """Folders in which Python looks for modules by listing them."""
    return tuple(dict.fromkeys(path for path in (*sys.path, str(_SOURCE)) if Path(path).is_dir()))
