"""The cpu and memory of one container: what it was given, and what it has got by now.

A container that wants to be restarted for a change gets it with its next execution.
"""

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.quantities import quantity

RESTART = "RestartContainer"


class ContainerResources:
    """What a container was given of its node."""

    def __init__(self, spec: Json) -> None:
        self.given: Json = spec.get("resources") or {}
        self.actual: Json = self.given
        self._policies = {
            item["resourceName"]: item["restartPolicy"] for item in spec.get("resizePolicy") or ()
        }

    @property
    def is_settled(self) -> bool:
        """Whether the container has got what it was given."""
        return self.given == self.actual

    @property
    def memory_limit(self) -> int | None:
        """How much memory its programs may take; none when that is not limited.

        Units: bytes.
        """
        limit = (self.actual.get("limits") or {}).get("memory")
        return None if limit is None else int(quantity(limit))

    def give(self, resources: Json) -> bool:
        """Give it others; true when that takes a restart."""
        changed = {name for name in ("cpu", "memory") if _of(name, resources) != self._now(name)}
        self.given = resources
        if any(self._policies.get(name) == RESTART for name in changed):
            return True
        self.actual = resources
        return False

    def settle(self) -> None:
        """Let it have what it was given; with its start."""
        self.actual = self.given

    def _now(self, name: str) -> tuple[str | None, str | None]:
        return _of(name, self.given)


def _of(name: str, resources: Json) -> tuple[str | None, str | None]:
    requests, limits = (resources.get(word) or {} for word in ("requests", "limits"))
    return requests.get(name), limits.get(name)
