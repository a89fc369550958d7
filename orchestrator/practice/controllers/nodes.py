"""The node controllers: what a node is given for its cordon, its Ready condition and its labels.

It believes what nodes say of themselves; `node_health` declares those lost that say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
_TTL: Final = "node.alpha.kubernetes.io/ttl"
_OLD_LABELS: Final = {
    "kubernetes.io/os": "beta.kubernetes.io/os",
    "kubernetes.io/arch": "beta.kubernetes.io/arch",
}
"""Names that labels had once; whoever still selects by them finds the node too."""
_TTLS: Final = ((100, 0), (500, 15), (1000, 30), (2000, 60))
"""For how many seconds a kubelet may keep an object, by the number of nodes."""


class Nodes:
    """Looks after the taints, the old labels and the caching time of all nodes."""

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
        """Give one node what it deserves."""
        node = self._store.get(NODE, *key)
        if node is None:
            return None
        old = node["spec"].get("taints", [])
        kept = [taint for taint in old if not _is_managed(taint)]
        names = _deserved(node)
        wanted = kept + [self._taint(name, "NoSchedule", old) for name in names]
        if self._drives_off(node):
            wanted += [self._taint(name, "NoExecute", old) for name in names if name != CORDONED]
        metadata = self._told(node["metadata"])
        if (wanted, metadata) == (old, node["metadata"]):
            return None
        spec = {name: value for name, value in node["spec"].items() if name != "taints"}
        if wanted:
            spec["taints"] = wanted
        update(self._store, NODE, node, {**node, "metadata": metadata, "spec": spec})
        return None

    def _told(self, metadata: Object) -> Object:
        """A node's metadata with its labels' old names, and with the caching time."""
        number = sum(1 for _ in self._store.objects(NODE))
        seconds = next((ttl for most, ttl in _TTLS if number <= most), 300)
        labels = metadata.get("labels", {})
        annotations = {**metadata.get("annotations", {}), _TTL: str(seconds)}
        told = {**metadata, "annotations": annotations}
        return {**told, "labels": labels | _old_labels(labels)} if labels else told

    def _drives_off(self, node: Object) -> bool:
        """Whether pods are to leave a node; with no node left to go to they stay where they are."""
        others = (_ready(other) for other in self._store.objects(NODE))
        return _ready(node) in {"False", "Unknown"} and "True" in others

    def _taint(self, name: str, effect: str, old: list[Object]) -> Object:
        for taint in old:
            if (taint["key"], taint["effect"]) == (name, effect):
                return taint
        return {"key": name, "effect": effect, "timeAdded": stamp(self._store.now())}


def _old_labels(labels: Mapping[str, str]) -> Object:
    return {old: labels[new] for new, old in _OLD_LABELS.items() if new in labels}


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
