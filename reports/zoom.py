"""One run as a drawing: people, the fault and each probe, on an axis that starts with the fault.

It shows first turns of the response by name; every entry stands in the timeline.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from html import escape
from typing import Final

from reports.drawing.axis import Axis, axis_over
from reports.drawing.legend import fault_bar, hatching
from reports.drawing.lettering import cut, width_of
from reports.drawing.marks import person_dot, person_mark, proof_mark
from reports.drawing.row import is_recalled, turning
from reports.drawing.spacing import tiered
from reports.drawing.steady import Band, probe_lane, scale_of
from reports.drawing.svg import box, lettered, rule, tag, told
from reports.response import Mark, Milestone
from reports.review import RunReview
from reports.steady import ProbeReview
from reports.window import FaultWindow
from reports.words import clock, lasting


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The measures of a close drawing; name_above puts names above lanes, not beside."""

    name: str
    width: float
    left: float
    right: float
    tick: float
    name_above: bool

    @property
    def lane(self) -> float:
        """How high the lane of a probe is, with its name if that is above."""
        return 76 if self.name_above else 58


CLOSE: Final = Close(name="wide", width=1160, left=216, right=1140, tick=76, name_above=False)
CLOSE_NARROW: Final = Close(name="narrow", width=360, left=10, right=350, tick=60, name_above=True)
MOST_PROBES: Final = 8
"""More lanes than these hide more than they show; the table lists all probes."""

TIER: Final = 16
"""Height of one line of labels."""


def zoom_svg(run: RunReview, *, zone: tzinfo, prefix: str, close: Close = CLOSE) -> str:
    """Draw one run; empty when there was no fault to draw.

    Shape: prefix makes ids unique within a page.
    """
    if run.window is None:
        return ""
    window, axis = run.window, _axis(run, run.window, close)
    hatch = f"hatch-{prefix}-{close.name}"
    labels = _labels(turning(run.response.firsts.values()), axis)
    people = 30 + TIER * (1 + max((tier for _, _, _, tier in labels), default=0))
    bar = people + 26
    lanes = bar + 34
    probes = run.probes[:MOST_PROBES]
    bottom = lanes + close.lane * len(probes)
    return tag(
        "svg",
        tag("title", escape(f"Close view of {run.run.title}")),
        tag("desc", escape(_description(probes))),
        hatching(hatch),
        *_ground(window, axis, zone, close, bottom),
        *_people(run, labels, axis, people, close),
        *_fault(run, window, axis, y=bar, hatch=hatch, close=close),
        *(
            line
            for place, probe in enumerate(probes)
            for line in _probe(probe, axis, lanes + place * close.lane, close)
        ),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {close.width:.0f} {bottom + 34:.0f}",
        class_=f"sw sw-{close.name}",
        role="img",
    )


def _axis(run: RunReview, window: FaultWindow, close: Close) -> Axis:
    reach = max(window.until - window.began_at, timedelta(seconds=2))
    earliest, latest = window.began_at - 0.6 * reach, window.until + 2 * reach
    known = [window.began_at - 0.05 * reach, window.until + 0.05 * reach]
    known += [s.at for probe in run.probes for s in probe.samples[:1] + probe.samples[-1:]]
    known += [mark.entry.occurred_at for mark in run.response.firsts.values()]
    known += [run.run.ended_at] if run.run.ended_at else []
    shown = [moment for moment in known if earliest <= moment <= latest]
    return axis_over(min(shown), max(shown), left=close.left, right=close.right, margin=0.01)


def _ground(
    window: FaultWindow, axis: Axis, zone: tzinfo, close: Close, bottom: float
) -> Iterable[str]:
    left, right = axis.x(window.began_at), axis.x(window.until)
    yield box(left, 24, right - left, bottom - 24, "sw-tint")
    for tick in axis.since(window.began_at, room=close.tick):
        yield rule(tick.x, 20, tick.x, bottom, "sw-grid")
        yield tick.label_at(14, width=close.width)
    yield rule(left, 24, left, bottom, "sw-edge")
    yield rule(right, 24, right, bottom, "sw-edge")
    yield from _clocks((window.began_at, window.until), axis, zone, bottom + 18)


def _clocks(moments: Sequence[datetime], axis: Axis, zone: tzinfo, y: float) -> Iterable[str]:
    began, until = (clock(moment, zone) for moment in moments)
    left, right = (axis.x(moment) for moment in moments)
    room = width_of(began, 11) + 10
    # Two clocks that would run into each other part to the outside.
    apart = right - left >= room
    yield lettered(left, y, began, "sw-small", anchor="middle" if apart else "end")
    yield lettered(right, y, until, "sw-small", anchor="middle" if apart else "start")


def _labels(firsts: Sequence[Mark], axis: Axis) -> list[tuple[Mark, str, float, int]]:
    extents, found = [], []
    for mark in firsts:
        label = f"{mark.milestone} {_signed(mark.since)}"
        width = width_of(label, 11.5)
        x = axis.x(mark.entry.occurred_at)
        start = min(max(x - width / 2, axis.left), axis.right - width)
        extents.append((start, start + width))
        found.append((mark, label, start))
    tiers = tiered(extents, gap=12)
    return [(*each, tier) for each, tier in zip(found, tiers, strict=True)]


def _people(
    run: RunReview,
    labels: Sequence[tuple[Mark, str, float, int]],
    axis: Axis,
    y: float,
    close: Close,
) -> Iterable[str]:
    if not close.name_above:
        yield from _name("People", [], y + 4, close)
    yield rule(axis.left, y, axis.right, y, "sw-grid")
    if not run.response.marks:
        yield lettered(
            axis.x(run.window.began_at) + 8 if run.window else axis.left,
            y - 8, "nobody recorded anything on this run", "sw-small sw-soft",
        )  # fmt: skip
    named = {mark.entry.id for mark, *_ in labels}
    for mark in run.response.marks:
        if mark.entry.id not in named and axis.covers(mark.entry.occurred_at):
            dot = person_dot(axis.x(mark.entry.occurred_at), y, hollow=is_recalled(mark))
            yield told(f"{mark.entry.kind} {_signed(mark.since)}", dot)
    for mark, _, _, tier in labels:
        x = axis.x(mark.entry.occurred_at)
        yield rule(x, y - 10 - TIER * tier, x, y, "sw-leader")
    for mark, label, start, tier in labels:
        yield lettered(start, y - 14 - TIER * tier, label, "sw-label")
        shape = mark.milestone or Milestone.NOTICED
        x = axis.x(mark.entry.occurred_at)
        yield told(label, person_mark(shape, x, y, size=6.5, hollow=is_recalled(mark)))


def _fault(
    run: RunReview, window: FaultWindow, axis: Axis, *, y: float, hatch: str, close: Close
) -> Iterable[str]:
    left, right = axis.x(window.began_at), axis.x(window.until)
    lasted = lasting(window.until - window.began_at)
    if not close.name_above:
        yield from _name("Fault", [lasted], y + 2, close)
    yield told(f"fault active for {lasted}", fault_bar(left, y - 7, right - left, 14, hatch))
    if run.run.proven_at and axis.covers(run.run.proven_at):
        yield proof_mark(axis.x(run.run.proven_at), y - 10, y + 11)


def _probe(probe: ProbeReview, axis: Axis, y: float, close: Close) -> Iterable[str]:
    scale = scale_of(probe)
    span = f"{scale[0]:g} to {scale[1]:g}" if scale else ""
    tolerance = f"tolerance {probe.tolerance}" if probe.tolerance else ""
    about = [each for each in (tolerance, span and f"seen {span}") if each]
    top = y + (30 if close.name_above else 6)
    yield from _name(probe.probe, about, y + (14 if close.name_above else 20), close)
    yield rule(axis.left, top + 44, axis.right, top + 44, "sw-grid")
    yield told(probe.probe, probe_lane(probe, axis, Band(top=top, bottom=top + 44)))


def _name(name: str, about: Sequence[str], y: float, close: Close) -> Iterable[str]:
    if close.name_above:
        line = cut(" · ".join([name, *about]), 11, close.width - 20)
        yield lettered(close.left, y, line, "sw-small")
        return
    room = close.left - 20
    yield lettered(8, y, cut(name, 12, room), "")
    for place, line in enumerate(about, start=1):
        yield lettered(8, y + 14 * place, cut(line, 10.5, room), "sw-tiny")


def _signed(since: timedelta) -> str:
    return ("" if since < timedelta() else "+") + lasting(since)


def _description(probes: Sequence[ProbeReview]) -> str:
    return (
        "Time runs from the start of the fault. Above, what people recorded; below, the fault and"
        f" {len(probes)} probes of the steady state, with samples outside their tolerance as"
        " crosses. The tables of this section hold the same in numbers."
    )
