"""The room of a node: what its pods were given of its cpu and memory, and what is left.

It is asked when a pod wants more or less than it has; a pod that was bound here is let in unasked.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.quantities import quantity, requested

_RESIZABLE: Final = ("cpu", "memory")


class Obstacle(StrEnum):
    """Why a pod does not get what it asks for."""

    INFEASIBLE = "Infeasible"
    """The node is too small."""
    DEFERRED = "Deferred"
    """Others have it at present."""


class Refusal(NamedTuple):
    """Why a pod does not get what it asks for, in full."""

    obstacle: Obstacle
    message: str


class Room:
    """What a node has to give, and who has it."""

    def __init__(self, allocatable: dict[str, str]) -> None:
        self._whole = {name: quantity(allocatable[name]) for name in _RESIZABLE}
        self._given: dict[str, dict[str, Decimal]] = {}

    def give(self, uid: str, containers: list[Json]) -> None:
        """Let a pod have what its containers ask for."""
        self._given[uid] = {name: requested(containers, name) for name in _RESIZABLE}

    def take_back(self, uid: str) -> None:
        """A pod is no more."""
        self._given.pop(uid, None)

    def refusal(self, uid: str, containers: list[Json]) -> Refusal | None:
        """Why a pod can't have what its containers ask for; none when it can."""
        wanted = {name: requested(containers, name) for name in _RESIZABLE}
        for name, much in wanted.items():
            if much > self._whole[name]:
                message = (
                    f"Node didn't have enough capacity: {name}, requested: {_whole(name, much)}, "
                    f"capacity: {_whole(name, self._whole[name])}"
                )
                return Refusal(Obstacle.INFEASIBLE, message)
        for name, much in wanted.items():
            used = sum(given[name] for other, given in self._given.items() if other != uid)
            if used + much > self._whole[name]:
                message = (
                    f"Node didn't have enough resource: {name}, requested: {_whole(name, much)}, "
                    f"used: {_whole(name, Decimal(used))}, "
                    f"capacity: {_whole(name, self._whole[name])}"
                )
                return Refusal(Obstacle.DEFERRED, message)
        return None


def _whole(resource: str, much: Decimal) -> int:
    """Thousandths of a core, or bytes."""
    return int(much * 1000) if resource == "cpu" else int(much)
