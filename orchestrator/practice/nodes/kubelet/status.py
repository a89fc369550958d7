"""The status of a pod, worked out from what its containers do.

Pure: it reads no clock and asks no one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.reports import (
    ContainerReport,
    ContainerState,
    PodReport,
    Running,
    Terminated,
    Waiting,
)
from orchestrator.practice.nodes.moments import stamp


def pod_status(report: PodReport, earlier: Sequence[Json], at: datetime) -> Json:
    """The status object; transition times of earlier conditions survive unchanged ones."""
    generation = report.pod.get("metadata", {}).get("generation")
    status: Json = {
        **({"observedGeneration": generation} if generation else {}),
        "phase": _phase(report),
        "hostIP": report.host_ip,
        "hostIPs": [{"ip": report.host_ip}],
        "startTime": stamp(report.started_at),
        "qosClass": report.pod.get("status", {}).get("qosClass") or _quality(report.pod),
        "conditions": _conditions(report, earlier, at),
        "containerStatuses": [_container_status(item) for item in report.containers],
    }
    if report.init_containers:
        status["initContainerStatuses"] = [
            _container_status(item, is_first=item in report.firsts)
            for item in report.init_containers
        ]
    if report.ephemeral:
        status["ephemeralContainerStatuses"] = [
            _container_status(item) for item in report.ephemeral
        ]
    if report.failure:
        status |= {"reason": report.failure.reason, "message": report.failure.message}
    if report.ip:
        status |= {"podIP": report.ip, "podIPs": [{"ip": report.ip}]}
    return status


def _phase(report: PodReport) -> str:
    """Source: getPhase of Kubernetes' kubelet."""
    if report.failure:
        return "Failed"
    policy = report.pod["spec"].get("restartPolicy") or "Always"
    if policy == "Never" and any(_ended(item) and _code(item) for item in report.firsts):
        return "Failed"
    if not report.initialized or any(map(_is_new, report.containers)):
        return "Pending"
    beside = [*report.containers, *report.sidecars]
    if any(isinstance(item.state, Running) or item.is_due for item in beside):
        return "Running"
    failed = any(_last_code(item) for item in report.containers)
    is_over = report.is_over or policy == "Never" or (policy == "OnFailure" and not failed)
    if not is_over or not all(_ended(item) or report.is_over for item in report.containers):
        return "Running"
    return "Failed" if failed else "Succeeded"


def _is_new(report: ContainerReport) -> bool:
    return isinstance(report.state, Waiting) and report.last_state is None


def _last_code(report: ContainerReport) -> int:
    last = report.state if isinstance(report.state, Terminated) else report.last_state
    return last.exit_code if last else 0


def _conditions(report: PodReport, earlier: Sequence[Json], at: datetime) -> list[Json]:
    before = {item["type"]: item for item in earlier}
    phase = _phase(report)
    beside = [*report.sidecars, *report.containers]
    unready = [item.name for item in beside if not item.ready]
    facts = {
        "PodReadyToStartContainers": (bool(report.ip), "", ""),
        "Initialized": _initialized(report),
        "Ready": _ready(report, phase, unready),
        "ContainersReady": _containers_ready(phase, unready),
        "PodScheduled": (True, "", ""),
    }
    if report.failure and report.failure.is_eviction:
        facts["DisruptionTarget"] = (True, "TerminationByKubelet", report.failure.message)
    if report.resizing:
        facts["PodResizePending"] = (True, report.resizing.reason, report.resizing.message)
    if any(item.given != item.resources for item in beside if not _ended(item)):
        facts["PodResizeInProgress"] = (True, "", "")
    over = [kind for kind in _PASSING if kind in before and kind not in facts]
    return [_condition(kind, fact, before, at) for kind, fact in facts.items()] + [
        {"$patch": "delete", "type": kind} for kind in over
    ]


Fact: TypeAlias = tuple[bool, str, str]
_PASSING: Final = ("PodResizePending", "PodResizeInProgress")


def _initialized(report: PodReport) -> Fact:
    if report.initialized:
        return True, "", ""
    names = [item.name for item in report.firsts if not _ended(item)]
    names += [item.name for item in report.sidecars if not item.started]
    message = f"containers with incomplete status: [{' '.join(names)}]"
    return False, "ContainersNotInitialized", message


def _containers_ready(phase: str, unready: Sequence[str]) -> Fact:
    if phase == "Succeeded":
        return False, "PodCompleted", ""
    if phase == "Failed":
        return False, "PodFailed", ""
    if unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        return False, "ContainersNotReady", message
    return True, "", ""


def _ready(report: PodReport, phase: str, unready: Sequence[str]) -> Fact:
    fact = _containers_ready(phase, unready)
    others = (report.pod.get("status") or {}).get("conditions") or ()
    before = {item["type"]: item for item in others}
    gates = [gate["conditionType"] for gate in report.pod["spec"].get("readinessGates") or ()]
    closed = [gate for gate in gates if before.get(gate, {}).get("status") != "True"]
    if fact[0] and closed:
        message = f'corresponding condition of pod readiness gate "{closed[0]}" is not "True"'
        return False, "ReadinessGatesNotReady", message
    return fact


def _condition(kind: str, fact: Fact, before: Mapping[str, Json], at: datetime) -> Json:
    holds, reason, message = fact
    earlier = before.get(kind, {})
    status = "True" if holds else "False"
    unchanged = earlier.get("status") == status and earlier.get("lastTransitionTime")
    return {
        "type": kind,
        "status": status,
        # An explicit null takes a reason away that a strategic merge would keep.
        "reason": reason or None,
        "message": message or None,
        "lastProbeTime": None,
        "lastTransitionTime": earlier["lastTransitionTime"] if unchanged else stamp(at),
    }


def _container_status(report: ContainerReport, *, is_first: bool = False) -> Json:
    status: Json = {
        "name": report.name,
        "image": report.image,
        "imageID": report.image_id,
        "ready": report.ready or (is_first and _ended(report) and not _code(report)),
        "started": report.started,
        "restartCount": report.restarts,
        "state": _state(report.state),
        "lastState": _state(report.last_state) if report.last_state else {},
    }
    if report.container_id:
        status["containerID"] = report.container_id
        status["resources"] = report.resources
        if report.given.get("requests"):
            status["allocatedResources"] = report.given["requests"]
    return status


def _state(state: ContainerState) -> Json:
    match state:
        case Waiting():
            detail = {"message": state.message} if state.message else {}
            return {"waiting": {"reason": state.reason, **detail}}
        case Running():
            return {"running": {"startedAt": stamp(state.started_at)}}
        case Terminated():
            detail = {"message": state.message} if state.message else {}
            return {
                "terminated": {
                    "exitCode": state.exit_code,
                    "reason": state.reason,
                    "startedAt": stamp(state.started_at),
                    "finishedAt": stamp(state.finished_at),
                    "containerID": state.container_id,
                    **detail,
                }
            }


def _ended(report: ContainerReport) -> bool:
    return isinstance(report.state, Terminated)


def _code(report: ContainerReport) -> int:
    return report.state.exit_code if isinstance(report.state, Terminated) else 0


def _quality(pod: Json) -> str:
    """The pod's quality-of-service class, by its containers' cpu and memory."""
    resources = [item.get("resources") or {} for item in pod["spec"]["containers"]]
    if not any(item.get("requests") or item.get("limits") for item in resources):
        return "BestEffort"
    guaranteed = all(_is_guaranteed(item) for item in resources)
    return "Guaranteed" if guaranteed else "Burstable"


def _is_guaranteed(resources: Json) -> bool:
    limits = resources.get("limits") or {}
    requests = resources.get("requests") or limits
    return all(
        limits.get(kind) and limits[kind] == requests.get(kind) for kind in ("cpu", "memory")
    )
