"""The entry of the runner's process; it does nothing when imported."""

import atexit
import gc
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.adapters.chaostoolkit.runner.lines import Lines


def main(mode: str, path: str) -> int:
    """Run one experiment in one mode: observe, play, roll-back, inspect or rehearse."""
    assignment = json.loads(Path(path).read_text(encoding="utf-8"))
    problem = _confine(assignment.pop("containment", None))
    # From here on there are threads, which could not enter namespaces any more.
    lines = Lines.take_over()
    if problem:
        lines.say("ended", problem=problem)
        return 1
    if mode == "observe":
        from orchestrator.adapters.chaostoolkit.runner.observing import observe  # noqa: PLC0415

        return observe(assignment, lines)
    if mode == "inspect":
        from orchestrator.adapters.chaostoolkit.runner.inspecting import (  # noqa: PLC0415
            inspect_experiment,
        )

        return inspect_experiment(assignment, lines)
    if mode == "rehearse":
        from orchestrator.adapters.chaostoolkit.runner.rehearsing import (  # noqa: PLC0415
            rehearse,
        )

        return rehearse(assignment, lines)
    from orchestrator.adapters.chaostoolkit.runner.playing import play  # noqa: PLC0415

    return play(assignment, lines, rollbacks_only=mode == "roll-back")


def _confine(order: Mapping[str, Any] | None) -> str:
    """Give up what the order says; returns why that was not possible."""
    if order is None:
        return ""
    from orchestrator.adapters.chaostoolkit.containment.confining import (  # noqa: PLC0415
        confine,
    )
    from orchestrator.adapters.chaostoolkit.containment.order import Order  # noqa: PLC0415

    try:
        confine(Order.from_line(order))
    except (OSError, TypeError, KeyError) as error:
        return f"it could not be kept in ({error}), so nothing of the experiment was played"
    return ""


if __name__ == "__main__":
    # The run waits for what is imported here, and for its taking apart at the end: looking for
    # garbage takes a sixth of the one, and a quarter of a second of the other.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    sys.exit(main(*sys.argv[1:3]))
