"""Times as kubectl shows them: how long ago.

It rounds the way people read, never up.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.clock import instant
from orchestrator.practice.api.kinds import Column

Object = dict[str, Any]
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_YEAR: Final = 365 * _DAY


def since(text: str | None, now: datetime) -> str:
    """How long ago a stamp was."""
    return human((now - instant(text)).total_seconds()) if text else "<unknown>"


def human(seconds: float) -> str:
    """A span of time in at most two units.

    Units: seconds.
    """
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    return _two(whole, _YEAR, "y", _DAY, "d") if whole < 8 * _YEAR else f"{whole // _YEAR}y"


def _two(seconds: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large}{large_unit}" + (f"{rest}{small_unit}" if rest else "")


def _name(obj: Object, _now: datetime) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Object, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


NAME: Final = Column("Name", _name, format="name")
AGE: Final = Column("Age", _age)
