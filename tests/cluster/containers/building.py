"""Compiles what a real node needs besides the kubelet, with the Go of the machine, once.

That is containerd with its shim and `ctr` from their published module, the keeper of a node's
world, and the one program in the images. runc and the CNI plugins are the machine's own.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.cluster.building import (
    CACHE,
    build_with_go,
    building_alone,
    new_folder,
    said_by_go,
)

HERE: Final = Path(__file__).parent
CONTAINERD: Final = "github.com/containerd/containerd/v2/cmd"
PACKAGES: Final = (
    f"{CONTAINERD}/containerd",
    f"{CONTAINERD}/containerd-shim-runc-v2",
    f"{CONTAINERD}/ctr",
    "./keeper",
    "./program",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePrograms:
    """The compiled programs of a node."""

    folder: Path

    def path(self, name: str) -> str:
        """The program of that name."""
        return str(self.folder / name)


def built_node_programs() -> NodePrograms:
    """The programs, compiled now if they have not been yet (a minute or two on two cores).

    Raises: GoMissing; BuildFailed.
    """
    programs = NodePrograms(folder=_place())
    with building_alone():
        if not programs.folder.is_dir():
            with new_folder(programs.folder) as folder:
                build_with_go("-ldflags", "-s -w", "-o", f"{folder}/", *PACKAGES, at=HERE)
    return programs


def are_node_programs_built() -> bool:
    """Whether a start would not have to compile first.

    Raises: GoMissing; BuildFailed.
    """
    return _place().is_dir()


def _place() -> Path:
    digest = hashlib.sha256(said_by_go("env", "GOVERSION", "GOOS", "GOARCH").encode())
    for source in [*sorted(HERE.glob("*/*.go")), HERE / "go.mod", HERE / "go.sum"]:
        digest.update(source.read_bytes())
    return CACHE / f"containers-{digest.hexdigest()[:12]}"
