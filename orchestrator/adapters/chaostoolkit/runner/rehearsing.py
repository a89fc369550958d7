"""Plays an experiment as ever, without its pauses and without measuring anything.

What is written has no effect, which is the guard's doing and none of this module's.
"""

from collections.abc import Mapping
from typing import Any

from orchestrator.adapters.chaostoolkit.runner.lines import Lines
from orchestrator.adapters.chaostoolkit.runner.playing import play


def rehearse(assignment: Mapping[str, Any], lines: Lines) -> int:
    """Play method and rollbacks once the conductor says so."""
    experiment = {
        key: _without_pauses(value) if key in {"method", "rollbacks"} else value
        for key, value in assignment["experiment"].items()
        # With its extensions goes the proof of an injection that there will not be.
        if key != "extensions"
    }
    return play({**assignment, "experiment": experiment}, lines, rollbacks_only=False)


def _without_pauses(activities: Any) -> list[Any]:
    return [
        {key: value for key, value in activity.items() if key != "pauses"}
        if isinstance(activity, Mapping)
        else activity
        for activity in activities or []
    ]
