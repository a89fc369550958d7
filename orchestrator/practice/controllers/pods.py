"""Questions that several controllers ask about a pod."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from orchestrator.practice.api.clock import instant
from orchestrator.practice.controllers.conditions import condition, is_true

Object = dict[str, Any]


def is_active(pod: Object) -> bool:
    """Whether a pod counts as a replica: neither finished nor on its way out."""
    phase = pod.get("status", {}).get("phase")
    return phase not in {"Succeeded", "Failed"} and "deletionTimestamp" not in pod["metadata"]


def is_leaving(pod: Object) -> bool:
    """Whether a pod is on its way out and its kubelet has not finished with it."""
    phase = pod.get("status", {}).get("phase")
    return phase not in {"Succeeded", "Failed"} and "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Whether a pod says that it is ready."""
    return is_true(pod, "Ready")


def available_in(pod: Object, min_ready: int, now: datetime) -> timedelta | None:
    """How long until a ready pod counts as available, zero when it does; none if not ready.

    Units: `min_ready` in seconds.
    """
    found = condition(pod.get("status", {}), "Ready")
    if found is None or found["status"] != "True":
        return None
    if not min_ready or not found.get("lastTransitionTime"):
        return timedelta()
    since = instant(found["lastTransitionTime"])
    return max(timedelta(), since + timedelta(seconds=min_ready) - now)
