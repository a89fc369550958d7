"""Where a container lives, and what one execution of it finds there.

It waits for what is referred to and not there yet; it starts nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from orchestrator.practice.nodes.client import ApiError, Json
from orchestrator.practice.nodes.executables.around import Files
from orchestrator.practice.nodes.kubelet.environment import Environment, MissingReference
from orchestrator.practice.nodes.kubelet.images import ImageShelf
from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.nodes.kubelet.volumes import EmptyVolumes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a container lives: its pod, the pod's address and volumes, the node's images."""

    pod: Json
    ip: str
    shelf: ImageShelf
    environment: Environment
    volumes: EmptyVolumes
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one execution finds: its variables and its files."""

    environment: dict[str, str]
    files: Files


async def gathered(
    place: Place, spec: Json, pace: Pace, missing: Callable[[MissingReference], None]
) -> Setting:
    """What a container finds, once all that it refers to is there; `missing` hears what is not."""
    while True:
        try:
            return Setting(
                environment=await place.environment.of(spec),
                files=Files(await place.environment.files(spec), place.volumes.of(spec)),
            )
        except MissingReference as reference:
            missing(reference)
        except ApiError:
            # The API server is away; what it would say decides, so wait for it.
            pass
        await anyio.sleep(pace.missing_reference_retry.total_seconds())
