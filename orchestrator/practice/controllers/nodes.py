"""The node controller: taints that follow from a node's cordon and from its Ready condition.

It believes what nodes say of themselves; nobody is declared lost here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.served.core import NODE
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.writing import update
from orchestrator.practice.controllers.conditions import condition
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key

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
        return ControlLoop(self._store, "node-controller", {NODE: own_key}, self.reconcile)

    def reconcile(self, key: Key) -> timedelta | None:
        """Taint one node as it deserves."""
        node = self._store.get(NODE, *key)
        if node is None:
            return None
        old = node["spec"].get("taints", [])
        kept = [taint for taint in old if not _is_managed(taint)]
        wanted = kept + [self._taint(name, old) for name in _deserved(node)]
        if wanted == old:
            return None
        spec = {name: value for name, value in node["spec"].items() if name != "taints"}
        if wanted:
            spec["taints"] = wanted
        update(self._store, NODE, node, {**node, "spec": spec})
        return None

    def _taint(self, name: str, old: list[Object]) -> Object:
        for taint in old:
            if taint["key"] == name and _is_managed(taint):
                return taint
        added = stamp(self._store.now())
        return {"key": name, "effect": "NoSchedule", "timeAdded": added}


def _is_managed(taint: Object) -> bool:
    return taint["key"] in _MANAGED and taint["effect"] == "NoSchedule"


def _deserved(node: Object) -> list[str]:
    """The keys of the taints that a node should have."""
    names = [CORDONED] if node["spec"].get("unschedulable") else []
    ready = (condition(node.get("status", {}), "Ready") or {}).get("status", "False")
    if ready == "Unknown":
        names.append(UNREACHABLE)
    elif ready != "True":
        names.append(NOT_READY)
    return names
