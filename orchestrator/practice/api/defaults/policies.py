"""Defaults of autoscalers, network policies, ingresses, quotas, limits, priorities and roles."""

from __future__ import annotations

from typing import Any, Final

Object = dict[str, Any]
RBAC: Final = "rbac.authorization.k8s.io"
_UTILIZATION: Final = {"type": "Utilization", "averageUtilization": 80}


def default_autoscaler(autoscaler: Object) -> None:
    """Fill in a horizontal pod autoscaler."""
    spec = autoscaler.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        cpu = {"name": "cpu", "target": dict(_UTILIZATION)}
        spec["metrics"] = [{"type": "Resource", "resource": cpu}]
    autoscaler.setdefault("status", {"desiredReplicas": 0, "currentMetrics": None})


def default_network_policy(policy: Object) -> None:
    """Fill in a network policy."""
    spec = policy.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")


def default_ingress(ingress: Object) -> None:
    """Fill in an ingress."""
    ingress.setdefault("spec", {})
    ingress.setdefault("status", {"loadBalancer": {}})


def default_quota(quota: Object) -> None:
    """Fill in a resource quota."""
    quota.setdefault("spec", {})
    quota.setdefault("status", {})


def default_limit_range(limit_range: Object) -> None:
    """Fill in a limit range: what a container gets is its limit, and what it may have at most."""
    for limit in limit_range.setdefault("spec", {}).setdefault("limits", None) or ():
        if limit.get("type") != "Container":
            continue
        default = {**limit.get("max", {}), **limit.get("default", {})}
        if default:
            limit["default"] = default
        request = {**limit.get("min", {}), **default, **limit.get("defaultRequest", {})}
        if request:
            limit["defaultRequest"] = request


def default_priority_class(priority_class: Object) -> None:
    """Fill in a priority class."""
    priority_class.setdefault("value", 0)
    priority_class.setdefault("preemptionPolicy", "PreemptLowerPriority")


def default_role(role: Object) -> None:
    """Fill in a role; a server writes null where there are no rules."""
    role["rules"] = role.get("rules") or None


def default_binding(binding: Object) -> None:
    """Fill in a role binding."""
    binding.setdefault("roleRef", {}).setdefault("apiGroup", RBAC)
    for subject in binding.get("subjects", ()):
        if subject.get("kind") in {"User", "Group"}:
            subject.setdefault("apiGroup", RBAC)
        elif subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            namespace = binding["metadata"].get("namespace")
            if namespace:
                subject["namespace"] = namespace
