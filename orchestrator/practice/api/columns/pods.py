"""The table of pods, whose status column sums up what the containers are doing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.columns.ages import AGE, NAME, since
from orchestrator.practice.api.kinds import Column

Object = dict[str, Any]


def _statuses(pod: Object, key: str = "containerStatuses") -> list[Object]:
    found: list[Object] = pod.get("status", {}).get(key, [])
    return found


def _ready(pod: Object, _now: datetime) -> str:
    ready = sum(
        1 for status in _statuses(pod)
        if status.get("ready") and "running" in status.get("state", {})
    )  # fmt: skip
    return f"{ready}/{len(pod['spec']['containers'])}"


def _restarts(pod: Object, now: datetime) -> str:
    count = sum(status.get("restartCount", 0) for status in _statuses(pod))
    finished = [
        last["terminated"]["finishedAt"]
        for last in (status.get("lastState", {}) for status in _statuses(pod))
        if last.get("terminated", {}).get("finishedAt")
    ]
    return f"{count} ({since(max(finished), now)} ago)" if count and finished else str(count)


def pod_status(pod: Object) -> str:
    """The one word that tells how a pod is doing."""
    status = pod.get("status", {})
    reason = str(status.get("reason") or status.get("phase", ""))
    if _condition(pod, "PodScheduled").get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    reason = _initial_status(pod) or _container_reason(pod, reason)
    if "deletionTimestamp" in pod["metadata"]:
        if status.get("reason") == "NodeLost":
            return "Unknown"
        return reason if status.get("phase") in {"Succeeded", "Failed"} else "Terminating"
    return reason


def _condition(pod: Object, name: str) -> Object:
    for condition in pod.get("status", {}).get("conditions", ()):
        if condition.get("type") == name:
            return dict(condition)
    return {}


def _initial_status(pod: Object) -> str:
    total = len(pod["spec"].get("initContainers", ()))
    for index, status in enumerate(_statuses(pod, "initContainerStatuses")):
        state = status.get("state", {})
        if "terminated" in state:
            if state["terminated"].get("exitCode", 0) == 0:
                continue
            return "Init:" + _ended(state["terminated"])
        waiting = state.get("waiting", {}).get("reason", "")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{total}"
    return ""


def _ended(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _container_reason(pod: Object, reason: str) -> str:
    running = False
    for status in reversed(_statuses(pod)):
        state = status.get("state", {})
        if state.get("waiting", {}).get("reason"):
            reason = str(state["waiting"]["reason"])
        elif "terminated" in state:
            reason = _ended(state["terminated"])
        elif status.get("ready") and "running" in state:
            running = True
    if reason == "Completed" and running:
        return "Running" if _condition(pod, "Ready").get("status") == "True" else "NotReady"
    return reason


def _status(pod: Object, _now: datetime) -> str:
    return pod_status(pod)


def _address(pod: Object, _now: datetime) -> str:
    return pod.get("status", {}).get("podIP") or "<none>"


def _node(pod: Object, _now: datetime) -> str:
    return pod["spec"].get("nodeName") or "<none>"


def _nominated(pod: Object, _now: datetime) -> str:
    return pod.get("status", {}).get("nominatedNodeName") or "<none>"


def _gates(pod: Object, _now: datetime) -> str:
    gates = pod["spec"].get("readinessGates", ())
    met = sum(1 for gate in gates if _condition(pod, gate["conditionType"]).get("status") == "True")
    return f"{met}/{len(gates)}" if gates else "<none>"


POD_COLUMNS: Final = (
    NAME,
    Column("Ready", _ready),
    Column("Status", _status),
    Column("Restarts", _restarts),
    AGE,
    Column("IP", _address, priority=1),
    Column("Node", _node, priority=1),
    Column("Nominated Node", _nominated, priority=1),
    Column("Readiness Gates", _gates, priority=1),
)
