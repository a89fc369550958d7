"""The node lifecycle controller: a node that is no longer heard of is declared lost.

A node is heard of by its lease, and by the heartbeat in its status. What its pods and the
scheduler make of a lost node follows from taints, which `nodes` puts on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.served.core import NODE, POD
from orchestrator.practice.api.served.others import LEASE
from orchestrator.practice.api.store import Change, Happened, Store
from orchestrator.practice.api.writing import set_status
from orchestrator.practice.controllers.conditions import condition, is_true
from orchestrator.practice.controllers.loops import ControlLoop, Key, key_of, own_key
from orchestrator.practice.controllers.recording import Recorder

Object = dict[str, Any]
NAME: Final = "node-controller"
LEASES: Final = "kube-node-lease"
GRACE: Final = timedelta(seconds=50)
"""How long a node may be silent, as by default on a real cluster."""
LOOK: Final = timedelta(seconds=5)
_WATCHED: Final = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_SILENT: Final = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
_NEVER: Final = ("NodeStatusNeverUpdated", "Kubelet never posted node status.")


class NodeHealth:
    """Listens for all nodes."""

    def __init__(self, store: Store, *, grace: timedelta = GRACE) -> None:
        self._store = store
        self._grace = grace
        self._events = Recorder(store, NAME)
        self._heard: dict[str, datetime] = {}
        self._known: set[str] = set()

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {NODE: self._on_node, LEASE: self._on_lease}
        return ControlLoop(self._store, "node-lifecycle-controller", watches, self.reconcile)

    def _on_node(self, change: Change) -> Iterable[Key]:
        """The node; a new heartbeat in its status is a sign of life."""
        node = change.stored.object
        name = node["metadata"]["name"]
        before = _heartbeat(change.previous.object) if change.previous else None
        if change.happened is Happened.ADDED or _heartbeat(node) != before:
            self._heard[name] = self._store.now()
        return own_key(change)

    def _on_lease(self, change: Change) -> Iterable[Key]:
        namespace, name = key_of(change.stored.object)
        renewed = _renewal(change.stored.object)
        before = _renewal(change.previous.object) if change.previous else None
        if namespace != LEASES or change.happened is Happened.DELETED or renewed == before:
            return ()
        self._heard[name] = self._store.now()
        node = self._store.get(NODE, "", name)
        return (("", name),) if node is not None and not is_true(node, "Ready") else ()

    def reconcile(self, key: Key) -> timedelta | None:
        """Look whether one node is still heard of."""
        node, name = self._store.get(NODE, *key), key[1]
        if node is None:
            self._forget(name)
            return None
        self._note_new(node)
        silence = self._store.now() - self._heard.setdefault(name, self._store.now())
        if silence < self._grace:
            if _ready_word(node) not in {"True", ""}:
                self._mark_pods(node)
            return self._grace - silence
        node = self._declare_lost(node)
        self._mark_pods(node)
        return LOOK

    def _note_new(self, node: Object) -> None:
        name = node["metadata"]["name"]
        if name not in self._known:
            self._known.add(name)
            text = f"Node {name} event: Registered Node {name} in Controller"
            self._events.note(node, "RegisteredNode", text)

    def _forget(self, name: str) -> None:
        self._known.discard(name)
        self._heard.pop(name, None)

    def _declare_lost(self, node: Object) -> Object:
        """The node with all that is known of its health set to unknown."""
        status, now = node.get("status", {}), stamp(self._store.now())
        conditions = list(status.get("conditions", ()))
        for name in _WATCHED:
            old = condition({"conditions": conditions}, name)
            if old is not None and old["status"] == "Unknown":
                continue
            reason, text = _SILENT if old is not None else _NEVER
            since = node["metadata"]["creationTimestamp"]
            beat = (old or {}).get("lastHeartbeatTime") or since
            entry = {
                "type": name, "status": "Unknown", "reason": reason, "message": text,
                "lastHeartbeatTime": beat, "lastTransitionTime": now,
            }  # fmt: skip
            if old is None:
                conditions.append(entry)
            else:
                conditions[conditions.index(old)] = entry
        if conditions == status.get("conditions"):
            return node
        if _ready_word(node) == "True":
            text = f"Node {node['metadata']['name']} status is now: NodeNotReady"
            self._events.note(node, "NodeNotReady", text)
        return set_status(self._store, NODE, node, {**status, "conditions": conditions})

    def _mark_pods(self, node: Object) -> None:
        """Say of the node's pods that they are not ready, as they can't say it themselves."""
        name = node["metadata"]["name"]
        for pod in list(self._store.objects(POD)):
            if pod["spec"].get("nodeName") != name or not is_true(pod, "Ready"):
                continue
            now = stamp(self._store.now())
            conditions = [
                {**entry, "status": "False", "lastTransitionTime": now}
                if entry["type"] == "Ready" else entry
                for entry in pod["status"]["conditions"]
            ]  # fmt: skip
            set_status(self._store, POD, pod, {**pod["status"], "conditions": conditions})
            self._events.note(pod, "NodeNotReady", "Node is not ready", warning=True)


def _ready_word(node: Object) -> str:
    return str((condition(node.get("status", {}), "Ready") or {}).get("status", ""))


def _heartbeat(node: Object) -> str | None:
    ready = condition(node.get("status", {}), "Ready") or {}
    beat: str | None = ready.get("lastHeartbeatTime")
    return beat


def _renewal(lease: Object) -> str | None:
    renewed: str | None = lease.get("spec", {}).get("renewTime")
    return renewed
