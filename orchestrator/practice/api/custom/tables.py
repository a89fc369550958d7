"""The columns that a definition asks for, by the simple JSON paths that such columns use."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.columns.ages import AGE, NAME, since
from orchestrator.practice.api.kinds import Column

Object = dict[str, Any]
_STEP: Final = re.compile(
    r"\.(?P<name>(?:[^.\[\]\\]|\\.)+)|\[(?P<index>-?\d+|\*)\]|\['(?P<quoted>[^']*)'\]"
    r"|\[\?\(@\.(?P<key>\w+)\s*==\s*[\"'](?P<value>[^\"']*)[\"']\)\]"
)


def columns_of(version: Object) -> tuple[Column, ...]:
    """The columns of the objects of one version."""
    asked = version.get("additionalPrinterColumns")
    if not asked:
        return NAME, AGE_AS_DATE
    return NAME, *(_column(entry) for entry in asked)


AGE_AS_DATE: Final = Column("Age", AGE.cell, "date")


def _column(entry: Object) -> Column:
    path, kind = entry["jsonPath"], entry.get("type", "string")

    def cell(obj: Object, now: datetime) -> Any:
        found = values_at(obj, path)
        return _shown(found[0], kind, now) if found else None

    return Column(entry["name"], cell, kind, entry.get("format", ""), int(entry.get("priority", 0)))


def _shown(value: Any, kind: str, now: datetime) -> Any:
    match kind:
        case "date":
            return since(str(value), now)
        case "integer":
            return int(value) if isinstance(value, int | float) else None
        case "number":
            return float(value) if isinstance(value, int | float) else None
        case "boolean":
            return value if isinstance(value, bool) else None
    return value if isinstance(value, str) else str(value)


def values_at(obj: Any, path: str) -> list[Any]:
    """What is found at a path such as `.status.conditions[?(@.type=="Ready")].status`."""
    found, position = [obj], 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return []
        found = [inner for value in found for inner in _step(value, step)]
        position = step.end()
    return [value for value in found if value is not None]


def _step(value: Any, step: re.Match[str]) -> list[Any]:
    name = step["name"] or step["quoted"]
    if name is not None:
        plain = re.sub(r"\\(.)", r"\1", name)
        return [value[plain]] if isinstance(value, dict) and plain in value else []
    if not isinstance(value, list):
        return []
    if step["key"] is not None:
        return [
            item for item in value
            if isinstance(item, dict) and str(item.get(step["key"])) == step["value"]
        ]  # fmt: skip
    if step["index"] == "*":
        return value
    index = int(step["index"])
    return value[index : index + 1 or None]
