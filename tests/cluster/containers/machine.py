"""What a machine must have for real nodes, and installing what Debian has packages for.

It looks and installs; it starts nothing.
"""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PACKAGES: Final = ("runc", "containernetworking-plugins", "nftables")
COMMANDS: Final = {"runc": "runc", "nft": "nftables", "nsenter": "util-linux"}
PLUGINS: Final = ("bridge", "host-local", "loopback")
PLUGIN_FOLDERS: Final = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))
CONTROLLERS: Final = ("cpu", "memory", "pids")
# Where administrators' commands are, also for somebody whose PATH lacks them.
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class MachineLacks(Exception):
    """Something that real nodes need is not on this machine."""


def prepare_machine() -> None:
    """Install what is missing where that is possible.

    Raises: MachineLacks: naming each thing that is still missing.
    """
    if _missing_packages() and _can_install():
        _install()
    missing = what_is_missing()
    if missing:
        raise MachineLacks(f"no real nodes on this machine: {'; '.join(missing)}")


def what_is_missing() -> list[str]:
    """Each thing that real nodes need and the machine lacks, in words; empty where they can run."""
    if sys.platform != "linux":
        return [f"they need Linux, and this is {platform.system()}"]
    missing = [] if os.geteuid() == 0 else ["they need root"]
    return [*missing, *_missing_cgroups(), *_missing_packages()]


def plugin_folder() -> Path:
    """Where the CNI plugins are.

    Raises: MachineLacks.
    """
    for folder in PLUGIN_FOLDERS:
        if all((folder / plugin).exists() for plugin in PLUGINS):
            return folder
    raise MachineLacks("the CNI plugins are not installed")


def _missing_packages() -> list[str]:
    missing = [
        f"{command} is not installed (Debian's package {package})"
        for command, package in COMMANDS.items()
        if shutil.which(command, path=PATH) is None
    ]
    if not any((folder / PLUGINS[0]).exists() for folder in PLUGIN_FOLDERS):
        missing.append("the CNI plugins are not installed (containernetworking-plugins)")
    return missing


def _missing_cgroups() -> list[str]:
    writable = set(_writable_controllers())
    lacking = [name for name in CONTROLLERS if name not in writable]
    return [f"no writable cgroup controller: {', '.join(lacking)}"] if lacking else []


def _writable_controllers() -> list[str]:
    found: list[str] = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        point, options = before.split()[4:6]
        kind, _, special = after.split()[:3]
        if "ro" in options.split(",") or not os.access(point, os.W_OK):
            continue
        if kind == "cgroup":
            found += special.split(",")
        elif kind == "cgroup2":
            found += (Path(point) / "cgroup.controllers").read_text().split()
    return found


def _can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get", path=PATH) is not None


def _install() -> None:
    sys.stderr.write(f"installing Debian's {', '.join(PACKAGES)} ...\n")
    for arguments in (("update",), ("install", "--yes", "--no-install-recommends", *PACKAGES)):
        subprocess.run(
            ["apt-get", "-q", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False,
        )  # fmt: skip
