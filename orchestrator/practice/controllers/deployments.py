"""The deployment controller: replica sets sized so that one template replaces another.

Pods are the replica set controller's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.apps import DEPLOYMENT, REPLICA_SET
from orchestrator.practice.api.served.core import POD
from orchestrator.practice.api.store import Change, Store
from orchestrator.practice.api.writing import REVISION, create, set_status, update
from orchestrator.practice.controllers import progress, revisions
from orchestrator.practice.controllers.arithmetic import (
    DESIRED,
    available_shrinking,
    new_size,
    proportional_sizes,
    room_to_shrink,
    status_of,
    unhealthy_shrinking,
    wanted_of,
)
from orchestrator.practice.controllers.conditions import condition, with_condition
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key
from orchestrator.practice.controllers.owners import claim, controller_of, reference_to
from orchestrator.practice.controllers.pods import is_active
from orchestrator.practice.controllers.recording import Recorder

Object = dict[str, Any]
NAME: Final = "deployment-controller"


@dataclass(slots=True)
class Rollout:
    """A deployment with its replica sets, as they are in the middle of one look."""

    deployment: Object
    newest: Object | None
    older: list[Object]

    @property
    def everything(self) -> list[Object]:
        """All replica sets, the oldest first."""
        return [*self.older, self.newest] if self.newest else self.older

    @property
    def active(self) -> list[Object]:
        """The replica sets that are asked for any replica."""
        return [item for item in self.everything if wanted_of(item)]


class Deployments:
    """Looks after all deployments."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, NAME)

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {DEPLOYMENT: own_key, REPLICA_SET: self._owners, POD: self._recreating}
        return ControlLoop(self._store, NAME, watches, self.reconcile)

    def _owners(self, change: Change) -> Iterable[Key]:
        """The deployments that a replica set belongs to, belonged to, or could be adopted by."""
        found = [change.stored.object] + ([change.previous.object] if change.previous else [])
        for replica_set in found:
            namespace = replica_set["metadata"]["namespace"]
            owner = controller_of(replica_set)
            if owner is not None:
                yield namespace, owner["name"]
                continue
            labels = replica_set["metadata"].get("labels", {})
            for deployment in self._store.objects(DEPLOYMENT, namespace):
                if of_object(deployment["spec"]["selector"]).holds(labels):
                    yield namespace, deployment["metadata"]["name"]

    def _recreating(self, change: Change) -> Iterable[Key]:
        """The deployment that waits for this pod to be gone before it makes new ones."""
        pod = change.stored.object
        owner = controller_of(pod)
        if owner is None or owner["kind"] != REPLICA_SET.name or is_active(pod):
            return
        replica_set = self._store.get(REPLICA_SET, pod["metadata"]["namespace"], owner["name"])
        top = controller_of(replica_set) if replica_set else None
        if top is not None:
            yield pod["metadata"]["namespace"], top["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Take the rollout one step further and say how things are."""
        deployment = self._store.get(DEPLOYMENT, *key)
        if deployment is None:
            return None
        replica_sets = self._claimed(deployment)
        if "deletionTimestamp" in deployment["metadata"]:
            return self._report(self._rollout(deployment, replica_sets))
        deployment = self._noted_pause(deployment)
        if deployment["spec"].get("paused") or self._was_scaled(deployment, replica_sets):
            return self._scale(self._rollout(deployment, replica_sets))
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            return self._recreate(self._rollout(deployment, replica_sets))
        return self._roll(self._with_newest(deployment, replica_sets))

    def _claimed(self, deployment: Object) -> list[Object]:
        selector = of_object(deployment["spec"]["selector"])
        found = claim(self._store, deployment, REPLICA_SET, selector)
        return sorted(
            found,
            key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]),
        )

    def _rollout(self, deployment: Object, replica_sets: list[Object]) -> Rollout:
        newest = revisions.newest_of(deployment, replica_sets)
        older = [item for item in replica_sets if item is not newest]
        rollout = Rollout(deployment, newest, older)
        return self._with_revision(rollout) if newest else rollout

    def _was_scaled(self, deployment: Object, replica_sets: list[Object]) -> bool:
        replicas = str(deployment["spec"]["replicas"])
        return any(
            wanted_of(item)
            and item["metadata"].get("annotations", {}).get(DESIRED, replicas) != replicas
            for item in replica_sets
        )

    def _noted_pause(self, deployment: Object) -> Object:
        """The deployment with a condition that says that it is paused, or is no longer."""
        found = condition(deployment.get("status", {}), "Progressing")
        paused = bool(deployment["spec"].get("paused"))
        if not progress.has_deadline(deployment):
            return deployment
        reason = found["reason"] if found else ""
        if reason == progress.TIMED_OUT or paused is (reason == "DeploymentPaused"):
            return deployment
        if not paused and reason != "DeploymentPaused":
            return deployment
        reason, text = (
            ("DeploymentPaused", "Deployment is paused") if paused
            else ("DeploymentResumed", "Deployment is resumed")
        )  # fmt: skip
        entry = progress.entry("Progressing", "Unknown", reason, text, self._store.now())
        status = deployment.get("status", {})
        conditions = with_condition(status.get("conditions", ()), entry)
        return set_status(self._store, DEPLOYMENT, deployment, {**status, "conditions": conditions})

    def _with_newest(self, deployment: Object, replica_sets: list[Object]) -> Rollout:
        """The rollout with a replica set for the present template, made if there was none."""
        rollout = self._rollout(deployment, replica_sets)
        return rollout if rollout.newest else self._make_newest(rollout)

    def _with_revision(self, rollout: Rollout) -> Rollout:
        """The rollout with its newest replica set and the deployment marked by one revision."""
        newest, deployment = rollout.newest, rollout.deployment
        if newest is None:
            return rollout
        revision = max(map(revisions.revision_of, rollout.older), default=0) + 1
        annotations = revisions.annotations_of(deployment, newest, revision)
        spec = newest["spec"]
        least = deployment["spec"].get("minReadySeconds", 0)
        if least != spec.get("minReadySeconds", 0):
            spec = {**spec, "minReadySeconds": least}
        metadata = {**newest["metadata"], "annotations": annotations}
        newest = update(
            self._store, REPLICA_SET, newest, {**newest, "metadata": metadata, "spec": spec}
        )
        return Rollout(self._marked(deployment, newest), newest, rollout.older)

    def _marked(self, deployment: Object, newest: Object) -> Object:
        annotations = deployment["metadata"].get("annotations", {})
        revision = newest["metadata"]["annotations"][REVISION]
        metadata = {
            **deployment["metadata"],
            "annotations": {**annotations, REVISION: revision},
        }
        return update(self._store, DEPLOYMENT, deployment, {**deployment, "metadata": metadata})

    def _make_newest(self, rollout: Rollout) -> Rollout:
        deployment, metadata = rollout.deployment, rollout.deployment["metadata"]
        collisions = deployment.get("status", {}).get("collisionCount", 0)
        digest = revisions.template_hash(deployment["spec"]["template"], collisions)
        name = f"{metadata['name']}-{digest}"
        if self._store.get(REPLICA_SET, metadata["namespace"], name) is not None:
            return self._make_newest(self._after_collision(rollout, collisions + 1))
        revision = max(map(revisions.revision_of, rollout.older), default=0) + 1
        annotations = revisions.annotations_of(deployment, None, revision)
        size = new_size(deployment, rollout.older, 0)
        wanted = revisions.replica_set_for(
            deployment, name=name, digest=digest, owner=reference_to(deployment),
            annotations=annotations, size=size,
        )  # fmt: skip
        newest = create(self._store, REPLICA_SET, wanted, namespace=metadata["namespace"])
        if size:
            self._note_scaled(deployment, name, 0, size)
        return Rollout(
            self._marked(self._noted_new(deployment, name), newest), newest, rollout.older
        )

    def _after_collision(self, rollout: Rollout, collisions: int) -> Rollout:
        status = {**rollout.deployment.get("status", {}), "collisionCount": collisions}
        deployment = set_status(self._store, DEPLOYMENT, rollout.deployment, status)
        return Rollout(deployment, None, rollout.older)

    def _noted_new(self, deployment: Object, name: str) -> Object:
        if not progress.has_deadline(deployment):
            return deployment
        text = f'Created new replica set "{name}"'
        now = self._store.now()
        entry = progress.entry("Progressing", "True", "NewReplicaSetCreated", text, now)
        status = deployment.get("status", {})
        conditions = with_condition(status.get("conditions", ()), entry)
        return set_status(self._store, DEPLOYMENT, deployment, {**status, "conditions": conditions})

    def _roll(self, rollout: Rollout) -> timedelta | None:
        """One step of a rolling update: grow the newest, or shrink the older ones."""
        if not self._grow(rollout):
            self._shrink(rollout)
        return self._finish(rollout)

    def _grow(self, rollout: Rollout) -> bool:
        newest, deployment = rollout.newest, rollout.deployment
        if newest is None:
            return False
        replicas = deployment["spec"]["replicas"]
        size = wanted_of(newest)
        wanted = replicas if size > replicas else new_size(deployment, rollout.everything, size)
        return self._resize(rollout, newest, wanted)

    def _shrink(self, rollout: Rollout) -> None:
        newest, deployment = rollout.newest, rollout.deployment
        if newest is None or not any(map(wanted_of, rollout.older)):
            return
        room = room_to_shrink(deployment, rollout.everything, newest)
        if room <= 0:
            return
        sizes = unhealthy_shrinking(rollout.older, room)
        sizes = available_shrinking(deployment, rollout.everything, rollout.older, sizes)
        for replica_set in list(rollout.older):
            name = replica_set["metadata"]["name"]
            if name in sizes:
                self._resize(rollout, replica_set, sizes[name])

    def _recreate(self, rollout: Rollout) -> timedelta | None:
        """One step of a recreation: all old pods go before the first new one comes."""
        shrunk = [self._resize(rollout, item, 0) for item in list(rollout.older) if wanted_of(item)]
        if any(shrunk) or self._has_old_pods(rollout):
            return self._report(rollout)
        if rollout.newest is None:
            rollout = self._make_newest(rollout)
        if rollout.newest is not None:
            self._resize(rollout, rollout.newest, rollout.deployment["spec"]["replicas"])
        return self._finish(rollout)

    def _has_old_pods(self, rollout: Rollout) -> bool:
        for replica_set in rollout.older:
            for reference in self._store.owned_by(replica_set["metadata"]["uid"]):
                pod = self._store.get(POD, reference.namespace, reference.name)
                if pod and pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
                    return True
        return False

    def _scale(self, rollout: Rollout) -> timedelta | None:
        """Follow a change of the number of replicas, which is no rollout."""
        sizes = self._scaled_sizes(rollout)
        for replica_set in list(rollout.everything):
            name = replica_set["metadata"]["name"]
            if name in sizes:
                self._resize(rollout, replica_set, sizes[name])
        if rollout.deployment["spec"].get("paused"):
            self._forget_history(rollout)
        return self._report(rollout)

    def _scaled_sizes(self, rollout: Rollout) -> dict[str, int]:
        replicas = rollout.deployment["spec"]["replicas"]
        active = rollout.active
        if len(active) <= 1:
            latest = [*active, *rollout.everything[-1:]]
            return {latest[0]["metadata"]["name"]: replicas} if latest else {}
        if rollout.newest is not None and self._is_saturated(rollout.newest, replicas):
            return {item["metadata"]["name"]: 0 for item in rollout.older if wanted_of(item)}
        if rollout.deployment["spec"]["strategy"]["type"] != "RollingUpdate":
            return {}
        return proportional_sizes(rollout.deployment, active)

    @staticmethod
    def _is_saturated(newest: Object, replicas: int) -> bool:
        noted = newest["metadata"].get("annotations", {}).get(DESIRED, "")
        return (
            wanted_of(newest) == replicas
            and noted == str(replicas)
            and status_of(newest, "availableReplicas") == replicas
        )

    def _resize(self, rollout: Rollout, replica_set: Object, size: int) -> bool:
        """Give a replica set its size; True when that is another one than before."""
        before = wanted_of(replica_set)
        annotations = {
            **replica_set["metadata"].get("annotations", {}),
            **revisions.sizes_noted(rollout.deployment),
        }
        wanted = {
            **replica_set,
            "metadata": {**replica_set["metadata"], "annotations": annotations},
            "spec": {**replica_set["spec"], "replicas": size},
        }
        resized = update(self._store, REPLICA_SET, replica_set, wanted)
        if rollout.newest is replica_set:
            rollout.newest = resized
        else:
            rollout.older = [resized if item is replica_set else item for item in rollout.older]
        if size != before:
            self._note_scaled(rollout.deployment, replica_set["metadata"]["name"], before, size)
        return size != before

    def _note_scaled(self, deployment: Object, name: str, before: int, size: int) -> None:
        direction = "up" if size > before else "down"
        message = f"Scaled {direction} replica set {name} from {before} to {size}"
        self._events.note(deployment, "ScalingReplicaSet", message)

    def _finish(self, rollout: Rollout) -> timedelta | None:
        status = progress.counted(rollout.deployment, rollout.everything, rollout.newest)
        if progress.is_complete(rollout.deployment, status):
            self._forget_history(rollout)
        return self._report(rollout, with_progress=True)

    def _forget_history(self, rollout: Rollout) -> None:
        """Delete the oldest replica sets that are beyond the history to keep."""
        limit = rollout.deployment["spec"]["revisionHistoryLimit"]
        idle = [
            item for item in rollout.older
            if not wanted_of(item) and not status_of(item, "replicas")
            and item["metadata"]["generation"] <= status_of(item, "observedGeneration")
            and "deletionTimestamp" not in item["metadata"]
        ]  # fmt: skip
        excess = len(rollout.older) - limit
        for replica_set in sorted(idle, key=revisions.revision_of)[: max(0, excess)]:
            delete(self._store, REPLICA_SET, replica_set, Deletion())
            rollout.older = [item for item in rollout.older if item is not replica_set]

    def _report(self, rollout: Rollout, *, with_progress: bool = False) -> timedelta | None:
        deployment, now = rollout.deployment, self._store.now()
        status = progress.counted(deployment, rollout.everything, rollout.newest)
        available = progress.availability(deployment, status, now)
        status["conditions"] = with_condition(status["conditions"], available)
        if with_progress:
            status["conditions"] = progress.with_progress(deployment, status, rollout.newest, now)
            status["conditions"] = progress.with_failures(
                status["conditions"], rollout.everything, rollout.newest
            )
        if status != deployment.get("status"):
            deployment = set_status(self._store, DEPLOYMENT, deployment, status)
        left = progress.time_left(deployment, now)
        return max(left, timedelta(seconds=1)) if left is not None else None
