"""The rules of autoscalers, network policies, ingresses, quotas, priorities and roles."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.quantities import quantity
from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.core import PROTOCOLS
from orchestrator.practice.api.validation.names import key_causes
from orchestrator.practice.api.validation.workloads import selector_causes

Object = dict[str, Any]
RBAC: Final = "rbac.authorization.k8s.io"
HIGHEST_PRIORITY: Final = 1_000_000_000
SYSTEM_PRIORITIES: Final = {
    "system-cluster-critical": 2_000_000_000,
    "system-node-critical": 2_000_001_000,
}
_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_SUBJECTS: Final = ("ServiceAccount", "User", "Group")


def autoscaler_causes(autoscaler: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a horizontal pod autoscaler."""
    spec = autoscaler["spec"]
    least, most = spec["minReplicas"], spec.get("maxReplicas", 0)
    causes: list[Cause] = []
    if least < 1:
        text = "must be greater than or equal to 1"
        causes.append(Cause.invalid("spec.minReplicas", least, text))
    if most == 0:
        causes.append(Cause.required("spec.maxReplicas", "must be set and greater than 0"))
    elif most < 0:
        text = "must be greater than or equal to 1"
        causes.append(Cause.invalid("spec.maxReplicas", most, text))
    if most < least:
        text = "must be greater than or equal to `minReplicas`"
        causes.append(Cause.invalid("spec.maxReplicas", most, text))
    target = spec.get("scaleTargetRef", {})
    return causes + [
        Cause.required(f"spec.scaleTargetRef.{key}")
        for key in ("kind", "name")
        if not target.get(key)
    ]


def network_policy_causes(policy: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a network policy."""
    spec = policy["spec"]
    causes = selector_causes(spec["podSelector"], "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction, ())):
            field = f"spec.{direction}[{index}]"
            for place, port in enumerate(rule.get("ports", ())):
                if port["protocol"] not in PROTOCOLS:
                    where = f"{field}.ports[{place}].protocol"
                    causes.append(Cause.unsupported(where, port["protocol"], PROTOCOLS))
            for place, peer in enumerate(rule.get(peers, ())):
                causes += _peer_causes(peer, f"{field}.{peers}[{place}]")
    for index, name in enumerate(spec["policyTypes"]):
        if name not in {"Ingress", "Egress"}:
            where = f"spec.policyTypes[{index}]"
            causes.append(Cause.unsupported(where, name, {"Ingress", "Egress"}))
    return causes


def _peer_causes(peer: Object, field: str) -> list[Cause]:
    if not peer:
        return [Cause.required(field, "must specify a peer")]
    if "ipBlock" in peer and len(peer) > 1:
        text = "may not specify both ipBlock and another peer"
        return [Cause.forbidden(field, text)]
    causes: list[Cause] = []
    for key in ("podSelector", "namespaceSelector"):
        causes += selector_causes(peer.get(key, {}), f"{field}.{key}")
    return causes


def ingress_causes(ingress: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with an ingress."""
    spec = ingress["spec"]
    if not spec.get("rules") and "defaultBackend" not in spec:
        text = "either `defaultBackend` or `rules` must be specified"
        return [Cause.invalid("spec", [], text)]
    causes: list[Cause] = []
    if "defaultBackend" in spec:
        causes += _backend_causes(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules", ())):
        paths = rule.get("http", {}).get("paths")
        field = f"spec.rules[{index}].http.paths"
        if "http" in rule and not paths:
            causes.append(Cause.required(field))
        for place, path in enumerate(paths or ()):
            causes += _path_causes(path, f"{field}[{place}]")
    return causes


def _path_causes(path: Object, field: str) -> list[Cause]:
    kind, text = path.get("pathType"), path.get("path", "")
    causes: list[Cause] = []
    if kind is None:
        causes.append(Cause.required(f"{field}.pathType", "pathType must be specified"))
    elif kind not in _PATH_TYPES:
        causes.append(Cause.unsupported(f"{field}.pathType", kind, _PATH_TYPES))
    elif kind != "ImplementationSpecific" and not text.startswith("/"):
        causes.append(Cause.invalid(f"{field}.path", text, "must be an absolute path"))
    return causes + _backend_causes(path.get("backend", {}), f"{field}.backend")


def _backend_causes(backend: Object, field: str) -> list[Cause]:
    service = backend.get("service")
    if service is None and "resource" not in backend:
        return [Cause.required(field, "cannot specify both resource and service backends")]
    if service is None:
        return []
    causes = [] if service.get("name") else [Cause.required(f"{field}.service.name")]
    port = service.get("port", {})
    if not port.get("name") and not port.get("number"):
        causes.append(Cause.required(f"{field}.service.port", "port name or number is required"))
    return causes


def quota_causes(quota: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a resource quota."""
    spec = quota["spec"]
    causes: list[Cause] = []
    for name, value in spec.get("hard", {}).items():
        field = f"spec.hard[{name}]"
        causes += key_causes(name, field)
        if quantity(value) < 0:
            text = "must be greater than or equal to 0"
            causes.append(Cause.invalid(field, value, text))
    if old is not None and spec.get("scopes", []) != old["spec"].get("scopes", []):
        causes.append(Cause.invalid("spec.scopes", spec.get("scopes"), "field is immutable"))
    return causes


def limit_range_causes(limit_range: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a limit range."""
    causes: list[Cause] = []
    for index, limit in enumerate(limit_range["spec"].get("limits") or ()):
        field = f"spec.limits[{index}]"
        for name, least in limit.get("min", {}).items():
            most = limit.get("max", {}).get(name)
            if most is not None and quantity(least) > quantity(most):
                text = f"min value {least} is greater than max value {most}"
                causes.append(Cause.invalid(f"{field}.min[{name}]", least, text))
    return causes


def priority_causes(priority_class: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a priority class."""
    name, value = priority_class["metadata"].get("name", ""), priority_class["value"]
    causes: list[Cause] = []
    if name.startswith("system-"):
        if SYSTEM_PRIORITIES.get(name) != value:
            text = (
                "priority class names with 'system-' prefix are reserved for system use only. "
                f"error: {name} is not a known system priority class"
            )
            causes.append(Cause.forbidden("metadata.name", text))
    elif value > HIGHEST_PRIORITY:
        text = f"maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}"
        causes.append(Cause.forbidden("value", text))
    if old is not None and value != old["value"]:
        causes.append(Cause.forbidden("value", "may not be changed in an update."))
    return causes


def role_causes(role: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a role, of a namespace or of the cluster."""
    within = role["kind"] == "Role"
    return [
        cause
        for index, rule in enumerate(role["rules"] or ())
        for cause in _rule_causes(rule, f"rules[{index}]", within=within)
    ]


def _rule_causes(rule: Object, field: str, *, within: bool) -> list[Cause]:
    causes: list[Cause] = []
    if not rule.get("verbs"):
        causes.append(Cause.required(f"{field}.verbs", "verbs must contain at least one value"))
    if rule.get("nonResourceURLs"):
        found, where = rule["nonResourceURLs"], f"{field}.nonResourceURLs"
        if within:
            text = "namespaced rules cannot apply to non-resource URLs"
            causes.append(Cause.invalid(where, found, text))
        if any(rule.get(key) for key in ("apiGroups", "resources", "resourceNames")):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            causes.append(Cause.invalid(where, found, text))
        return causes
    if not rule.get("apiGroups"):
        text = "resource rules must supply at least one api group"
        causes.append(Cause.required(f"{field}.apiGroups", text))
    if not rule.get("resources"):
        text = "resource rules must supply at least one resource"
        causes.append(Cause.required(f"{field}.resources", text))
    return causes


def binding_causes(binding: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a role binding, of a namespace or of the cluster."""
    role, within = binding["roleRef"], binding["kind"] == "RoleBinding"
    kinds = ("Role", "ClusterRole") if within else ("ClusterRole",)
    causes: list[Cause] = []
    if role["apiGroup"] != RBAC:
        causes.append(Cause.unsupported("roleRef.apiGroup", role["apiGroup"], (RBAC,)))
    if role.get("kind", "") not in kinds:
        causes.append(Cause.unsupported("roleRef.kind", role.get("kind", ""), kinds))
    if not role.get("name"):
        causes.append(Cause.required("roleRef.name"))
    for index, subject in enumerate(binding.get("subjects", ())):
        causes += _subject_causes(subject, f"subjects[{index}]", within=within)
    if old is not None and role != old["roleRef"]:
        causes.append(Cause.invalid("roleRef", role, "cannot change roleRef"))
    return causes


def _subject_causes(subject: Object, field: str, *, within: bool) -> list[Cause]:
    causes = [] if subject.get("name") else [Cause.required(f"{field}.name")]
    kind, group = subject.get("kind", ""), subject.get("apiGroup", "")
    match kind:
        case "ServiceAccount":
            if group:
                causes.append(Cause.unsupported(f"{field}.apiGroup", group, ("",)))
            if not within and not subject.get("namespace"):
                causes.append(Cause.required(f"{field}.namespace"))
        case "User" | "Group":
            if group != RBAC:
                causes.append(Cause.unsupported(f"{field}.apiGroup", group, (RBAC,)))
        case _:
            causes.append(Cause.unsupported(f"{field}.kind", kind, _SUBJECTS))
    return causes
