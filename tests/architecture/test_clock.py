"""Only the clock reads the clock.

ruff bans the same calls; this test also sees what a `noqa` hides.
"""

from pathlib import Path

from tests.architecture.source import ROOT, names_used, python_files

READINGS = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "time.time",
    "time.time_ns",
}
# The practice cluster is a world of its own, and its two halves share no code.
CLOCKS = (
    "orchestrator/adapters/clock",
    "orchestrator/practice/api/clock.py",
    "orchestrator/practice/nodes/moments.py",
)


def is_a_clock(path: Path) -> bool:
    return path.relative_to(ROOT).as_posix().startswith(CLOCKS)


def test_only_the_clock_reads_the_clock() -> None:
    readers = {
        path.relative_to(ROOT).as_posix(): readings
        for path in python_files()
        if not is_a_clock(path) and (readings := READINGS & names_used(path))
    }

    assert not readers


def test_reading_is_seen_under_another_name(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden.py"
    hidden.write_text("from datetime import datetime as d\nnow = d.now()\n", encoding="utf-8")

    assert READINGS & names_used(hidden) == {"datetime.datetime.now"}
