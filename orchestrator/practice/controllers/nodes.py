"""The node controller: taints that follow from a node's cordon and from its Ready condition.

It believes what nodes say of themselves; `node_health` declares those lost that say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.served.core import NODE
from orchestrator.practice.api.store import Change, Happened, Store
from orchestrator.practice.api.writing import update
from orchestrator.practice.controllers.conditions import condition
from orchestrator.practice.controllers.loops import ControlLoop, Key, key_of, own_key

Object = dict[str, Any]
CORDONED: Final = "node.kubernetes.io/unschedulable"
NOT_READY: Final = "node.kubernetes.io/not-ready"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
_MANAGED: Final = {CORDONED, NOT_READY, UNREACHABLE}


class Nodes:
    """Looks after the taints of all nodes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {NODE: self._on_node}
        return ControlLoop(self._store, "node-controller", watches, self.reconcile)

    def _on_node(self, change: Change) -> Iterable[Key]:
        """The node, or all of them when one of them fails or recovers."""
        before = _ready(change.previous.object) if change.previous else ""
        if before == _ready(change.stored.object) and change.happened is not Happened.DELETED:
            return own_key(change)
        return [key_of(node) for node in self._store.objects(NODE)]

    def reconcile(self, key: Key) -> timedelta | None:
        """Taint one node as it deserves."""
        node = self._store.get(NODE, *key)
        if node is None:
            return None
        old = node["spec"].get("taints", [])
        kept = [taint for taint in old if not _is_managed(taint)]
        names = _deserved(node)
        wanted = kept + [self._taint(name, "NoSchedule", old) for name in names]
        if self._drives_off(node):
            wanted += [self._taint(name, "NoExecute", old) for name in names if name != CORDONED]
        if wanted == old:
            return None
        spec = {name: value for name, value in node["spec"].items() if name != "taints"}
        if wanted:
            spec["taints"] = wanted
        update(self._store, NODE, node, {**node, "spec": spec})
        return None

    def _drives_off(self, node: Object) -> bool:
        """Whether pods are to leave a node; with no node left to go to they stay where they are."""
        others = (_ready(other) for other in self._store.objects(NODE))
        return _ready(node) in {"False", "Unknown"} and "True" in others

    def _taint(self, name: str, effect: str, old: list[Object]) -> Object:
        for taint in old:
            if (taint["key"], taint["effect"]) == (name, effect):
                return taint
        return {"key": name, "effect": effect, "timeAdded": stamp(self._store.now())}


def _ready(node: Object) -> str:
    """What a node's Ready condition says, empty when there is none."""
    return str((condition(node.get("status", {}), "Ready") or {}).get("status", ""))


def _is_managed(taint: Object) -> bool:
    effects = {"NoSchedule"} if taint["key"] == CORDONED else {"NoSchedule", "NoExecute"}
    return taint["key"] in _MANAGED and taint["effect"] in effects


def _deserved(node: Object) -> list[str]:
    """The keys of the taints that a node should have."""
    names = [CORDONED] if node["spec"].get("unschedulable") else []
    ready = _ready(node)
    if ready == "Unknown":
        names.append(UNREACHABLE)
    elif ready != "True":
        names.append(NOT_READY)
    return names
