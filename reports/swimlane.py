"""The day as one drawing: each run a row, all on one axis of time.

It computes no number of its own; what it draws stands in the debrief and in the table under it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from orchestrator.domain.timeline import Precision
from reports.debrief import Debrief, HaltReview
from reports.drawing.axis import Axis, Tick, axis_over
from reports.drawing.legend import hatching, legend
from reports.drawing.lettering import width_of
from reports.drawing.palette import STYLE
from reports.drawing.row import Layout, row
from reports.drawing.spacing import spread
from reports.drawing.svg import box, lettered, rule, tag, told
from reports.words import writable

WIDE: Final = Layout(
    name="wide", width=1160, left=250, right=940, row=102, lanes=0, tick=66, is_stacked=False
)
"""For a desk and for print: name, lanes and outcome side by side."""

NARROW: Final = Layout(
    name="narrow", width=360, left=12, right=348, row=168, lanes=66, tick=66, is_stacked=True
)
"""For a phone: name and outcome above the lanes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """Where the rows of a drawing lie."""

    top: float
    bottom: float


def swimlane_svg(debrief: Debrief, *, layout: Layout = WIDE, standalone: bool = False) -> str:
    """Draw the day; a standalone drawing brings its heading and its style along."""
    hatch = f"hatch-day-{layout.name}"
    heading = 34 if standalone else 0
    keys, height = legend(
        width=layout.width,
        top=heading,
        hatch=hatch,
        halts=bool(debrief.halts),
        recalled=_is_any_recalled(debrief),
    )
    top = heading + height + (46 if debrief.halts else 30)
    frame = _Frame(top=top, bottom=top + layout.row * max(len(debrief.runs), 1))
    axis = _axis(debrief, layout)
    ticks = axis.by_the_clock(debrief.zone, room=layout.tick)
    drawn = tag(
        "svg",
        tag("title", escape(f"Swimlane of {debrief.day.plan.name}")),
        tag("desc", escape(_description(debrief))),
        tag("style", STYLE) if standalone else "",
        hatching(hatch),
        box(0, 0, layout.width, frame.bottom + 30, "sw-paper") if standalone else "",
        _heading(debrief) if standalone else "",
        keys,
        *_bands(debrief, layout, frame),
        *_grid(ticks, frame, layout.width),
        *_halts(debrief.halts, axis, frame),
        *(
            row(run, axis, layout, y=frame.top + place * layout.row, hatch=hatch)
            for place, run in enumerate(debrief.runs)
        ),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {layout.width} {frame.bottom + 30:.0f}",
        class_=f"sw sw-{layout.name}",
        role="img",
    )
    return writable(drawn)


def _axis(debrief: Debrief, layout: Layout) -> Axis:
    instants = list(_instants(debrief)) or [debrief.generated_at]
    return axis_over(min(instants), max(instants), left=layout.left, right=layout.right)


def _instants(debrief: Debrief) -> Iterable[datetime]:
    day = debrief.day
    yield from (at for at in (day.opened_at, day.closed_at) if at)
    for run in debrief.runs:
        if run.window:
            yield from (run.window.began_at, run.window.until)
        yield from (s.at for probe in run.probes for s in probe.samples[:1] + probe.samples[-1:])
        yield from (mark.entry.occurred_at for mark in run.response.firsts.values())
    for halt in debrief.halts:
        yield halt.halted.occurred_at


def _heading(debrief: Debrief) -> str:
    return lettered(8, 22, debrief.day.plan.name, "sw-heading")


def _bands(debrief: Debrief, layout: Layout, frame: _Frame) -> Iterable[str]:
    for place in range(0, len(debrief.runs), 2):
        yield box(0, frame.top + place * layout.row, layout.width, layout.row, "sw-band", round_=6)


def _grid(ticks: Sequence[Tick], frame: _Frame, width: float) -> Iterable[str]:
    for tick in ticks:
        yield rule(tick.x, frame.top - 4, tick.x, frame.bottom + 4, "sw-grid")
        for y in (frame.top - 10, frame.bottom + 18):
            yield tick.label_at(y, width=width)


def _halts(halts: Sequence[HaltReview], axis: Axis, frame: _Frame) -> Iterable[str]:
    labels = ["halt" if len(halts) == 1 else f"halt {n}" for n in range(1, len(halts) + 1)]
    wanted = [axis.x(halt.halted.occurred_at) for halt in halts]
    room = max((width_of(label, 11) for label in labels), default=0) + 6
    places = spread(wanted, gap=room, low=axis.left, high=axis.right)
    for halt, label, x, place in zip(halts, labels, wanted, places, strict=True):
        released = axis.x(halt.released.occurred_at) if halt.released else axis.right
        yield told(
            f"{label}: {halt.reason}",
            box(x, frame.top, released - x, frame.bottom - frame.top, "sw-halted"),
            rule(x, frame.top - 24, x, frame.bottom, "sw-halt"),
            lettered(place, frame.top - 28, label, "sw-halt-label", anchor="middle"),
        )


def _is_any_recalled(debrief: Debrief) -> bool:
    return any(
        mark.entry.precision is Precision.RECALLED
        for run in debrief.runs
        for mark in run.response.marks
    )


def _description(debrief: Debrief) -> str:
    return (
        f"{len(debrief.runs)} runs on one axis of time. Each row shows when the fault was active,"
        " how many probes of the steady state were within their tolerance, and what people"
        " recorded. The table after this drawing holds the same in numbers."
    )
