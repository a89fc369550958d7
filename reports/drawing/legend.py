"""The legend of a drawing, wrapped to its width.

It lists what the drawing shows, and nothing else.
"""

from collections.abc import Iterable
from typing import Final

from reports.drawing.lettering import width_of
from reports.drawing.marks import person_dot, person_mark, proof_mark
from reports.drawing.svg import box, lettered, rule, tag
from reports.response import Milestone

LINE: Final = 22
"""Height of one line of the legend."""


def legend(
    *, width: float, top: float, hatch: str, halts: bool, recalled: bool
) -> tuple[str, float]:
    """The legend and how high it is. Shape: hatch is the id of the fault's pattern."""
    x, y = 8.0, top + 14
    drawn = []
    for sample, extent, label in _items(hatch, halts=halts, recalled=recalled):
        needed = extent + 6 + width_of(label, 11) + 18
        if x + needed > width and x > 8:
            x, y = 8.0, y + LINE
        drawn.append(tag("g", sample, transform=f"translate({x:.1f} {y:.1f})"))
        drawn.append(lettered(x + extent + 6, y + 4, label, "sw-small sw-soft"))
        x += needed
    return "".join(drawn), y + LINE - top - 6


def hatching(name: str) -> str:
    """The pattern of a fault: hatched, so that it is told apart without colour."""
    pattern = tag(
        "pattern",
        tag("rect", width=8, height=8, class_="sw-hatch-ground"),
        tag("line", x1=0, y1=0, x2=0, y2=8, class_="sw-hatch-line"),
        id=name, width=8, height=8, patternUnits="userSpaceOnUse", patternTransform="rotate(45)",
    )  # fmt: skip
    return tag("defs", pattern)


def fault_bar(x: float, y: float, width: float, height: float, hatch: str) -> str:
    """The time in which a fault was active."""
    ground = tag(
        "rect", x=x, y=y, width=max(width, 3), height=height, rx=3, fill=f"url(#{hatch})"
    )  # fmt: skip
    return ground + box(x, y, max(width, 3), height, "sw-fault-edge", round_=3)


def _items(hatch: str, *, halts: bool, recalled: bool) -> Iterable[tuple[str, float, str]]:
    yield fault_bar(0, -6, 26, 12, hatch), 26, "fault active"
    yield proof_mark(4, -7, 6), 8, "seen to take effect"
    yield rule(0, 0, 22, 0, "sw-steady"), 22, "probes within tolerance"
    yield _outside(), 22, "outside"
    for milestone in Milestone:
        yield person_mark(milestone, 6, 0, size=5.5), 12, milestone
    yield person_dot(4, 0), 8, "also recorded by people"
    if recalled:
        yield person_mark(Milestone.NOTICED, 6, 0, size=5, hollow=True), 12, "hollow: told later"
    if halts:
        yield rule(3, -8, 3, 8, "sw-halt"), 6, "halt"


def _outside() -> str:
    return box(0, -6, 22, 12, "sw-out") + rule(0, 6, 22, 6, "sw-out-line")
