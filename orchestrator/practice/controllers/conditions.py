"""Conditions in the status of an object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]


def condition(obj_status: Object, name: str) -> Object | None:
    """The condition of a type in a status, or none."""
    for entry in obj_status.get("conditions", ()):
        if entry["type"] == name:
            found: Object = entry
            return found
    return None


def is_true(obj: Object, name: str) -> bool:
    """Whether an object's condition of a type is True."""
    found = condition(obj.get("status", {}), name)
    return found is not None and found["status"] == "True"


def with_condition(conditions: Iterable[Object], new: Object) -> list[Object]:
    """The conditions with one set; the moment of its last transition moves with its status only.

    A condition that says the same as before stays as it is.
    """
    conditions = list(conditions)
    old = next((entry for entry in conditions if entry["type"] == new["type"]), None)
    if old is None:
        return [*conditions, new]
    if all(old.get(key) == new.get(key) for key in ("status", "reason")):
        return conditions
    if old["status"] == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [entry for entry in conditions if entry["type"] != new["type"]] + [new]


def without_condition(conditions: Iterable[Object], name: str) -> list[Object]:
    """The conditions without those of a type."""
    return [entry for entry in conditions if entry["type"] != name]
