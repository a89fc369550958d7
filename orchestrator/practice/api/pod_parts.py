"""The parts of a pod that change after it was made: ephemeral containers, and resources.

Each has a subresource of its own. What a kubelet makes of the change is its business.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.defaults.pods import quality_of_service
from orchestrator.practice.api.kinds import Part
from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.names import name_causes
from orchestrator.practice.api.validation.pods import resource_causes

Object = dict[str, Any]
_NOT_EPHEMERAL: Final = (
    "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources",
)  # fmt: skip
_RESIZED: Final = {"cpu", "memory"}
_UNSUPPORTED: Final = "Pod running on node without support for resize"


def _with_ephemeral(old: Object, new: Object) -> Object:
    """The old pod with the new one's ephemeral containers."""
    containers = new.get("spec", {}).get("ephemeralContainers", [])
    spec = {key: value for key, value in old["spec"].items() if key != "ephemeralContainers"}
    if containers:
        spec["ephemeralContainers"] = containers
    return {**old, "metadata": dict(old["metadata"]), "spec": spec}


def _ephemeral_causes(new: Object, old: Object) -> list[Cause]:
    field = "spec.ephemeralContainers"
    containers = new["spec"].get("ephemeralContainers", [])
    names = [item["name"] for item in new["spec"].get("initContainers", ())]
    names += [item["name"] for item in new["spec"]["containers"]]
    targets = set(names)
    causes: list[Cause] = []
    for index, container in enumerate(containers):
        causes += _container_causes(container, f"{field}[{index}]", names, targets)
        names.append(container.get("name", ""))
    if causes:
        return causes
    now = {container["name"]: container for container in containers}
    for before in old["spec"].get("ephemeralContainers", ()):
        name = before["name"]
        if name not in now:
            text = f'existing ephemeral containers "{name}" may not be removed\n'
            causes.append(Cause.forbidden(field, text))
        elif now[name] != before:
            text = f'existing ephemeral containers "{name}" may not be changed\n'
            causes.append(Cause.forbidden(field, text))
    return causes


def _container_causes(
    container: Object, field: str, names: list[str], targets: set[str]
) -> list[Cause]:
    name, target = container.get("name", ""), container.get("targetContainerName")
    causes = name_causes(name, f"{field}.name", "label") if name else [
        Cause.required(f"{field}.name")
    ]  # fmt: skip
    if name in names:
        causes.append(Cause.duplicate(f"{field}.name", name))
    if not container.get("image"):
        causes.append(Cause.required(f"{field}.image"))
    if target and target not in targets:
        causes.append(Cause.missing(f"{field}.targetContainerName", target))
    return causes + [
        Cause.forbidden(f"{field}.{key}", "cannot be set for an Ephemeral Container")
        for key in _NOT_EPHEMERAL
        if container.get(key)
    ]


def _resized(old: Object, new: Object) -> Object:
    """The old pod whose containers get what the new one's ask for."""
    spec = dict(old["spec"])
    for key in ("containers", "initContainers"):
        wanted = {item["name"]: item for item in new.get("spec", {}).get(key, ())}
        if key in spec:
            spec[key] = [_refitted(item, wanted.get(item["name"], item)) for item in spec[key]]
    return {**old, "metadata": dict(old["metadata"]), "spec": spec}


def _refitted(old: Object, new: Object) -> Object:
    changed: Object = {key: new[key] for key in ("resources", "resizePolicy") if key in new}
    return {**old, **changed}


def _resize_causes(new: Object, old: Object) -> list[Cause]:
    causes: list[Cause] = []
    for index, container in enumerate(new["spec"]["containers"]):
        field = f"spec.containers[{index}].resources"
        causes += resource_causes(container.get("resources", {}), field)
    if quality_of_service(new["spec"]) != old["status"].get("qosClass"):
        text = "Pod QOS Class may not change as a result of resizing"
        causes.append(Cause.invalid("spec", new["status"].get("qosClass"), text))
    if not _can_resize(old):
        causes.append(Cause.forbidden("spec", _UNSUPPORTED))
    if _fixed(new["spec"]) != _fixed(old["spec"]):
        causes.append(Cause.forbidden("spec", "only cpu and memory resources are mutable"))
    return causes


def _can_resize(pod: Object) -> bool:
    """Whether the kubelet that runs a pod tells what its containers have got."""
    for status in pod.get("status", {}).get("containerStatuses", ()):
        if "running" in status.get("state", {}):
            return "resources" in status
    return True


def _fixed(spec: Object) -> Object:
    """A pod's spec without what a resize may change."""
    fixed = dict(spec)
    for key in ("containers", "initContainers"):
        if key in fixed:
            fixed[key] = [
                {**item, "resources": _other(item.get("resources", {})), "resizePolicy": None}
                for item in fixed[key]
            ]
    return fixed


def _other(resources: Object) -> Object:
    return {
        word: {name: value for name, value in resources.get(word, {}).items()
               if name not in _RESIZED}
        for word in ("requests", "limits")
    }  # fmt: skip


POD_PARTS: Final = {
    "ephemeralcontainers": Part(_with_ephemeral, _ephemeral_causes),
    "resize": Part(_resized, _resize_causes),
}
