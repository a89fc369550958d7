"""The rules of pods and pod templates.

Rules that only a node can judge (images, volumes that exist) are not judged here.
"""

from __future__ import annotations

import re
from typing import Any, Final

from orchestrator.practice.api.quantities import quantity
from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.core import (
    port_causes,
    port_name_causes,
    protocol_causes,
    target_port_causes,
)
from orchestrator.practice.api.validation.names import label_causes, name_causes

Object = dict[str, Any]
_RESTARTS: Final = ("Always", "OnFailure", "Never")
_PULLS: Final = {"Always", "IfNotPresent", "Never"}
_DNS: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_LONGEST: Final = 2**31 - 1
_VARIABLE: Final = re.compile(r"[ -<>-~]+")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_FIXED: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
    "set to 1 if it was previously negative)"
)


def pod_causes(pod: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a pod."""
    spec = pod.get("spec", {})
    causes = pod_spec_causes(spec, "spec")
    if old is not None:
        return causes + _change_causes(spec, old["spec"])
    if spec.get("nodeName"):
        causes += name_causes(spec["nodeName"], "spec.nodeName", "subdomain")
    if spec.get("ephemeralContainers"):
        causes.append(Cause.forbidden("spec.ephemeralContainers", "cannot be set on create"))
    return causes


def template_causes(template: Object, field: str) -> list[Cause]:
    """What is wrong with a workload's pod template."""
    labels = template.get("metadata", {}).get("labels", {})
    spec = template.get("spec", {})
    causes = label_causes(labels, f"{field}.labels")
    causes += pod_spec_causes(spec, f"{field}.spec")
    if spec.get("restartPolicy") != "Always":
        found = spec.get("restartPolicy")
        causes.append(Cause.unsupported(f"{field}.spec.restartPolicy", found, {"Always"}))
    if "activeDeadlineSeconds" in spec:
        text = "activeDeadlineSeconds in ReplicaSet is not Supported"
        causes.append(Cause.forbidden(f"{field}.spec.activeDeadlineSeconds", text))
    return causes


def pod_spec_causes(spec: Object, field: str) -> list[Cause]:
    """What is wrong with what pods and templates have in common."""
    causes: list[Cause] = []
    names: set[str] = set()
    volumes = {volume.get("name", "") for volume in spec.get("volumes", ())}
    causes += _volume_causes(spec, field)
    if not spec.get("containers"):
        causes.append(Cause.required(f"{field}.containers"))
    for key in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(key, ())):
            where = f"{field}.{key}[{index}]"
            causes += _container_causes(container, where, volumes)
            if container.get("name") in names:
                causes.append(Cause.duplicate(f"{where}.name", container.get("name")))
            names.add(container.get("name", ""))
    if spec.get("restartPolicy") not in _RESTARTS:
        found = spec.get("restartPolicy")
        causes.append(Cause.unsupported(f"{field}.restartPolicy", found, _RESTARTS))
    if spec.get("dnsPolicy") not in _DNS:
        causes.append(Cause.unsupported(f"{field}.dnsPolicy", spec.get("dnsPolicy"), _DNS))
    causes += label_causes(spec.get("nodeSelector", {}), f"{field}.nodeSelector")
    return causes + _place_causes(spec, field) + _toleration_causes(spec, field)


def _place_causes(spec: Object, field: str) -> list[Cause]:
    """What is wrong with the pod's host name and with how long it may run."""
    causes: list[Cause] = []
    for key in ("hostname", "subdomain"):
        if spec.get(key):
            causes += name_causes(spec[key], f"{field}.{key}", "label")
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _LONGEST:
        text = f"must be between 1 and {_LONGEST}, inclusive"
        causes.append(Cause.invalid(f"{field}.activeDeadlineSeconds", deadline, text))
    return causes


def _volume_causes(spec: Object, field: str) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, volume in enumerate(spec.get("volumes", ())):
        where, name = f"{field}.volumes[{index}]", volume.get("name", "")
        causes += name_causes(name, f"{where}.name", "label") if name else [
            Cause.required(f"{where}.name")
        ]  # fmt: skip
        if name in seen:
            causes.append(Cause.duplicate(f"{where}.name", name))
        seen.add(name)
        if len(volume) > 2:
            causes.append(Cause.forbidden(where, "may not specify more than 1 volume type"))
    return causes


def _container_causes(container: Object, field: str, volumes: set[str]) -> list[Cause]:
    name = container.get("name", "")
    causes = name_causes(name, f"{field}.name", "label") if name else [
        Cause.required(f"{field}.name")
    ]  # fmt: skip
    image = container.get("image", "")
    if not image:
        causes.append(Cause.required(f"{field}.image"))
    elif image != image.strip():
        text = "must not have leading or trailing whitespace"
        causes.append(Cause.invalid(f"{field}.image", image, text))
    if image and container.get("imagePullPolicy") not in _PULLS:
        found = container.get("imagePullPolicy")
        causes.append(Cause.unsupported(f"{field}.imagePullPolicy", found, _PULLS))
    causes += _port_causes(container, field) + _variable_causes(container, field)
    causes += _mount_causes(container, field, volumes)
    causes += resource_causes(container.get("resources", {}), f"{field}.resources")
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            causes += _probe_causes(container[probe], f"{field}.{probe}", probe)
    return causes


def _port_causes(container: Object, field: str) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, port in enumerate(container.get("ports", ())):
        where = f"{field}.ports[{index}]"
        causes += port_causes(port.get("containerPort", 0), f"{where}.containerPort")
        causes += protocol_causes(port, where)
        name = port.get("name")
        if name:
            causes += port_name_causes(name, f"{where}.name")
            if name in names:
                causes.append(Cause.duplicate(f"{where}.name", name))
            names.add(name)
    return causes


def _variable_causes(container: Object, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, variable in enumerate(container.get("env", ())):
        where, name = f"{field}.env[{index}]", variable.get("name", "")
        if not name:
            causes.append(Cause.required(f"{where}.name"))
        elif not _VARIABLE.fullmatch(name):
            text = (
                "a valid environment variable name must consist only of printable ASCII "
                "characters other than '='"
            )
            causes.append(Cause.invalid(f"{where}.name", name, text))
        if variable.get("value") and "valueFrom" in variable:
            text = "may not be specified when `value` is not empty"
            causes.append(Cause.invalid(f"{where}.valueFrom", "", text))
    return causes


def _mount_causes(container: Object, field: str, volumes: set[str]) -> list[Cause]:
    causes: list[Cause] = []
    paths: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts", ())):
        where = f"{field}.volumeMounts[{index}]"
        if mount.get("name") not in volumes:
            causes.append(Cause.missing(f"{where}.name", mount.get("name")))
        path = mount.get("mountPath", "")
        if not path:
            causes.append(Cause.required(f"{where}.mountPath"))
        elif path in paths:
            causes.append(Cause.invalid(f"{where}.mountPath", path, "must be unique"))
        paths.add(path)
    return causes


def resource_causes(resources: Object, field: str) -> list[Cause]:
    """What is wrong with what a container reserves and may use."""
    causes: list[Cause] = []
    limits, requests = resources.get("limits", {}), resources.get("requests", {})
    for key, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            if quantity(value) < 0:
                text = "must be greater than or equal to 0"
                causes.append(Cause.invalid(f"{field}.{key}.{name}", value, text))
            elif name not in {"cpu", "memory", "ephemeral-storage"} and "/" not in name:
                text = "must be a standard resource type or fully qualified"
                causes.append(Cause.invalid(f"{field}.{key}.{name}", name, text))
    for name, value in requests.items():
        if name in limits and quantity(value) > quantity(limits[name]):
            text = f"must be less than or equal to {name} limit of {limits[name]}"
            causes.append(Cause.invalid(f"{field}.requests", value, text))
    return causes


def _probe_causes(probe: Object, field: str, name: str) -> list[Cause]:
    handlers = [handler for handler in _HANDLERS if handler in probe]
    causes: list[Cause] = []
    if not handlers:
        causes.append(Cause.required(field, "must specify a handler type"))
    for extra in handlers[1:]:
        text = "may not specify more than 1 handler type"
        causes.append(Cause.forbidden(f"{field}.{extra}", text))
    causes += _handler_causes(probe, field)
    for key in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"):
        if probe.get(key, 0) < 0:
            text = "must be greater than or equal to 0"
            causes.append(Cause.invalid(f"{field}.{key}", probe[key], text))
    if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        found = probe["successThreshold"]
        causes.append(Cause.invalid(f"{field}.successThreshold", found, "must be 1"))
    return causes


def _handler_causes(probe: Object, field: str) -> list[Cause]:
    """What is wrong with what a probe asks by HTTP or TCP."""
    causes: list[Cause] = []
    for handler in ("httpGet", "tcpSocket"):
        if handler in probe:
            causes += target_port_causes(probe[handler].get("port", 0), f"{field}.{handler}.port")
    scheme = probe.get("httpGet", {}).get("scheme", "HTTP")
    if scheme not in {"HTTP", "HTTPS"}:
        where = f"{field}.httpGet.scheme"
        causes.append(Cause.unsupported(where, scheme, {"HTTP", "HTTPS"}))
    return causes


def _toleration_causes(spec: Object, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, toleration in enumerate(spec.get("tolerations", ())):
        where = f"{field}.tolerations[{index}]"
        operator = toleration.get("operator", "")
        if operator == "Exists" and toleration.get("value"):
            text = "value must be empty when `operator` is 'Exists'"
            causes.append(Cause.invalid(f"{where}.operator", toleration, text))
        elif operator not in {"", "Equal", "Exists", "Lt", "Gt"}:
            causes.append(Cause.unsupported(f"{where}.operator", operator, {"Equal", "Exists"}))
        if not toleration.get("key") and operator != "Exists":
            text = (
                "operator must be Exists when `key` is empty, which means "
                '"match all values and all keys"'
            )
            causes.append(Cause.invalid(f"{where}.operator", operator, text))
    return causes


def _change_causes(spec: Object, old: Object) -> list[Cause]:
    for key in ("containers", "initContainers"):
        if len(spec.get(key, ())) != len(old.get(key, ())):
            text = "pod updates may not add or remove containers"
            return [Cause.forbidden(f"spec.{key}", text)]
    if _comparable(spec) == _comparable(old) and _keeps_tolerations(spec, old):
        return []
    return [Cause.forbidden("spec", _FIXED)]


def _keeps_tolerations(spec: Object, old: Object) -> bool:
    return all(item in spec.get("tolerations", ()) for item in old.get("tolerations", ()))


def _comparable(spec: Object) -> Object:
    """The spec without what may change."""
    rest = {
        key: value for key, value in spec.items()
        if key not in {"activeDeadlineSeconds", "tolerations"}
    }  # fmt: skip
    for key in ("containers", "initContainers"):
        if key in rest:
            rest[key] = [item | {"image": ""} for item in rest[key]]
    return rest
