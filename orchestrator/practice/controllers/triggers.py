"""When that happened which a service's endpoints follow: a pod turned ready, a service was made.

Whoever measures how fast endpoints follow reads it off them. It writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from orchestrator.practice.controllers.conditions import condition
from orchestrator.practice.controllers.loops import Key, key_of

Object = dict[str, Any]
TRIGGERED_AT: Final = "endpoints.kubernetes.io/last-change-trigger-time"


class Triggers:
    """Remembers of each service which happenings its endpoints have followed already."""

    def __init__(self) -> None:
        self._followed: dict[Key, dict[str, str]] = {}

    def first_new(self, service: Object, pods: Iterable[Object]) -> str:
        """The earliest happening since the last time; empty when there is none."""
        key = key_of(service)
        followed = self._followed.get(key, {})
        current = {pod["metadata"]["uid"]: _turned_at(pod) for pod in pods}
        current[service["metadata"]["uid"]] = service["metadata"]["creationTimestamp"]
        self._followed[key] = current
        return min((at for who, at in current.items() if at > followed.get(who, "")), default="")

    def forget(self, key: Key) -> None:
        """Forget a service that is gone."""
        self._followed.pop(key, None)


def with_trigger(metadata: Object, triggered_at: str) -> Object:
    """Metadata that tells what a change of endpoints follows."""
    kept = {
        name: value for name, value in metadata.get("annotations", {}).items()
        if name != TRIGGERED_AT
    }  # fmt: skip
    told = {**kept, TRIGGERED_AT: triggered_at} if triggered_at else kept
    rest = {name: value for name, value in metadata.items() if name != "annotations"}
    return {**rest, "annotations": told} if told else rest


def _turned_at(pod: Object) -> str:
    """When a pod turned ready or unready last."""
    ready = condition(pod.get("status", {}), "Ready") or {}
    return str(ready.get("lastTransitionTime") or "")
