"""The status of a deployment: counts, availability, and whether its rollout gets on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import instant, stamp
from orchestrator.practice.controllers.arithmetic import bounds_of, status_of
from orchestrator.practice.controllers.conditions import (
    condition,
    with_condition,
    without_condition,
)

Object = dict[str, Any]
NO_DEADLINE: Final = 2**31 - 1
TIMED_OUT: Final = "ProgressDeadlineExceeded"
COMPLETE: Final = "NewReplicaSetAvailable"


def counted(deployment: Object, everything: Sequence[Object], newest: Object | None) -> Object:
    """The status with its numbers, and whether the deployment is available, as they are now."""
    old = deployment.get("status", {})
    available = sum(status_of(item, "availableReplicas") for item in everything)
    total = sum(status_of(item, "replicas") for item in everything)
    asked = sum(item["spec"]["replicas"] for item in everything)
    counts = {
        "replicas": total,
        "updatedReplicas": status_of(newest, "replicas") if newest else 0,
        "readyReplicas": sum(status_of(item, "readyReplicas") for item in everything),
        "availableReplicas": available,
        "unavailableReplicas": max(0, asked - available),
    }
    status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
    status |= {key: count for key, count in counts.items() if count}
    status["terminatingReplicas"] = sum(
        status_of(item, "terminatingReplicas") for item in everything
    )
    if "collisionCount" in old:
        status["collisionCount"] = old["collisionCount"]
    status["conditions"] = list(old.get("conditions", ()))
    return status


def availability(deployment: Object, status: Object, now: datetime) -> Object:
    """The condition Available."""
    floor = deployment["spec"]["replicas"] - bounds_of(deployment).unavailable
    if status.get("availableReplicas", 0) >= floor:
        text = "Deployment has minimum availability."
        return entry("Available", "True", "MinimumReplicasAvailable", text, now)
    text = "Deployment does not have minimum availability."
    return entry("Available", "False", "MinimumReplicasUnavailable", text, now)


def entry(name: str, status: str, reason: str, message: str, now: datetime) -> Object:
    """A condition of a deployment."""
    return {
        "type": name, "status": status, "lastUpdateTime": stamp(now),
        "lastTransitionTime": stamp(now), "reason": reason, "message": message,
    }  # fmt: skip


def has_deadline(deployment: Object) -> bool:
    """Whether a rollout that makes no progress is reported."""
    return bool(deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE) != NO_DEADLINE)


def is_complete(deployment: Object, status: Object) -> bool:
    """Whether every pod is of the newest template and available."""
    replicas = deployment["spec"]["replicas"]
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(key, 0) == replicas for key in counts)


def gets_on(deployment: Object, status: Object) -> bool:
    """Whether the rollout moved since the status was last written."""
    old = deployment.get("status", {})

    def grew(key: str) -> bool:
        return bool(status.get(key, 0) > old.get(key, 0))

    former = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    former_before = old.get("replicas", 0) - old.get("updatedReplicas", 0)
    return (
        grew("updatedReplicas") or former < former_before
        or grew("readyReplicas") or grew("availableReplicas")
    )  # fmt: skip


def time_left(deployment: Object, now: datetime) -> timedelta | None:
    """How long the rollout may still stand still; none when nobody waits for it."""
    found = condition(deployment.get("status", {}), "Progressing")
    if found is None or not has_deadline(deployment) or found["reason"] in {COMPLETE, TIMED_OUT}:
        return None
    allowed = timedelta(seconds=deployment["spec"]["progressDeadlineSeconds"])
    since = found.get("lastUpdateTime") or found.get("lastTransitionTime") or stamp(now)
    return instant(since) + allowed - now


def with_progress(
    deployment: Object, status: Object, newest: Object | None, now: datetime
) -> list[Object]:
    """The conditions after a look at how the rollout gets on."""
    conditions: list[Object] = status["conditions"]
    found = condition(status, "Progressing")
    if not has_deadline(deployment):
        return without_condition(conditions, "Progressing")
    finished = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if finished and found is not None and found["reason"] == COMPLETE:
        return conditions
    about = (
        f'ReplicaSet "{newest["metadata"]["name"]}"'
        if newest
        else f'Deployment "{deployment["metadata"]["name"]}"'
    )
    if is_complete(deployment, status):
        text = f"{about} has successfully progressed."
        return with_condition(conditions, entry("Progressing", "True", COMPLETE, text, now))
    if gets_on(deployment, status):
        new = entry("Progressing", "True", "ReplicaSetUpdated", f"{about} is progressing.", now)
        if found is not None and found["status"] == "True":
            new["lastTransitionTime"] = found["lastTransitionTime"]
        return [*without_condition(conditions, "Progressing"), new]
    left = time_left(deployment, now)
    if left is not None and left <= timedelta():
        text = f"{about} has timed out progressing."
        return with_condition(conditions, entry("Progressing", "False", TIMED_OUT, text, now))
    return conditions


def with_failures(
    conditions: list[Object], everything: Sequence[Object], newest: Object | None
) -> list[Object]:
    """The conditions with the failure of a replica set to make pods, or without any."""
    ordered = ([newest] if newest else []) + list(everything)
    for replica_set in ordered:
        found = condition(replica_set.get("status", {}), "ReplicaFailure")
        if found is not None:
            failure = {**found, "lastUpdateTime": found["lastTransitionTime"]}
            return with_condition(conditions, failure)
    return without_condition(conditions, "ReplicaFailure")
