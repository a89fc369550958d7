"""The scheduler: pods get nodes that have room for them and that they tolerate.

Cordons, taints, node selectors, required node affinity and requests are looked at; priorities,
preemption and affinity between pods are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.ownership import SCHEDULER_OF_STATUS
from orchestrator.practice.api.quantities import quantity
from orchestrator.practice.api.selectors import Requirement
from orchestrator.practice.api.served.core import NODE, POD
from orchestrator.practice.api.served.storage import CLAIM
from orchestrator.practice.api.store import Change, Store
from orchestrator.practice.api.subresources import bind
from orchestrator.practice.api.writing import set_status
from orchestrator.practice.controllers.conditions import condition, without_condition
from orchestrator.practice.controllers.loops import ControlLoop, Key, key_of
from orchestrator.practice.controllers.owners import controller_of
from orchestrator.practice.controllers.recording import Recorder
from orchestrator.practice.controllers.volumes import claims_of

Object = dict[str, Any]
NAME: Final = "default-scheduler"
ENOUGH: Final = 16
"""How many fitting nodes are compared; a large cluster has more of them than need be looked at."""
_UNSCHEDULABLE: Final = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_HARD: Final = {"NoSchedule", "NoExecute"}


def requests_of(pod: Object) -> dict[str, float]:
    """What a pod reserves on its node.

    Units: cores, bytes.
    """
    spec = pod["spec"]
    total: dict[str, float] = {}
    for container in spec.get("containers", ()):
        for name, value in container.get("resources", {}).get("requests", {}).items():
            total[name] = total.get(name, 0.0) + quantity(value)
    first: dict[str, float] = {}
    for container in spec.get("initContainers", ()):
        for name, value in container.get("resources", {}).get("requests", {}).items():
            first[name] = max(first.get(name, 0.0), quantity(value))
    return {name: max(total.get(name, 0.0), first.get(name, 0.0)) for name in {*total, *first}}


@dataclass(slots=True)
class Usage:
    """What the pods of one node have reserved."""

    pods: dict[Key, tuple[str, dict[str, float]]] = field(default_factory=dict)
    owners: Counter[str] = field(default_factory=Counter)
    reserved: dict[str, float] = field(default_factory=dict)


class Scheduler:
    """Gives pods without a node one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, NAME)
        self._usage: dict[str, Usage] = {}
        self._placed: dict[Key, str] = {}
        self._waiting: dict[Key, None] = {}
        self._turn = 0

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {POD: self._on_pod, NODE: self._on_node, CLAIM: self._on_claim}
        return ControlLoop(self._store, NAME, watches, self.reconcile)

    def _on_pod(self, change: Change) -> Iterable[Key]:
        """The pod itself if it has no node; those that wait, if it freed a place."""
        pod = change.stored.object
        key = key_of(pod)
        present = self._store.get(POD, *key)
        finished = pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}
        if present is None or finished:
            freed = self._free(key)
            self._waiting.pop(key, None)
            return list(self._waiting) if freed else ()
        if present["spec"].get("nodeName"):
            self._reserve(present)
            return ()
        return (key,)

    def _on_node(self, change: Change) -> Iterable[Key]:
        """Those that wait, when a node changed in a way that could help them."""
        if change.previous and _offer(change.previous.object) == _offer(change.stored.object):
            return ()
        return list(self._waiting)

    def _on_claim(self, change: Change) -> Iterable[Key]:
        """Those that wait and use the claim, which may be bound now."""
        namespace, name = key_of(change.stored.object)
        for key in list(self._waiting):
            pod = self._store.get(POD, *key)
            if pod is not None and key[0] == namespace and name in claims_of(pod):
                yield key

    def _reserve(self, pod: Object) -> None:
        key, node = key_of(pod), pod["spec"]["nodeName"]
        if self._placed.get(key) == node:
            return
        self._free(key)
        usage = self._usage.setdefault(node, Usage())
        requests = requests_of(pod)
        usage.pods[key] = (_owner(pod), requests)
        usage.owners[_owner(pod)] += 1
        for name, value in requests.items():
            usage.reserved[name] = usage.reserved.get(name, 0.0) + value
        self._placed[key] = node

    def _free(self, key: Key) -> bool:
        node = self._placed.pop(key, None)
        if node is None:
            return False
        usage = self._usage[node]
        owner, requests = usage.pods.pop(key)
        for name, value in requests.items():
            usage.reserved[name] -= value
        usage.owners[owner] -= 1
        if not usage.owners[owner]:
            del usage.owners[owner]
        return True

    def reconcile(self, key: Key) -> timedelta | None:
        """Bind one pod, or say why it can't be bound."""
        pod = self._store.get(POD, *key)
        if pod is None or pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
            self._waiting.pop(key, None)
            return None
        if pod["spec"].get("schedulerName") != NAME:
            return None
        requests = requests_of(pod)
        unbound = self._unbound(pod)
        fitting, refusals = ([], []) if unbound else self._sorted_out(pod, requests)
        if not fitting:
            self._waiting[key] = None
            self._explain(pod, refusals, unbound)
            return None
        self._waiting.pop(key, None)
        self._place(pod, fitting, requests)
        return None

    def _unbound(self, pod: Object) -> str:
        """What no node can help with: a claim of the pod that has no volume; or empty text."""
        for name in sorted(claims_of(pod)):
            claim = self._store.get(CLAIM, pod["metadata"]["namespace"], name)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim["status"].get("phase") != "Bound":
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _sorted_out(
        self, pod: Object, requests: dict[str, float]
    ) -> tuple[list[Object], list[str]]:
        """Enough nodes that fit, and why the others that were looked at do not.

        The search begins at another node each time, as it ends when it has found enough.
        """
        nodes = list(self._store.objects(NODE))
        fitting: list[Object] = []
        refusals: list[str] = []
        for _ in nodes:
            node = nodes[self._turn % len(nodes)]
            self._turn += 1
            why = self._refusal(pod, node, requests)
            if why:
                refusals.append(why)
                continue
            fitting.append(node)
            if len(fitting) == ENOUGH:
                break
        return fitting, refusals

    def _place(self, pod: Object, fitting: list[Object], requests: dict[str, float]) -> None:
        owner, wanted = _owner(pod), {"cpu": 0.0, "memory": 0.0, **requests}
        node = min(fitting, key=lambda node: self._rank(owner, node, wanted))
        name = node["metadata"]["name"]
        bind(self._store, pod, name)
        bound = self._store.get(POD, *key_of(pod))
        if bound is not None:
            self._reserve(bound)
        metadata = pod["metadata"]
        message = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {name}"
        self._events.note(pod, "Scheduled", message)

    def _rank(self, owner: str, node: Object, wanted: dict[str, float]) -> tuple[Any, ...]:
        """Siblings apart, then the emptier node first."""
        name = node["metadata"]["name"]
        usage = self._usage.get(name) or Usage()
        offered = node.get("status", {}).get("allocatable", {})
        share = max(
            (usage.reserved.get(key, 0.0) + value) / (quantity(offered[key]) or 1.0)
            if key in offered else 0.0
            for key, value in wanted.items()
        )  # fmt: skip
        return usage.owners[owner], round(share, 4), len(usage.pods), name

    def _refusal(self, pod: Object, node: Object, requests: dict[str, float]) -> str:
        """Why a pod can't run on a node, or empty text."""
        spec = node.get("spec", {})
        if spec.get("unschedulable") and not tolerates(pod, _UNSCHEDULABLE):
            return "node(s) were unschedulable"
        for taint in spec.get("taints", ()):
            if taint["effect"] in _HARD and not tolerates(pod, taint):
                value = taint.get("value", "")
                return f"node(s) had untolerated taint {{{taint['key']}: {value}}}"
        if not is_selected(pod, node):
            return "node(s) didn't match Pod's node affinity/selector"
        return self._shortage(node, requests)

    def _shortage(self, node: Object, requests: dict[str, float]) -> str:
        offered = node.get("status", {}).get("allocatable", {})
        usage = self._usage.get(node["metadata"]["name"]) or Usage()
        if len(usage.pods) >= quantity(offered.get("pods", "110")):
            return "Too many pods"
        for name, value in requests.items():
            free = quantity(offered.get(name, "0")) - usage.reserved.get(name, 0.0)
            if value > free + 1e-9:
                return f"Insufficient {name}"
        return ""

    def _explain(self, pod: Object, refusals: list[str], unbound: str = "") -> None:
        count = len(refusals)
        if unbound:
            number = sum(1 for _ in self._store.objects(NODE))
            message = f"0/{number} nodes are available: {unbound}. not found"
        elif count:
            reasons = ", ".join(
                f"{times} {why}" for why, times in sorted(Counter(refusals).items())
            )
            message = (
                f"0/{count} nodes are available: {reasons}. no new claims to deallocate, "
                f"preemption: 0/{count} nodes are available: "
                f"{count} Preemption is not helpful for scheduling."
            )
        else:
            message = "no nodes available to schedule pods"
        entry = {
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": message, "lastProbeTime": None,
            "lastTransitionTime": stamp(self._store.now()),
        }  # fmt: skip
        status = pod.get("status", {})
        old = condition(status, "PodScheduled") or {}
        if old.get("message") == message:
            return
        if old.get("status") == "False":
            entry["lastTransitionTime"] = old["lastTransitionTime"]
        others = without_condition(status.get("conditions", ()), "PodScheduled")
        conditions = [*others, entry]
        set_status(
            self._store, POD, pod, {**status, "conditions": conditions}, by=SCHEDULER_OF_STATUS
        )
        self._events.note(pod, "FailedScheduling", message, warning=True)


def _owner(pod: Object) -> str:
    owner = controller_of(pod)
    return str(owner["uid"]) if owner else ""


def _offer(node: Object) -> tuple[Any, ...]:
    """What of a node decides whether pods fit."""
    spec, status = node.get("spec", {}), node.get("status", {})
    labels = node["metadata"].get("labels", {})
    return spec.get("unschedulable"), spec.get("taints"), status.get("allocatable"), labels


def tolerates(pod: Object, taint: Object) -> bool:
    """Whether one of a pod's tolerations covers a taint."""
    return any(covers_taint(item, taint) for item in pod["spec"].get("tolerations", ()))


def covers_taint(toleration: Object, taint: Object) -> bool:
    """Whether a toleration is about a taint."""
    effect, key = toleration.get("effect"), toleration.get("key")
    if (effect and effect != taint.get("effect")) or (key and key != taint.get("key")):
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("value", "") == taint.get("value", ""))


def is_selected(pod: Object, node: Object) -> bool:
    """Whether the pod's node selector and required node affinity hold for a node."""
    labels = node["metadata"].get("labels", {})
    wanted = pod["spec"].get("nodeSelector", {})
    if not wanted.items() <= labels.items():
        return False
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_term_holds(term, node) for term in required.get("nodeSelectorTerms", ()))


def _term_holds(term: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels", {})
    fields = {"metadata.name": node["metadata"]["name"]}
    expressions = [(entry, labels) for entry in term.get("matchExpressions", ())]
    expressions += [(entry, fields) for entry in term.get("matchFields", ())]
    return bool(expressions) and all(
        Requirement(entry["key"], entry["operator"], frozenset(entry.get("values", ()))).holds(
            found
        )
        for entry, found in expressions
    )
