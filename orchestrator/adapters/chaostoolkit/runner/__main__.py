"""The entry of the runner's process; it does nothing when imported."""

import json
import sys
from pathlib import Path

from orchestrator.adapters.chaostoolkit.runner.lines import Lines


def main(mode: str, path: str) -> int:
    """Run one experiment in one mode: observe, play or roll-back."""
    lines = Lines.take_over()
    assignment = json.loads(Path(path).read_text(encoding="utf-8"))
    if mode == "observe":
        from orchestrator.adapters.chaostoolkit.runner.observing import observe  # noqa: PLC0415

        return observe(assignment, lines)
    from orchestrator.adapters.chaostoolkit.runner.playing import play  # noqa: PLC0415

    return play(assignment, lines, rollbacks_only=mode == "roll-back")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
