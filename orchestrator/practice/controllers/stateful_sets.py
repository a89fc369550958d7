"""The stateful set controller: pods with a place each, made and replaced in order.

A pod that is gone comes back under its name, with the same claims. Binding those claims to
volumes is not its business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.core import POD
from orchestrator.practice.api.served.sets import STATEFUL_SET
from orchestrator.practice.api.served.storage import CLAIM
from orchestrator.practice.api.statuses import ApiError
from orchestrator.practice.api.store import Change, Store
from orchestrator.practice.api.writing import create, set_status
from orchestrator.practice.controllers.histories import (
    History,
    forget_history,
    history_of,
    template_of,
)
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key
from orchestrator.practice.controllers.owners import claim, controller_of
from orchestrator.practice.controllers.pods import available_in, is_ready
from orchestrator.practice.controllers.recording import Recorder
from orchestrator.practice.controllers.replica_sets import fresh
from orchestrator.practice.controllers.retention import keep_to_policy
from orchestrator.practice.controllers.templates import pod_of

Object = dict[str, Any]
NAME: Final = "statefulset-controller"
HASH: Final = "controller-revision-hash"
REVISION_HASH: Final = "controller.kubernetes.io/hash"
POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
POD_INDEX: Final = "apps.kubernetes.io/pod-index"
_ENDED: Final = {"Succeeded", "Failed"}


@dataclass(slots=True)
class Places:
    """A stateful set with its pods by ordinal, as they are in the middle of one look."""

    stateful_set: Object
    history: History
    current: Object
    """The revision that pods had before the newest one."""
    pods: dict[int, Object]

    @property
    def wanted(self) -> range:
        """The ordinals that there should be."""
        spec = self.stateful_set["spec"]
        start = spec.get("ordinals", {}).get("start", 0)
        return range(start, start + spec["replicas"])

    @property
    def in_order(self) -> bool:
        """Whether each pod waits for the one before it."""
        return bool(self.stateful_set["spec"]["podManagementPolicy"] == "OrderedReady")

    @property
    def partition(self) -> int:
        """The first ordinal that gets the newest template."""
        rolling = self.stateful_set["spec"]["updateStrategy"].get("rollingUpdate") or {}
        return int(rolling.get("partition", 0))

    def revision_for(self, ordinal: int) -> Object:
        """The revision that a new pod is made by."""
        rolls = self.stateful_set["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        kept = rolls and ordinal < self.wanted.start + self.partition
        return self.current if kept else self.history.newest


class StatefulSets:
    """Looks after all stateful sets."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, NAME)

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {STATEFUL_SET: own_key, POD: self._sets_of}
        return ControlLoop(self._store, NAME, watches, self.reconcile)

    def _sets_of(self, change: Change) -> Iterable[Key]:
        """The stateful sets that a pod belongs to, or could be adopted by."""
        pod = change.stored.object
        owner, namespace = controller_of(pod), pod["metadata"]["namespace"]
        if owner is not None:
            if owner["kind"] == STATEFUL_SET.name:
                yield namespace, owner["name"]
            return
        for stateful_set in self._store.objects(STATEFUL_SET, namespace):
            if ordinal_of(stateful_set, pod) is not None:
                yield namespace, stateful_set["metadata"]["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Take one step towards what is wanted, and say how things are."""
        stateful_set = self._store.get(STATEFUL_SET, *key)
        if stateful_set is None:
            return None
        places = self._places(stateful_set)
        if "deletionTimestamp" not in stateful_set["metadata"]:
            self._step(places)
        return self._report(self._seen_again(places))

    def _places(self, stateful_set: Object) -> Places:
        history = history_of(self._store, stateful_set, hash_label=REVISION_HASH)
        known = stateful_set.get("status", {}).get("currentRevision", "")
        current = history.named(known) or history.newest
        return Places(stateful_set, history, current, self._pods(stateful_set))

    def _pods(self, stateful_set: Object) -> dict[int, Object]:
        claimed = claim(self._store, stateful_set, POD, of_object(stateful_set["spec"]["selector"]))
        numbered = [(ordinal_of(stateful_set, pod), pod) for pod in claimed]
        return {ordinal: pod for ordinal, pod in numbered if ordinal is not None}

    def _seen_again(self, places: Places) -> Places:
        places.pods = self._pods(places.stateful_set)
        return places

    def _step(self, places: Places) -> None:
        self._keep_claims(places)
        if self._fill(places) and self._condemn(places):
            self._roll(places)

    def _keep_claims(self, places: Places) -> None:
        stateful_set = places.stateful_set
        for ordinal, pod in places.pods.items():
            names = [each["metadata"]["name"] for each in _claims_for(stateful_set, ordinal)]
            is_wanted = ordinal in places.wanted
            keep_to_policy(self._store, stateful_set, pod, names, is_wanted=is_wanted)

    def _fill(self, places: Places) -> bool:
        """Make the pods that are missing; False while one of them has to be waited for."""
        for ordinal in places.wanted:
            pod = places.pods.get(ordinal)
            if pod is not None and pod.get("status", {}).get("phase") in _ENDED:
                if "deletionTimestamp" not in pod["metadata"]:
                    self._end(places, pod)
                pod = self._store.get(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
            if pod is None:
                self._make(places, ordinal)
                if places.in_order:
                    return False
            elif places.in_order and not self._is_healthy(places, pod):
                return False
        return True

    def _condemn(self, places: Places) -> bool:
        """Delete the pods beyond the number wanted, the last one first; False while any is left."""
        beyond = sorted((item for item in places.pods if item not in places.wanted), reverse=True)
        for ordinal in beyond:
            pod = places.pods[ordinal]
            if "deletionTimestamp" not in pod["metadata"]:
                self._end(places, pod)
            if places.in_order:
                return False
        return not beyond

    def _roll(self, places: Places) -> None:
        """Replace one pod that has an older template, the last one first."""
        if places.stateful_set["spec"]["updateStrategy"]["type"] != "RollingUpdate":
            return
        newest = places.history.newest["metadata"]["name"]
        for ordinal in reversed(places.wanted):
            if ordinal < places.wanted.start + places.partition:
                return
            pod = places.pods.get(ordinal)
            if pod is None or "deletionTimestamp" in pod["metadata"]:
                return
            if revision_name(pod) != newest:
                self._end(places, pod)
                return
            if not self._is_healthy(places, pod):
                return

    def _is_healthy(self, places: Places, pod: Object) -> bool:
        least = places.stateful_set["spec"].get("minReadySeconds", 0)
        running = pod.get("status", {}).get("phase") == "Running"
        available = available_in(pod, least, self._store.now()) == timedelta()
        return running and available and "deletionTimestamp" not in pod["metadata"]

    def _make(self, places: Places, ordinal: int) -> None:
        stateful_set = places.stateful_set
        name = f"{stateful_set['metadata']['name']}-{ordinal}"
        self._make_claims(stateful_set, ordinal)
        pod = _pod_for(stateful_set, places.revision_for(ordinal), ordinal)
        text = f"Create Pod {name} in StatefulSet {stateful_set['metadata']['name']}"
        try:
            create(self._store, POD, pod, namespace=stateful_set["metadata"]["namespace"])
        except ApiError as refusal:
            why = f"{text} failed error: {refusal}"
            self._events.note(stateful_set, "FailedCreate", why, warning=True)
            raise
        self._events.note(stateful_set, "SuccessfulCreate", f"{text} successful")

    def _make_claims(self, stateful_set: Object, ordinal: int) -> None:
        metadata = stateful_set["metadata"]
        for wanted in _claims_for(stateful_set, ordinal):
            name = wanted["metadata"]["name"]
            if self._store.get(CLAIM, metadata["namespace"], name) is None:
                create(self._store, CLAIM, wanted, namespace=metadata["namespace"])
                text = (
                    f"Create Claim {name} Pod {metadata['name']}-{ordinal} in StatefulSet "
                    f"{metadata['name']} success"
                )
                self._events.note(stateful_set, "SuccessfulCreate", text)

    def _end(self, places: Places, pod: Object) -> None:
        delete(self._store, POD, pod, Deletion())
        owner = places.stateful_set["metadata"]["name"]
        text = f"Delete Pod {pod['metadata']['name']} in StatefulSet {owner} successful"
        self._events.note(places.stateful_set, "SuccessfulDelete", text)

    def _report(self, places: Places) -> timedelta | None:
        stateful_set = self._store.get(
            STATEFUL_SET,
            places.stateful_set["metadata"]["namespace"],
            places.stateful_set["metadata"]["name"],
        )
        if stateful_set is None:
            return None
        least, now = stateful_set["spec"].get("minReadySeconds", 0), self._store.now()
        waits = {item: available_in(pod, least, now) for item, pod in places.pods.items()}
        status = _counted(places, [item for item, wait in waits.items() if wait == timedelta()])
        if status != stateful_set.get("status"):
            set_status(self._store, STATEFUL_SET, stateful_set, status)
        live = {revision_name(pod) for pod in places.pods.values()}
        live |= {status["currentRevision"], status["updateRevision"]}
        forget_history(self._store, stateful_set, places.history, live)
        return min((wait for wait in waits.values() if wait), default=None)


def ordinal_of(stateful_set: Object, pod: Object) -> int | None:
    """The place of a pod in a stateful set, or none if its name is not made that way."""
    stem = re.escape(stateful_set["metadata"]["name"])
    found = re.fullmatch(rf"{stem}-(0|[1-9]\d*)", pod["metadata"]["name"])
    return int(found[1]) if found else None


def revision_name(pod: Object) -> str:
    """The revision that a pod was made by."""
    return str(pod["metadata"].get("labels", {}).get(HASH, ""))


def _pod_for(stateful_set: Object, revision: Object, ordinal: int) -> Object:
    name = f"{stateful_set['metadata']['name']}-{ordinal}"
    labels = {HASH: revision["metadata"]["name"], POD_NAME: name, POD_INDEX: str(ordinal)}
    pod = pod_of(stateful_set, template_of(revision), labels=labels, name=name)
    spec = pod["spec"]
    spec["hostname"] = name
    if stateful_set["spec"].get("serviceName"):
        spec["subdomain"] = stateful_set["spec"]["serviceName"]
    claims = [
        {
            "name": claim_name.rpartition(f"-{name}")[0],
            "persistentVolumeClaim": {"claimName": claim_name},
        }
        for claim_name in (
            wanted["metadata"]["name"] for wanted in _claims_for(stateful_set, ordinal)
        )
    ]
    taken = {volume["name"] for volume in claims}
    kept = [volume for volume in spec.get("volumes", ()) if volume["name"] not in taken]
    if claims or kept:
        spec["volumes"] = [*claims, *kept]
    return pod


def _claims_for(stateful_set: Object, ordinal: int) -> list[Object]:
    """The claims of one place; they outlive the pod and usually the stateful set too."""
    name = f"{stateful_set['metadata']['name']}-{ordinal}"
    labels = stateful_set["spec"]["selector"].get("matchLabels", {})
    claims = []
    for template in stateful_set["spec"].get("volumeClaimTemplates", ()):
        wanted = template.get("metadata", {})
        metadata = {
            "name": f"{wanted['name']}-{name}",
            "labels": {**wanted.get("labels", {}), **labels},
        }
        if wanted.get("annotations"):
            metadata["annotations"] = dict(wanted["annotations"])
        claims.append({"metadata": metadata, "spec": fresh(template["spec"])})
    return claims


def _counted(places: Places, available: list[int]) -> Object:
    stateful_set, newest = places.stateful_set, places.history.newest["metadata"]["name"]
    current = places.current["metadata"]["name"]
    standing = [pod for pod in places.pods.values() if "deletionTimestamp" not in pod["metadata"]]
    ready = sum(1 for pod in places.pods.values() if is_ready(pod))
    by_current = sum(1 for pod in standing if revision_name(pod) == current)
    by_newest = sum(1 for pod in standing if revision_name(pod) == newest)
    wanted = stateful_set["spec"]["replicas"]
    rolls = stateful_set["spec"]["updateStrategy"]["type"] == "RollingUpdate"
    if rolls and by_newest == ready == len(places.pods) == wanted:
        current, by_current = newest, by_newest
    status: Object = {
        "observedGeneration": stateful_set["metadata"]["generation"],
        "replicas": len(places.pods),
    }
    counts = {
        "readyReplicas": ready, "currentReplicas": by_current, "updatedReplicas": by_newest,
    }  # fmt: skip
    status |= {key: count for key, count in counts.items() if count}
    status |= {"currentRevision": current, "updateRevision": newest, "collisionCount": 0}
    return status | {"availableReplicas": len(available)}
