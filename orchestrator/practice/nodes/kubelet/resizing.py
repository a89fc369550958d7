"""Gives a running pod more or less cpu and memory, as far as its node has room.

The containers take it from there: in place, or by a restart.
"""

from collections.abc import Callable, Sequence

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.container import Container
from orchestrator.practice.nodes.kubelet.crew import Crew
from orchestrator.practice.nodes.kubelet.reports import Resizing
from orchestrator.practice.nodes.kubelet.room import Room


class Resizer:
    """Follows what a pod asks for; `changed` hears when the answer does."""

    def __init__(self, pod: Json, room: Room, crew: Crew, changed: Callable[[], None]) -> None:
        self._uid = str(pod["metadata"]["uid"])
        self._room = room
        self._crew = crew
        self._changed = changed
        self.pending: Resizing | None = None

    def begin(self) -> None:
        """Take the room that the pod came with."""
        self._room.give(self._uid, [container.spec for container in self._staying])

    def look(self, pod: Json) -> None:
        """See whether the pod asks for something else than it has, and give it if there is room."""
        asked = _resources(pod)
        wanting = [
            item for item in self._staying if asked.get(item.name, {}) != item.resources.given
        ]
        if not wanting:
            self._wait_for(None)
            return
        specs: list[Json] = [{"resources": asked.get(item.name, {})} for item in self._staying]
        refusal = self._room.refusal(self._uid, specs)
        if refusal is not None:
            self._wait_for(Resizing(reason=refusal.obstacle, message=refusal.message))
            return
        self._room.give(self._uid, specs)
        self._wait_for(None)
        for container in wanting:
            container.resize(asked.get(container.name, {}))

    def end(self) -> None:
        """Give back what the pod had."""
        self._room.take_back(self._uid)

    @property
    def _staying(self) -> Sequence[Container]:
        return (*self._crew.sidecars, *self._crew.mains)

    def _wait_for(self, resizing: Resizing | None) -> None:
        if resizing != self.pending:
            self.pending = resizing
            self._changed()


def _resources(pod: Json) -> dict[str, Json]:
    """What each container asks for."""
    return {
        str(item["name"]): item.get("resources") or {}
        for field in ("initContainers", "containers")
        for item in pod["spec"].get(field) or ()
    }
