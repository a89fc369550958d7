"""The pod garbage collector: pods of a node that is gone go too, after a while."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.served.core import NODE, POD
from orchestrator.practice.api.store import Change, Happened, Store
from orchestrator.practice.api.writing import set_status
from orchestrator.practice.controllers.conditions import with_condition
from orchestrator.practice.controllers.loops import ControlLoop, Key

Object = dict[str, Any]
QUARANTINE: Final = timedelta(seconds=40)
"""How long a node must be gone; it may only be registering anew."""


class LostPods:
    """Looks for pods whose node is gone. Keys are names of nodes."""

    def __init__(self, store: Store, *, quarantine: timedelta = QUARANTINE) -> None:
        self._store = store
        self._quarantine = quarantine
        self._gone: dict[str, datetime] = {}

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {NODE: self._on_node, POD: self._on_pod}
        return ControlLoop(self._store, "pod-garbage-collector", watches, self.reconcile)

    def _on_node(self, change: Change) -> Iterable[Key]:
        if change.happened is not Happened.MODIFIED:
            yield "", change.stored.object["metadata"]["name"]

    def _on_pod(self, change: Change) -> Iterable[Key]:
        """The node that a pod was put on although it is not there."""
        name = change.stored.object["spec"].get("nodeName")
        if name and change.happened is not Happened.DELETED and not self._store.get(NODE, "", name):
            yield "", name

    def reconcile(self, key: Key) -> timedelta | None:
        """Delete what a node left behind, once it has been gone for long enough."""
        name = key[1]
        if self._store.get(NODE, "", name) is not None:
            self._gone.pop(name, None)
            return None
        pods = [pod for pod in self._store.objects(POD) if pod["spec"].get("nodeName") == name]
        if not pods:
            self._gone.pop(name, None)
            return None
        since = self._gone.setdefault(name, self._store.now())
        left = since + self._quarantine - self._store.now()
        if left > timedelta():
            return left
        for pod in pods:
            self._end(pod)
        return None

    def _end(self, pod: Object) -> None:
        status = dict(pod.get("status", {}))
        if status.get("phase") not in {"Succeeded", "Failed"}:
            entry = {
                "type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
                "message": "PodGC: node no longer exists", "lastProbeTime": None,
                "lastTransitionTime": stamp(self._store.now()),
            }  # fmt: skip
            conditions = with_condition(status.get("conditions", ()), entry)
            status |= {"phase": "Failed", "conditions": conditions}
            pod = set_status(self._store, POD, pod, status)
        delete(self._store, POD, pod, Deletion(grace=0))
