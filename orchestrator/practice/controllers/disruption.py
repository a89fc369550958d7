"""The disruption controller: how many pods of a budget may go right now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from orchestrator.practice.api.catalogue import kinds_in
from orchestrator.practice.api.clock import instant, stamp
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.apps import DEPLOYMENT, REPLICA_SET
from orchestrator.practice.api.served.core import POD
from orchestrator.practice.api.served.others import DISRUPTION_BUDGET
from orchestrator.practice.api.store import Change, Store
from orchestrator.practice.api.writing import set_status
from orchestrator.practice.controllers.arithmetic import share_of
from orchestrator.practice.controllers.conditions import with_condition
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key
from orchestrator.practice.controllers.owners import controller_of, matching
from orchestrator.practice.controllers.pods import is_active, is_ready

Object = dict[str, Any]
PATIENCE: Final = timedelta(minutes=2)
"""How long an eviction that was allowed may take to show."""


class DisruptionBudgets:
    """Looks after all pod disruption budgets."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {
            DISRUPTION_BUDGET: own_key, POD: self._on_pod, REPLICA_SET: self._on_scale,
            DEPLOYMENT: self._on_scale,
        }  # fmt: skip
        return ControlLoop(self._store, "disruption-controller", watches, self.reconcile)

    def _on_pod(self, change: Change) -> Iterable[Key]:
        pods = [change.stored.object] + ([change.previous.object] if change.previous else [])
        namespace = pods[0]["metadata"]["namespace"]
        labels = [pod["metadata"].get("labels", {}) for pod in pods]
        for budget in self._store.objects(DISRUPTION_BUDGET, namespace):
            selector = of_object(budget["spec"].get("selector"))
            if any(selector.holds(found) for found in labels):
                yield namespace, budget["metadata"]["name"]

    def _on_scale(self, change: Change) -> Iterable[Key]:
        previous, workload = change.previous, change.stored.object
        if previous and previous.object["spec"]["replicas"] == workload["spec"]["replicas"]:
            return
        namespace = workload["metadata"]["namespace"]
        for budget in self._store.objects(DISRUPTION_BUDGET, namespace):
            yield namespace, budget["metadata"]["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Count one budget's pods and write what may go."""
        budget = self._store.get(DISRUPTION_BUDGET, *key)
        if budget is None or "deletionTimestamp" in budget["metadata"]:
            return None
        selector = of_object(budget["spec"].get("selector"))
        pods = matching(self._store, POD, key[0], selector) if "selector" in budget["spec"] else []
        now = self._store.now()
        disrupted = self._still_disrupted(budget, pods, now)
        active = [pod for pod in pods if is_active(pod)]
        healthy = sum(
            1 for pod in active if is_ready(pod) and pod["metadata"]["name"] not in disrupted
        )
        expected, desired = self._wanted(budget, active)
        allowed = max(0, healthy - desired) if expected else 0
        status: Object = {
            "disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired,
            "expectedPods": expected, "observedGeneration": budget["metadata"]["generation"],
        }  # fmt: skip
        if disrupted:
            status["disruptedPods"] = disrupted
        status["conditions"] = self._conditions(budget, allowed)
        if status != budget.get("status"):
            set_status(self._store, DISRUPTION_BUDGET, budget, status)
        return PATIENCE if disrupted else None

    def _still_disrupted(self, budget: Object, pods: list[Object], now: datetime) -> Object:
        """The evictions that were allowed and do not show in the pods yet."""
        active = {pod["metadata"]["name"] for pod in pods if is_active(pod)}
        return {
            name: since
            for name, since in budget.get("status", {}).get("disruptedPods", {}).items()
            if name in active and now - instant(since) < PATIENCE
        }

    def _wanted(self, budget: Object, pods: list[Object]) -> tuple[int, int]:
        """How many pods there should be, and how many of them must stay healthy."""
        spec = budget["spec"]
        least, most_missing = spec.get("minAvailable"), spec.get("maxUnavailable")
        if most_missing is not None:
            expected = self._expected(pods)
            return expected, max(0, expected - share_of(most_missing, expected, up=True))
        if least is None:
            return 0, 0
        if isinstance(least, int):
            return len(pods), least
        expected = self._expected(pods)
        return expected, share_of(least, expected, up=True)

    def _expected(self, pods: list[Object]) -> int:
        """The sum of what the workloads of the pods are asked for."""
        sizes: dict[str, int] = {}
        loose = 0
        for pod in pods:
            top = self._top(pod)
            if top is None:
                loose += 1
            else:
                sizes[top["metadata"]["uid"]] = top["spec"]["replicas"]
        return sum(sizes.values()) + loose

    def _top(self, obj: Object) -> Object | None:
        """The workload that an object belongs to in the end."""
        found: Object | None = None
        owner = controller_of(obj)
        while owner is not None:
            kind = kinds_in(self._store).of(owner["apiVersion"], owner["kind"])
            parent = (
                self._store.get(kind, obj["metadata"]["namespace"], owner["name"]) if kind else None
            )
            if parent is None or "replicas" not in parent.get("spec", {}):
                break
            found, owner = parent, controller_of(parent)
        return found

    def _conditions(self, budget: Object, allowed: int) -> list[Object]:
        status, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
        entry = {
            "type": "DisruptionAllowed", "status": status, "reason": reason, "message": "",
            "observedGeneration": budget["metadata"]["generation"],
            "lastTransitionTime": stamp(self._store.now()),
        }  # fmt: skip
        return with_condition(budget.get("status", {}).get("conditions", ()), entry)
