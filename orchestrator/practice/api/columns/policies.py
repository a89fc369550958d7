"""The tables of autoscalers, network policies, ingresses, quotas, priorities and roles."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.columns.ages import AGE, NAME
from orchestrator.practice.api.columns.workloads import counted, selector_text
from orchestrator.practice.api.kinds import Column

Object = dict[str, Any]


def _created(obj: Object, _now: datetime) -> str:
    return str(obj["metadata"].get("creationTimestamp", ""))


DATED_COLUMNS: Final = (NAME, Column("Created At", _created, "date"))


def _reference(autoscaler: Object, _now: datetime) -> str:
    target = autoscaler["spec"].get("scaleTargetRef", {})
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _targets(autoscaler: Object, _now: datetime) -> str:
    metrics = autoscaler["spec"].get("metrics") or []
    texts = [_target(metric) for metric in metrics[:2]]
    more = f" + {len(metrics) - 2} more..." if len(metrics) > 2 else ""
    return ", ".join(texts) + more if texts else "<none>"


def _target(metric: Object) -> str:
    name = metric.get("type", "")
    source = metric.get(name[:1].lower() + name[1:], {})
    target = source.get("target", {})
    if target.get("averageUtilization") is not None:
        return f"{source.get('name', '')}: <unknown>/{target['averageUtilization']}%"
    wanted = target.get("averageValue") or target.get("value") or "<auto>"
    text = f"<unknown>/{wanted}"
    return f"{source.get('name', '')}: {text}" if name == "Resource" else text


def _least(autoscaler: Object, _now: datetime) -> str:
    return str(autoscaler["spec"].get("minReplicas", "<unset>"))


AUTOSCALER_COLUMNS: Final = (
    NAME,
    Column("Reference", _reference),
    Column("Targets", _targets),
    Column("MinPods", _least),
    Column("MaxPods", counted("spec", "maxReplicas")),
    Column("Replicas", counted("status", "currentReplicas")),
    AGE,
)


def _pod_selector(policy: Object, _now: datetime) -> str:
    return selector_text(policy["spec"].get("podSelector"))


NETWORK_POLICY_COLUMNS: Final = (NAME, Column("Pod-Selector", _pod_selector), AGE)


def _class_name(ingress: Object, _now: datetime) -> str:
    return ingress["spec"].get("ingressClassName") or "<none>"


def _hosts(ingress: Object, _now: datetime) -> str:
    rules = ingress["spec"].get("rules") or []
    hosts = [rule["host"] for rule in rules if rule.get("host")]
    if not hosts:
        return "*"
    more = f" + {len(rules) - 3} more..." if len(rules) > 3 else ""
    return ",".join(hosts[:3]) + more


def _address(ingress: Object, _now: datetime) -> str:
    given = ingress.get("status", {}).get("loadBalancer", {}).get("ingress", ())
    return ",".join(entry.get("ip") or entry.get("hostname", "") for entry in given)


def _ports(ingress: Object, _now: datetime) -> str:
    return "80, 443" if ingress["spec"].get("tls") else "80"


INGRESS_COLUMNS: Final = (
    NAME,
    Column("Class", _class_name),
    Column("Hosts", _hosts),
    Column("Address", _address),
    Column("Ports", _ports),
    AGE,
)


def _controller(ingress_class: Object, _now: datetime) -> str:
    return str(ingress_class.get("spec", {}).get("controller", ""))


def _parameters(ingress_class: Object, _now: datetime) -> str:
    found = ingress_class.get("spec", {}).get("parameters")
    if not found:
        return "<none>"
    group = f".{found['apiGroup']}" if found.get("apiGroup") else ""
    return f"{found['kind']}{group}/{found['name']}"


INGRESS_CLASS_COLUMNS: Final = (
    NAME, Column("Controller", _controller), Column("Parameters", _parameters), AGE,
)  # fmt: skip


def _used(quota: Object, *, limits: bool) -> str:
    status = quota.get("status", {})
    used = status.get("used", {})
    return ", ".join(
        f"{name}: {used.get(name, '0')}/{hard}"
        for name, hard in sorted(status.get("hard", {}).items())
        if name.startswith("limits.") is limits
    )


def _requests(quota: Object, _now: datetime) -> str:
    return _used(quota, limits=False)


def _limits(quota: Object, _now: datetime) -> str:
    return _used(quota, limits=True)


QUOTA_COLUMNS: Final = (NAME, Column("Request", _requests), Column("Limit", _limits), AGE)


def _default_for_all(priority_class: Object, _now: datetime) -> bool:
    return bool(priority_class.get("globalDefault"))


def _preemption(priority_class: Object, _now: datetime) -> str:
    return str(priority_class.get("preemptionPolicy", ""))


PRIORITY_COLUMNS: Final = (
    NAME,
    Column("Value", counted("value"), "integer"),
    Column("Global-Default", _default_for_all, "boolean"),
    AGE,
    Column("PreemptionPolicy", _preemption),
)


def _role(binding: Object, _now: datetime) -> str:
    return f"{binding['roleRef'].get('kind')}/{binding['roleRef'].get('name')}"


def _subjects(kind: str) -> Any:
    def cell(binding: Object, _now: datetime) -> str:
        return ", ".join(
            f"{subject.get('namespace', '')}/{subject['name']}"
            if kind == "ServiceAccount"
            else str(subject["name"])
            for subject in binding.get("subjects", ())
            if subject.get("kind") == kind
        )

    return cell


BINDING_COLUMNS: Final = (
    NAME,
    Column("Role", _role),
    AGE,
    Column("Users", _subjects("User"), priority=1),
    Column("Groups", _subjects("Group"), priority=1),
    Column("ServiceAccounts", _subjects("ServiceAccount"), priority=1),
)
