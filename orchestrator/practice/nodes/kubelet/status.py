"""The status of a pod, worked out from what its containers do.

Pure: it reads no clock and asks no one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.moments import stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The container does not run yet, or not at the moment."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The container runs."""

    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated:
    """The container has ended."""

    exit_code: int
    reason: str
    started_at: datetime
    finished_at: datetime
    container_id: str
    message: str = ""


ContainerState: TypeAlias = Waiting | Running | Terminated

CREATING: Final = Waiting(reason="ContainerCreating")
INITIALIZING: Final = Waiting(reason="PodInitializing")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerReport:
    """One container at one moment."""

    name: str
    image: str
    image_id: str
    container_id: str
    state: ContainerState
    last_state: Terminated | None
    ready: bool
    started: bool
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PodReport:
    """One pod at one moment, with all that its status says."""

    pod: Json
    containers: Sequence[ContainerReport]
    init_containers: Sequence[ContainerReport]
    initialized: bool
    ip: str
    host_ip: str
    started_at: datetime


def pod_status(report: PodReport, earlier: Sequence[Json], at: datetime) -> Json:
    """The status object; transition times of earlier conditions survive unchanged ones."""
    status: Json = {
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
            _container_status(item) for item in report.init_containers
        ]
    if report.ip:
        status |= {"podIP": report.ip, "podIPs": [{"ip": report.ip}]}
    return status


def _phase(report: PodReport) -> str:
    policy = report.pod["spec"].get("restartPolicy") or "Always"
    broken = [item for item in report.init_containers if _ended(item) and _code(item) != 0]
    if broken and policy == "Never":
        return "Failed"
    states = [item.state for item in report.containers]
    if not report.initialized or all(
        isinstance(item.state, Waiting) and item.last_state is None for item in report.containers
    ):
        return "Pending"
    if policy != "Always" and all(isinstance(state, Terminated) for state in states):
        codes = [_code(item) for item in report.containers]
        if policy == "Never" or not any(codes):
            return "Failed" if any(codes) else "Succeeded"
    if any(
        isinstance(item.state, Waiting) and item.last_state is None for item in report.containers
    ):
        return "Pending"
    return "Running"


def _conditions(report: PodReport, earlier: Sequence[Json], at: datetime) -> list[Json]:
    before = {item["type"]: item for item in earlier}
    phase = _phase(report)
    unready = [item.name for item in report.containers if not item.ready]
    facts = {
        "PodReadyToStartContainers": (bool(report.ip), "", ""),
        "Initialized": _initialized(report),
        "Ready": _ready(report, phase, unready, before),
        "ContainersReady": _containers_ready(phase, unready),
        "PodScheduled": (True, "", ""),
    }
    return [_condition(kind, fact, before, at) for kind, fact in facts.items()]


Fact: TypeAlias = tuple[bool, str, str]


def _initialized(report: PodReport) -> Fact:
    if report.initialized:
        return True, "", ""
    names = [item.name for item in report.init_containers if not _ended(item)]
    message = f"containers with incomplete status: [{' '.join(names)}]"
    return False, "ContainersNotInitialized", message


def _containers_ready(phase: str, unready: Sequence[str]) -> Fact:
    if phase == "Succeeded":
        return False, "PodCompleted", ""
    if unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        return False, "ContainersNotReady", message
    return True, "", ""


def _ready(
    report: PodReport, phase: str, unready: Sequence[str], before: Mapping[str, Json]
) -> Fact:
    fact = _containers_ready(phase, unready)
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


def _container_status(report: ContainerReport) -> Json:
    status: Json = {
        "name": report.name,
        "image": report.image,
        "imageID": report.image_id,
        "ready": report.ready,
        "started": report.started,
        "restartCount": report.restarts,
        "state": _state(report.state),
        "lastState": _state(report.last_state) if report.last_state else {},
    }
    if report.container_id:
        status["containerID"] = report.container_id
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
