"""The rules of deployments, replica sets and disruption budgets."""

from __future__ import annotations

import re
from typing import Any, Final

from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.names import key_causes, label_causes, value_causes
from orchestrator.practice.api.validation.pods import template_causes

Object = dict[str, Any]
_OPERATORS: Final = {"DoesNotExist", "Exists", "In", "NotIn"}
_PERCENT: Final = re.compile(r"\d+%")
_NEGATIVE: Final = "must be greater than or equal to 0"


def deployment_causes(deployment: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a deployment."""
    spec = deployment["spec"]
    causes = _workload_causes(spec, old)
    causes += _strategy_causes(spec["strategy"])
    for key in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        causes += count_causes(spec.get(key, 0), f"spec.{key}")
    if spec["progressDeadlineSeconds"] <= spec.get("minReadySeconds", 0):
        found = spec["progressDeadlineSeconds"]
        text = "must be greater than minReadySeconds"
        causes.append(Cause.invalid("spec.progressDeadlineSeconds", found, text))
    return causes


def replica_set_causes(replica_set: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a replica set."""
    spec = replica_set["spec"]
    return _workload_causes(spec, old) + count_causes(
        spec.get("minReadySeconds", 0), "spec.minReadySeconds"
    )


def _workload_causes(spec: Object, old: Object | None) -> list[Cause]:
    causes = count_causes(spec["replicas"], "spec.replicas")
    selector = spec.get("selector")
    if selector is None:
        causes.append(Cause.required("spec.selector"))
    else:
        causes += selector_causes(selector, "spec.selector")
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            text = "empty selector is invalid for deployment"
            causes.append(Cause.invalid("spec.selector", selector, text))
    labels = spec["template"].get("metadata", {}).get("labels")
    if selector is None or (selector and not causes and not _selects(selector, labels)):
        text = "`selector` does not match template `labels`"
        causes.append(Cause.invalid("spec.template.metadata.labels", labels, text))
    causes += template_causes(spec["template"], "spec.template")
    if old is not None and selector is not None and selector != old["spec"]["selector"]:
        causes.append(Cause.invalid("spec.selector", selector, "field is immutable"))
    return causes


def _selects(selector: Object, labels: Object | None) -> bool:
    return of_object(selector).holds(labels or {})


def count_causes(value: int, field: str) -> list[Cause]:
    """What is wrong with a number that counts something."""
    return [Cause.invalid(field, value, _NEGATIVE)] if value < 0 else []


def selector_causes(selector: Object, field: str) -> list[Cause]:
    """What is wrong with a LabelSelector object."""
    causes = label_causes(selector.get("matchLabels", {}), f"{field}.matchLabels")
    for index, expression in enumerate(selector.get("matchExpressions", ())):
        causes += _expression_causes(expression, f"{field}.matchExpressions[{index}]")
    return causes


def _expression_causes(expression: Object, field: str) -> list[Cause]:
    operator, values = expression.get("operator", ""), expression.get("values", [])
    causes = key_causes(expression.get("key", ""), f"{field}.key")
    if operator not in _OPERATORS:
        causes.append(Cause.invalid(f"{field}.operator", operator, "not a valid selector operator"))
    elif operator in {"In", "NotIn"} and not values:
        text = "must be specified when `operator` is 'In' or 'NotIn'"
        causes.append(Cause.required(f"{field}.values", text))
    elif operator in {"Exists", "DoesNotExist"} and values:
        text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        causes.append(Cause.forbidden(f"{field}.values", text))
    for value in values:
        causes += value_causes(value, f"{field}.values")
    return causes


def _strategy_causes(strategy: Object) -> list[Cause]:
    kind = strategy.get("type")
    rolling = strategy.get("rollingUpdate")
    if kind not in {"Recreate", "RollingUpdate"}:
        # Shown is Kubernetes' inner form, whose fields have other names.
        inner = {key[0].upper() + key[1:]: value for key, value in (rolling or {}).items()}
        shown = {"Type": kind, "RollingUpdate": inner or None}
        return [Cause.unsupported("spec.strategy", shown, {"Recreate", "RollingUpdate"})]
    if kind == "Recreate":
        text = "may not be specified when strategy `type` is 'Recreate'"
        is_given = rolling is not None
        return [Cause.forbidden("spec.strategy.rollingUpdate", text)] if is_given else []
    causes: list[Cause] = []
    for key in ("maxUnavailable", "maxSurge"):
        causes += share_causes((rolling or {}).get(key), f"spec.strategy.rollingUpdate.{key}")
    if not causes and all(
        (rolling or {}).get(key) in {0, "0%"} for key in ("maxUnavailable", "maxSurge")
    ):
        text = "may not be 0 when `maxSurge` is 0"
        found = (rolling or {})["maxUnavailable"]
        causes.append(Cause.invalid("spec.strategy.rollingUpdate.maxUnavailable", found, text))
    return causes


def share_causes(value: Any, field: str) -> list[Cause]:
    """What is wrong with a count or a percentage."""
    if isinstance(value, int):
        return count_causes(value, field)
    if not isinstance(value, str) or not _PERCENT.fullmatch(value):
        text = (
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. "
            "'1%',  or '93%', regex used for validation is '[0-9]+%')"
        )
        return [Cause.invalid(field, value, text)]
    if field.endswith("maxUnavailable") and int(value[:-1]) > 100:
        return [Cause.invalid(field, value, "must not be greater than 100%")]
    return []


def budget_causes(budget: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a pod disruption budget."""
    spec = budget.get("spec", {})
    if "minAvailable" in spec and "maxUnavailable" in spec:
        text = "minAvailable and maxUnavailable cannot be both set"
        fields = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
        shown = {key[0].upper() + key[1:]: spec.get(key) for key in fields}
        return [Cause.invalid("spec", shown, text)]
    causes: list[Cause] = []
    for key in ("minAvailable", "maxUnavailable"):
        if key in spec:
            causes += share_causes(spec[key], f"spec.{key}")
    return causes + selector_causes(spec.get("selector", {}), "spec.selector")
