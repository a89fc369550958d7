"""The tables of deployments, replica sets and disruption budgets."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.columns.ages import AGE, NAME
from orchestrator.practice.api.kinds import Column

Object = dict[str, Any]


def selector_text(selector: Object | None) -> str:
    """A LabelSelector object as one line."""
    selector = selector or {}
    parts = [f"{key}={value}" for key, value in sorted(selector.get("matchLabels", {}).items())]
    parts += [_expression_text(entry) for entry in selector.get("matchExpressions", ())]
    return ",".join(parts) or "<none>"


def _expression_text(expression: Object) -> str:
    key, values = expression["key"], ",".join(sorted(expression.get("values", ())))
    match expression["operator"]:
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return str(key)
        case _:
            return f"!{key}"


def pairs_text(pairs: Object | None) -> str:
    """Labels as one line."""
    return ",".join(f"{key}={value}" for key, value in sorted((pairs or {}).items())) or "<none>"


def counted(*path: str) -> Any:
    """A cell that shows the number at a path, 0 where there is none."""

    def cell(obj: Object, _now: datetime) -> int:
        value: Any = obj
        for key in path:
            value = value.get(key, {}) if isinstance(value, dict) else {}
        return int(value or 0)

    return cell


def _ready(deployment: Object, _now: datetime) -> str:
    ready = deployment.get("status", {}).get("readyReplicas", 0)
    return f"{ready}/{deployment['spec']['replicas']}"


def _containers(obj: Object, _now: datetime) -> str:
    return ",".join(item["name"] for item in obj["spec"]["template"]["spec"]["containers"])


def _images(obj: Object, _now: datetime) -> str:
    containers = obj["spec"]["template"]["spec"]["containers"]
    return ",".join(item.get("image", "") for item in containers)


def _selector(obj: Object, _now: datetime) -> str:
    return selector_text(obj["spec"].get("selector"))


CONTAINERS: Final = Column("Containers", _containers, priority=1)
IMAGES: Final = Column("Images", _images, priority=1)
SELECTOR: Final = Column("Selector", _selector, priority=1)
_WIDE: Final = (CONTAINERS, IMAGES, SELECTOR)
DEPLOYMENT_COLUMNS: Final = (
    NAME,
    Column("Ready", _ready),
    Column("Up-to-date", counted("status", "updatedReplicas")),
    Column("Available", counted("status", "availableReplicas")),
    AGE,
    *_WIDE,
)
REPLICA_SET_COLUMNS: Final = (
    NAME,
    Column("Desired", counted("spec", "replicas"), "integer"),
    Column("Current", counted("status", "replicas"), "integer"),
    Column("Ready", counted("status", "readyReplicas"), "integer"),
    AGE,
    *_WIDE,
)


def _bound(key: str) -> Any:
    def cell(budget: Object, _now: datetime) -> str:
        value = budget.get("spec", {}).get(key)
        return "N/A" if value is None else str(value)

    return cell


BUDGET_COLUMNS: Final = (
    NAME,
    Column("Min Available", _bound("minAvailable")),
    Column("Max Unavailable", _bound("maxUnavailable")),
    Column("Allowed Disruptions", counted("status", "disruptionsAllowed"), "integer"),
    AGE,
)
