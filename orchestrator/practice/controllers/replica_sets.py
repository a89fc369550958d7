"""The replica set controller: as many pods as asked for, made from one template.

Which replica set should have how many is the deployment controller's decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import instant, stamp
from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.apps import REPLICA_SET
from orchestrator.practice.api.served.core import POD
from orchestrator.practice.api.statuses import ApiError
from orchestrator.practice.api.store import Change, Store
from orchestrator.practice.api.writing import create, set_status
from orchestrator.practice.controllers.conditions import with_condition, without_condition
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key
from orchestrator.practice.controllers.owners import claim, controller_of, reference_to
from orchestrator.practice.controllers.pods import available_in, is_active, is_leaving, is_ready
from orchestrator.practice.controllers.recording import Recorder

Object = dict[str, Any]
BURST: Final = 500
"""How many pods are made or deleted in one look."""
_PHASES: Final = {"Pending": 0, "Unknown": 1, "Running": 2}
_COST: Final = "controller.kubernetes.io/pod-deletion-cost"


class ReplicaSets:
    """Looks after all replica sets."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, "replicaset-controller")

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {REPLICA_SET: own_key, POD: self._sets_of}
        return ControlLoop(self._store, "replicaset-controller", watches, self.reconcile)

    def _sets_of(self, change: Change) -> Iterable[Key]:
        """The replica sets that a pod belongs to, belonged to, or could be adopted by."""
        pods = [change.stored.object] + ([change.previous.object] if change.previous else [])
        for pod in pods:
            owner = controller_of(pod)
            namespace = pod["metadata"]["namespace"]
            if owner is not None:
                if owner["kind"] == REPLICA_SET.name:
                    yield namespace, owner["name"]
                continue
            labels = pod["metadata"].get("labels", {})
            for replica_set in self._store.objects(REPLICA_SET, namespace):
                if of_object(replica_set["spec"]["selector"]).holds(labels):
                    yield namespace, replica_set["metadata"]["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Make or delete pods, then say how things are."""
        replica_set = self._store.get(REPLICA_SET, *key)
        if replica_set is None:
            return None
        selector = of_object(replica_set["spec"]["selector"])
        claimed = claim(self._store, replica_set, POD, selector)
        pods = [pod for pod in claimed if is_active(pod)]
        failure: ApiError | None = None
        if "deletionTimestamp" not in replica_set["metadata"]:
            try:
                self._manage(replica_set, pods)
            except ApiError as refusal:
                failure = refusal
        now = self._store.get(REPLICA_SET, *key)
        if now is None:
            return None
        if len(pods) != now["spec"]["replicas"]:
            claimed = claim(self._store, now, POD, selector)
        return self._report(now, claimed, failure)

    def _manage(self, replica_set: Object, pods: list[Object]) -> None:
        missing = replica_set["spec"]["replicas"] - len(pods)
        if missing > 0:
            for _ in range(min(missing, BURST)):
                self._make(replica_set)
        elif missing < 0:
            for pod in _victims(pods)[: min(-missing, BURST)]:
                self._end(replica_set, pod)

    def _make(self, replica_set: Object) -> None:
        template, metadata = replica_set["spec"]["template"], replica_set["metadata"]
        wanted = template.get("metadata", {})
        pod = {
            "metadata": {
                "generateName": f"{metadata['name']}-",
                "ownerReferences": [reference_to(replica_set)],
                **{key: dict(wanted[key]) for key in ("labels", "annotations") if wanted.get(key)},
            },
            "spec": fresh(template["spec"]),
        }
        try:
            made = create(self._store, POD, pod, namespace=metadata["namespace"])
        except ApiError as refusal:
            self._events.note(
                replica_set, "FailedCreate", f"Error creating: {refusal}", warning=True
            )
            raise
        message = f"Created pod: {made['metadata']['name']}"
        self._events.note(replica_set, "SuccessfulCreate", message)

    def _end(self, replica_set: Object, pod: Object) -> None:
        delete(self._store, POD, pod, Deletion())
        message = f"Deleted pod: {pod['metadata']['name']}"
        self._events.note(replica_set, "SuccessfulDelete", message)

    def _report(
        self, replica_set: Object, claimed: list[Object], failure: ApiError | None
    ) -> timedelta | None:
        pods = [pod for pod in claimed if is_active(pod)]
        spec, now = replica_set["spec"], self._store.now()
        waits = [available_in(pod, spec.get("minReadySeconds", 0), now) for pod in pods]
        labels = of_object({"matchLabels": spec["template"]["metadata"].get("labels", {})})
        ready = sum(1 for pod in pods if is_ready(pod))
        available = sum(1 for wait in waits if wait == timedelta())
        full = sum(1 for pod in pods if labels.holds(pod["metadata"].get("labels", {})))
        counts = {
            "fullyLabeledReplicas": full, "readyReplicas": ready, "availableReplicas": available,
        }  # fmt: skip
        status: Object = {"replicas": len(pods)}
        status |= {key: count for key, count in counts.items() if count}
        status["terminatingReplicas"] = sum(1 for pod in claimed if is_leaving(pod))
        status["observedGeneration"] = replica_set["metadata"]["generation"]
        conditions = self._conditions(replica_set, failure)
        if conditions:
            status["conditions"] = conditions
        if status != replica_set.get("status"):
            set_status(self._store, REPLICA_SET, replica_set, status)
        if failure is not None:
            raise failure
        return min((wait for wait in waits if wait), default=None)

    def _conditions(self, replica_set: Object, failure: ApiError | None) -> list[Object]:
        conditions = replica_set.get("status", {}).get("conditions", [])
        if failure is None:
            return without_condition(conditions, "ReplicaFailure")
        entry = {
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
            "message": str(failure), "lastTransitionTime": stamp(self._store.now()),
        }  # fmt: skip
        return with_condition(conditions, entry)


def _victims(pods: list[Object]) -> list[Object]:
    """The pods in the order in which they may go."""
    crowds: dict[str, int] = {}
    for pod in pods:
        node = pod["spec"].get("nodeName", "")
        crowds[node] = crowds.get(node, 0) + 1
    return sorted(pods, key=lambda pod: _worth(pod, crowds))


def _worth(pod: Object, crowds: dict[str, int]) -> tuple[Any, ...]:
    """How much a pod is worth keeping; the least goes first.

    Source: the rules by which Kubernetes ranks active pods for deletion.
    """
    metadata, status = pod["metadata"], pod.get("status", {})
    node = pod["spec"].get("nodeName", "")
    ready = is_ready(pod)
    cost = metadata.get("annotations", {}).get(_COST, "0")
    restarts = max(
        (entry.get("restartCount", 0) for entry in status.get("containerStatuses", ())), default=0
    )
    return (
        bool(node),
        _PHASES.get(status.get("phase", ""), 1),
        ready,
        int(cost) if cost.lstrip("+-").isdigit() else 0,
        -crowds[node],
        -_age_rank(_ready_since(pod)) if ready else 0,
        -restarts,
        -_age_rank(metadata["creationTimestamp"]),
        metadata["name"],
    )


def _ready_since(pod: Object) -> str:
    for entry in pod["status"]["conditions"]:
        if entry["type"] == "Ready":
            return str(entry.get("lastTransitionTime") or pod["metadata"]["creationTimestamp"])
    return str(pod["metadata"]["creationTimestamp"])


def _age_rank(text: str) -> float:
    return instant(text).timestamp()


def fresh(value: Any) -> Any:
    """A copy that shares nothing that defaults could change."""
    if isinstance(value, dict):
        return {key: fresh(item) for key, item in value.items()}
    if isinstance(value, list):
        return [fresh(item) for item in value]
    return value
