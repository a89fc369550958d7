"""The taint eviction controller: pods leave a node whose taints they do not tolerate any longer.

Disruption budgets do not hold it up, as on a real cluster.
"""

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
from orchestrator.practice.controllers.loops import ControlLoop, Key, key_of
from orchestrator.practice.controllers.recording import Recorder
from orchestrator.practice.controllers.scheduling import covers_taint

Object = dict[str, Any]
NAME: Final = "taint-eviction-controller"


class Evictions:
    """Looks after the pods of all nodes that have a NoExecute taint."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, NAME)
        self._since: dict[str, datetime] = {}

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {NODE: self._on_node, POD: self._on_pod}
        return ControlLoop(self._store, NAME, watches, self.reconcile)

    def _on_node(self, change: Change) -> Iterable[Key]:
        """All pods of a node whose NoExecute taints changed."""
        before = _driving(change.previous.object) if change.previous else []
        if change.happened is Happened.DELETED or before == _driving(change.stored.object):
            return ()
        name = change.stored.object["metadata"]["name"]
        return [
            key_of(pod) for pod in self._store.objects(POD) if pod["spec"].get("nodeName") == name
        ]

    def _on_pod(self, change: Change) -> Iterable[Key]:
        pod = change.stored.object
        if change.happened is Happened.DELETED:
            self._since.pop(pod["metadata"]["uid"], None)
            return ()
        node = self._store.get(NODE, "", pod["spec"].get("nodeName", ""))
        return (key_of(pod),) if node is not None and _driving(node) else ()

    def reconcile(self, key: Key) -> timedelta | None:
        """Delete one pod if its time on the node is up, or wait until it is."""
        pod = self._store.get(POD, *key)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return None
        node = self._store.get(NODE, "", pod["spec"].get("nodeName", ""))
        left = self._time_left(pod, _driving(node) if node else [])
        if left is None:
            self._cancel(pod)
        elif left > timedelta():
            return left
        else:
            self._evict(pod)
        return None

    def _time_left(self, pod: Object, taints: list[Object]) -> timedelta | None:
        """How long a pod may stay, or none if for ever."""
        if not taints:
            return None
        tolerations = pod["spec"].get("tolerations", ())
        used = [[item for item in tolerations if covers_taint(item, taint)] for taint in taints]
        if not all(used):
            return timedelta()
        spans = [item["tolerationSeconds"] for found in used for item in found
                 if item.get("tolerationSeconds") is not None]  # fmt: skip
        if not spans:
            return None
        since = self._since.setdefault(pod["metadata"]["uid"], self._store.now())
        return since + timedelta(seconds=max(0, min(spans))) - self._store.now()

    def _cancel(self, pod: Object) -> None:
        if self._since.pop(pod["metadata"]["uid"], None) is not None:
            self._note(pod, "Cancelling deletion of Pod")

    def _evict(self, pod: Object) -> None:
        self._since.pop(pod["metadata"]["uid"], None)
        self._note(pod, "Marking for deletion Pod")
        entry = {
            "type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint", "lastProbeTime": None,
            "lastTransitionTime": stamp(self._store.now()),
        }  # fmt: skip
        status = pod.get("status", {})
        conditions = with_condition(status.get("conditions", ()), entry)
        pod = set_status(self._store, POD, pod, {**status, "conditions": conditions})
        delete(self._store, POD, pod, Deletion())

    def _note(self, pod: Object, what: str) -> None:
        namespace, name = key_of(pod)
        self._events.note(pod, "TaintManagerEviction", f"{what} {namespace}/{name}")


def _driving(node: Object) -> list[Object]:
    """The taints that drive pods off a node."""
    taints = node.get("spec", {}).get("taints", ())
    return [taint for taint in taints if taint["effect"] == "NoExecute"]
