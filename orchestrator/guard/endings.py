"""Ends that objects carry themselves, for the case that nobody is left to take them away.

It shortens an end that is too late and sets one that is missing; it takes nothing away.
"""

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from orchestrator.guard.kinds import Expansion, Kind

_ONE_SHOT: Final = frozenset({"pod-kill", "container-kill"})
_PART: Final = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h)")
_SECONDS: Final[Mapping[str, float]] = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600,
}  # fmt: skip


def with_end(kind: Kind, body: dict[str, Any], remaining: timedelta) -> dict[str, Any]:
    """A new object that ends no later than the run may last, if its kind can carry an end."""
    spec = body.get("spec")
    if not isinstance(spec, dict):
        return body
    # At least a second: an object that ends at once would not be taken for one that does.
    most = max(1, math.ceil(remaining.total_seconds()))
    match kind.expansion:
        case Expansion.CHAOS if spec.get("action") not in _ONE_SHOT:
            given = _seconds(spec.get("duration"))
            if given is None or given > most:
                return {**body, "spec": {**spec, "duration": f"{most}s"}}
        case Expansion.JOB if kind.resource == "jobs":
            seconds = spec.get("activeDeadlineSeconds")
            if not isinstance(seconds, int) or seconds > most:
                return {**body, "spec": {**spec, "activeDeadlineSeconds": most}}
    return body


def _seconds(duration: Any) -> float | None:
    """A duration as Go writes it; None when it is none."""
    text = str(duration or "")
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    try:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    except ValueError:
        return None
