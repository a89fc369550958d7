"""What a pod and its containers are at one moment, as values.

What the API is told of them is worked out by `status`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from orchestrator.practice.nodes.client import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The container does not run yet, or not at the moment."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The container runs."""

    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated:
    """The container has ended."""

    exit_code: int
    reason: str
    started_at: datetime
    finished_at: datetime
    container_id: str
    message: str = ""


ContainerState: TypeAlias = Waiting | Running | Terminated

CREATING: Final = Waiting(reason="ContainerCreating")
INITIALIZING: Final = Waiting(reason="PodInitializing")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerReport:
    """One container at one moment."""

    name: str
    image: str
    image_id: str
    container_id: str
    state: ContainerState
    last_state: Terminated | None
    ready: bool
    started: bool
    restarts: int
    given: Json = field(default_factory=dict)
    """The cpu and memory that its node lets it have."""
    resources: Json = field(default_factory=dict)
    """The cpu and memory that it has got."""
    is_due: bool = False
    """Whether it is to be run again whatever the restart policy says: its definition changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a pod was ended by its node."""

    reason: str
    message: str
    is_eviction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resizing:
    """Why a pod has not got the resources that it asks for."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PodReport:
    """One pod at one moment, with all that its status says."""

    pod: Json
    containers: Sequence[ContainerReport]
    init_containers: Sequence[ContainerReport]
    initialized: bool
    ip: str
    host_ip: str
    started_at: datetime
    ephemeral: Sequence[ContainerReport] = ()
    is_over: bool = False
    """Whether nothing of it will be started any more, whatever its restart policy says."""
    failure: Failure | None = None
    resizing: Resizing | None = None

    @property
    def sidecars(self) -> Sequence[ContainerReport]:
        """The init containers that stay beside the others."""
        specs = self.pod["spec"].get("initContainers") or ()
        names = {item["name"] for item in specs if item.get("restartPolicy") == "Always"}
        return [item for item in self.init_containers if item.name in names]

    @property
    def firsts(self) -> Sequence[ContainerReport]:
        """The init containers that end before the others start."""
        return [item for item in self.init_containers if item not in self.sidecars]
