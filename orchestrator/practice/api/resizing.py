"""Refuses a resize that the pod's node could never give, however empty it were.

What others on the node have got is the kubelet's business.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.quantities import quantity
from orchestrator.practice.api.served.core import NODE, POD
from orchestrator.practice.api.statuses import forbidden
from orchestrator.practice.api.store import Store

Object = dict[str, Any]
_UNITS: Final = {"cpu": 1000, "memory": 1}


def refuse_oversize(store: Store, pod: Object, old: Object) -> None:
    """Refuse other resources that exceed what the pod's node has."""
    node = store.get(NODE, "", pod["spec"].get("nodeName", ""))
    if node is None or _requests(pod) == _requests(old):
        return
    allocatable = node.get("status", {}).get("allocatable", {})
    excess = []
    for name, unit in _UNITS.items():
        asked, whole = _requests(pod)[name], quantity(allocatable.get(name, "0"))
        if asked > whole:
            told = f"{name}, requested: {round(asked * unit)}, allocatable: {round(whole * unit)}"
            excess.append(told)
    if excess:
        why = f"node didn't have enough allocatable resources: {'; '.join(excess)}"
        cause = {"reason": "NodeCapacity"}
        raise forbidden(POD, pod["metadata"]["name"], why, causes=[cause])


def _requests(pod: Object) -> dict[str, float]:
    containers = pod["spec"]["containers"]
    asked = [item.get("resources", {}).get("requests", {}) for item in containers]
    return {name: sum(quantity(item.get(name, "0")) for item in asked) for name in _UNITS}
