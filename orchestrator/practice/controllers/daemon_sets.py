"""The daemon set controller: one pod on each node that takes it.

It says which node a pod is for; the scheduler binds it there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.defaults.sets import GENERATION
from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.core import NODE, POD
from orchestrator.practice.api.served.sets import DAEMON_SET
from orchestrator.practice.api.statuses import ApiError
from orchestrator.practice.api.store import Change, Happened, Store
from orchestrator.practice.api.writing import create, set_status
from orchestrator.practice.controllers.arithmetic import share_of
from orchestrator.practice.controllers.histories import (
    History,
    forget_history,
    hash_of,
    history_of,
)
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key
from orchestrator.practice.controllers.owners import claim, controller_of
from orchestrator.practice.controllers.pods import available_in, is_ready
from orchestrator.practice.controllers.recording import Recorder
from orchestrator.practice.controllers.scheduling import is_selected, tolerates
from orchestrator.practice.controllers.templates import pod_of

Object = dict[str, Any]
NAME: Final = "daemonset-controller"
HASH: Final = "controller-revision-hash"
POD_GENERATION: Final = "pod-template-generation"
_TOLERATED: Final = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


@dataclass(slots=True)
class Spread:
    """A daemon set with its pods by node, as they are in the middle of one look."""

    daemon_set: Object
    history: History
    wanted: set[str]
    """The nodes that should have a pod."""
    kept: set[str]
    """The nodes whose pod may stay."""
    pods: dict[str, list[Object]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What tells pods of the present template from others."""
        return hash_of(self.history.newest, HASH)


class DaemonSets:
    """Looks after all daemon sets."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, NAME)

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {DAEMON_SET: own_key, POD: self._sets_of, NODE: self._on_node}
        return ControlLoop(self._store, NAME, watches, self.reconcile)

    def _sets_of(self, change: Change) -> Iterable[Key]:
        """The daemon sets that a pod belongs to, or could be adopted by."""
        pod = change.stored.object
        owner, namespace = controller_of(pod), pod["metadata"]["namespace"]
        if owner is not None:
            if owner["kind"] == DAEMON_SET.name:
                yield namespace, owner["name"]
            return
        labels = pod["metadata"].get("labels", {})
        for daemon_set in self._store.objects(DAEMON_SET, namespace):
            if of_object(daemon_set["spec"]["selector"]).holds(labels):
                yield namespace, daemon_set["metadata"]["name"]

    def _on_node(self, change: Change) -> Iterable[Key]:
        """All daemon sets, when a node came, went or changed in what decides about pods."""
        before = _offer(change.previous.object) if change.previous else None
        if before == _offer(change.stored.object) and change.happened is not Happened.DELETED:
            return ()
        return [
            (item["metadata"]["namespace"], item["metadata"]["name"])
            for item in self._store.objects(DAEMON_SET)
        ]

    def reconcile(self, key: Key) -> timedelta | None:
        """Make and delete pods, and say how things are."""
        daemon_set = self._store.get(DAEMON_SET, *key)
        if daemon_set is None:
            return None
        spread = self._spread(daemon_set)
        if "deletionTimestamp" not in daemon_set["metadata"]:
            self._manage(spread)
            self._roll(spread)
        return self._report(spread)

    def _spread(self, daemon_set: Object) -> Spread:
        history = history_of(self._store, daemon_set, hash_label=HASH)
        probe = _probe(daemon_set)
        wanted, kept = set(), set()
        for node in self._store.objects(NODE):
            takes, keeps = _fits(probe, node)
            wanted |= {node["metadata"]["name"]} if takes else set()
            kept |= {node["metadata"]["name"]} if keeps else set()
        spread = Spread(daemon_set, history, wanted, kept)
        self._look_again(spread)
        return spread

    def _look_again(self, spread: Spread) -> None:
        selector = of_object(spread.daemon_set["spec"]["selector"])
        spread.pods = {}
        for pod in claim(self._store, spread.daemon_set, POD, selector):
            spread.pods.setdefault(node_of(pod), []).append(pod)

    def _manage(self, spread: Spread) -> None:
        """One pod on each node that should have one, none on those that may not."""
        for name in sorted(spread.wanted):
            pods = spread.pods.get(name, [])
            for pod in pods:
                if pod.get("status", {}).get("phase") == "Failed" and _stands(pod):
                    self._note_failed(spread, pod)
                    self._end(spread, pod)
            standing = [pod for pod in pods if _stands(pod)]
            if not pods:
                self._make(spread, name)
            for pod in _newest_first(standing, spread.digest)[self._room(spread) :]:
                self._end(spread, pod)
        for name, pods in list(spread.pods.items()):
            if name not in spread.kept:
                for pod in pods:
                    if _stands(pod):
                        self._end(spread, pod)
        self._look_again(spread)

    @staticmethod
    def _room(spread: Spread) -> int:
        """How many pods a node may have: two where the new one comes before the old one goes."""
        return 2 if _surge(spread) else 1

    def _roll(self, spread: Spread) -> None:
        """Replace pods that have an older template, as many at a time as may be missing."""
        if spread.daemon_set["spec"]["updateStrategy"]["type"] != "RollingUpdate":
            return
        if _surge(spread):
            self._roll_by_surge(spread)
        else:
            self._roll_by_gap(spread)
        self._look_again(spread)

    def _roll_by_gap(self, spread: Spread) -> None:
        room = max(1, _bound(spread, "maxUnavailable"))
        old: list[Object] = []
        for name in sorted(spread.wanted):
            pods = [pod for pod in spread.pods.get(name, []) if _stands(pod)]
            if not any(self._is_available(spread, pod) for pod in pods):
                room -= 1
            old += [pod for pod in pods if _digest_of(pod) != spread.digest]
        unavailable = [pod for pod in old if not self._is_available(spread, pod)]
        available = [pod for pod in old if self._is_available(spread, pod)]
        for pod in unavailable + available[: max(0, room)]:
            self._end(spread, pod)

    def _roll_by_surge(self, spread: Spread) -> None:
        room = _surge(spread)
        for name in sorted(spread.wanted):
            pods = [pod for pod in spread.pods.get(name, []) if _stands(pod)]
            old = [pod for pod in pods if _digest_of(pod) != spread.digest]
            new = [pod for pod in pods if _digest_of(pod) == spread.digest]
            if not old:
                continue
            if any(self._is_available(spread, pod) for pod in new):
                for pod in old:
                    self._end(spread, pod)
                continue
            room -= 1
            if not new and room >= 0:
                self._make(spread, name)

    def _is_available(self, spread: Spread, pod: Object) -> bool:
        least = spread.daemon_set["spec"].get("minReadySeconds", 0)
        return available_in(pod, least, self._store.now()) == timedelta()

    def _make(self, spread: Spread, node: str) -> None:
        daemon_set = spread.daemon_set
        generation = daemon_set["metadata"].get("annotations", {}).get(GENERATION, "1")
        labels = {HASH: spread.digest, POD_GENERATION: generation}
        pod = pod_of(daemon_set, daemon_set["spec"]["template"], labels=labels)
        pod["spec"]["tolerations"] = _tolerations(pod["spec"])
        pod["spec"]["affinity"] = _affinity(pod["spec"].get("affinity", {}), node)
        try:
            made = create(self._store, POD, pod, namespace=daemon_set["metadata"]["namespace"])
        except ApiError as refusal:
            text = f"Error creating: {refusal}"
            self._events.note(daemon_set, "FailedCreate", text, warning=True)
            raise
        text = f"Created pod: {made['metadata']['name']}"
        self._events.note(daemon_set, "SuccessfulCreate", text)

    def _end(self, spread: Spread, pod: Object) -> None:
        delete(self._store, POD, pod, Deletion())
        text = f"Deleted pod: {pod['metadata']['name']}"
        self._events.note(spread.daemon_set, "SuccessfulDelete", text)

    def _note_failed(self, spread: Spread, pod: Object) -> None:
        metadata = pod["metadata"]
        text = (
            f"Found failed daemon pod {metadata['namespace']}/{metadata['name']} on node "
            f"{node_of(pod)}, will try to kill it"
        )
        self._events.note(spread.daemon_set, "FailedDaemonPod", text, warning=True)

    def _report(self, spread: Spread) -> timedelta | None:
        metadata = spread.daemon_set["metadata"]
        daemon_set = self._store.get(DAEMON_SET, metadata["namespace"], metadata["name"])
        if daemon_set is None:
            return None
        least, now = daemon_set["spec"].get("minReadySeconds", 0), self._store.now()
        here = [
            _newest_first([pod for pod in spread.pods.get(name, []) if _stands(pod)], spread.digest)
            for name in sorted(spread.wanted)
        ]
        waits = [[available_in(pod, least, now) for pod in pods] for pods in here]
        counts = {
            "observedGeneration": metadata["generation"],
            "updatedNumberScheduled": sum(
                any(_digest_of(pod) == spread.digest for pod in pods) for pods in here
            ),
            "numberAvailable": sum(timedelta() in found for found in waits),
            "numberUnavailable": len(here) - sum(timedelta() in found for found in waits),
        }
        status: Object = {
            "currentNumberScheduled": sum(bool(pods) for pods in here),
            "numberMisscheduled": sum(
                any(map(_stands, pods)) for name, pods in spread.pods.items()
                if name not in spread.wanted
            ),
            "desiredNumberScheduled": len(spread.wanted),
            "numberReady": sum(any(map(is_ready, pods)) for pods in here),
        } | {key: count for key, count in counts.items() if count}  # fmt: skip
        if status != daemon_set.get("status"):
            set_status(self._store, DAEMON_SET, daemon_set, status)
        live = {
            item["metadata"]["name"]
            for item in spread.history.revisions
            if any(
                _digest_of(pod) == hash_of(item, HASH)
                for pods in spread.pods.values()
                for pod in pods
            )
        }
        live.add(spread.history.newest["metadata"]["name"])
        forget_history(self._store, daemon_set, spread.history, live)
        return min((wait for found in waits for wait in found if wait), default=None)


def _stands(pod: Object) -> bool:
    return "deletionTimestamp" not in pod["metadata"]


def _digest_of(pod: Object) -> str:
    return str(pod["metadata"].get("labels", {}).get(HASH, ""))


def _newest_first(pods: list[Object], digest: str) -> list[Object]:
    """The pods in the order in which they are kept."""
    return sorted(
        pods,
        key=lambda pod: (
            _digest_of(pod) == digest and not is_ready(pod),
            pod["metadata"]["creationTimestamp"],
            pod["metadata"]["name"],
        ),
    )


def _bound(spread: Spread, key: str) -> int:
    rolling = spread.daemon_set["spec"]["updateStrategy"].get("rollingUpdate") or {}
    return share_of(rolling.get(key, 0), len(spread.wanted), up=True)


def _surge(spread: Spread) -> int:
    return _bound(spread, "maxSurge")


def node_of(pod: Object) -> str:
    """The node that a daemon's pod is on, or is meant for."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {})
    for term in required.get("nodeSelectorTerms", ()):
        for entry in term.get("matchFields", ()):
            if entry["key"] == "metadata.name" and len(entry.get("values", ())) == 1:
                return str(entry["values"][0])
    return ""


def _probe(daemon_set: Object) -> Object:
    """A pod of the daemon set as far as it decides which nodes take it."""
    spec = daemon_set["spec"]["template"]["spec"]
    return {"spec": {**spec, "tolerations": _tolerations(spec)}}


def _fits(probe: Object, node: Object) -> tuple[bool, bool]:
    """Whether a node should have a pod, and whether it may keep one."""
    name = probe["spec"].get("nodeName")
    if (name and name != node["metadata"]["name"]) or not is_selected(probe, node):
        return False, False
    taints = node.get("spec", {}).get("taints", ())
    bad = {taint["effect"] for taint in taints if not tolerates(probe, taint)}
    return not bad & {"NoSchedule", "NoExecute"}, "NoExecute" not in bad


def _offer(node: Object) -> tuple[Any, ...]:
    spec = node.get("spec", {})
    return spec.get("taints"), spec.get("unschedulable"), node["metadata"].get("labels")


def _tolerations(spec: Object) -> list[Object]:
    """The template's tolerations and those that every daemon has."""
    given = list(spec.get("tolerations", ()))
    pairs = list(_TOLERATED)
    if spec.get("hostNetwork"):
        pairs.append(("node.kubernetes.io/network-unavailable", "NoSchedule"))
    for key, effect in pairs:
        toleration = {"key": key, "operator": "Exists", "effect": effect}
        if toleration not in given:
            given.append(toleration)
    return given


def _affinity(affinity: Object, node: str) -> Object:
    """The affinity with one node named as the only one."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    near = affinity.get("nodeAffinity", {})
    terms = near.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get(
        "nodeSelectorTerms", []
    )
    pinned = [{**term, "matchFields": [field]} for term in terms] or [{"matchFields": [field]}]
    required = {"nodeSelectorTerms": pinned}
    return {
        **affinity,
        "nodeAffinity": {**near, "requiredDuringSchedulingIgnoredDuringExecution": required},
    }
