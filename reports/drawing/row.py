"""One run as a row of the day: who and what, the fault, the steady state, people, the outcome.

It shows turns of the response and not each word; the run's own drawing and the timeline do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.domain.run import Finding
from orchestrator.domain.timeline import Precision
from reports.drawing.axis import Axis
from reports.drawing.legend import fault_bar
from reports.drawing.lettering import cut, width_of, wrapped
from reports.drawing.marks import person_dot, person_mark, proof_mark
from reports.drawing.spacing import spread
from reports.drawing.steady import Band, share_line
from reports.drawing.svg import box, lettered, rule, tag, told
from reports.figures import Figure
from reports.response import Mark, Milestone
from reports.review import RunReview
from reports.words import UNKNOWN, lasting, outcome_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The measures of a drawing.

    Units: those of the drawing. Left and right bound the axis; lanes says how far below
    the top of a row its lanes begin; tick how much room a label of the axis needs.
    """

    name: str
    width: float
    left: float
    right: float
    row: float
    lanes: float
    tick: float
    is_stacked: bool


def row(run: RunReview, axis: Axis, layout: Layout, *, y: float, hatch: str) -> str:
    """Draw one run."""
    top = y + layout.lanes
    return tag(
        "g",
        *_names(run, layout, y),
        *_fault(run, axis, top, hatch),
        *_steady(run, axis, top),
        *_people(run, axis, top),
        *_outcome(run, layout, y),
    )


def _names(run: RunReview, layout: Layout, y: float) -> Iterable[str]:
    room = layout.width - 24 if layout.is_stacked else layout.left - 30
    lines = wrapped(run.run.title, 14.5, room, lines=1 if layout.is_stacked else 2)
    below = y + 24
    for line in lines:
        yield lettered(12, below, line, "sw-title")
        below += 18
    about = " · ".join(each for each in (run.service, run.team and f"team {run.team}") if each)
    yield lettered(12, below, cut(about, 12, room), "sw-soft")


def _fault(run: RunReview, axis: Axis, top: float, hatch: str) -> Iterable[str]:
    window = run.window
    if window is None:
        x = axis.x(run.run.planned_at)
        yield told("planned, not started", box(x, top + 34, 14, 12, "sw-edge sw-open", round_=3))
        label = "planned, not started"
        yield from _beside(label, x, x + 14, axis, top + 44)
        return
    left, right = axis.x(window.began_at), axis.x(window.until)
    lasted = lasting(window.until - window.began_at)
    yield told(f"fault active for {lasted}", fault_bar(left, top + 34, right - left, 12, hatch))
    if run.run.proven_at and axis.covers(run.run.proven_at):
        yield proof_mark(axis.x(run.run.proven_at), top + 32, top + 49)
    yield from _beside(lasted, left, max(right, left + 3), axis, top + 44)


def _beside(label: str, left: float, right: float, axis: Axis, y: float) -> Iterable[str]:
    needed = 8 + width_of(label, 11)
    if right + needed <= axis.right:
        yield lettered(right + 7, y, label, "sw-small sw-soft", anchor="start")
    elif left - needed >= axis.left:
        yield lettered(left - 7, y, label, "sw-small sw-soft", anchor="end")
    else:
        yield lettered(axis.right, y + 13, label, "sw-small sw-soft", anchor="end")


def _steady(run: RunReview, axis: Axis, top: float) -> Iterable[str]:
    band = Band(top=top + 60, bottom=top + 90)
    drawn = share_line(run.probes, axis, band)
    if drawn:
        yield told("share of probes within their tolerance", drawn)
    elif run.window:
        yield from _beside(
            "steady state not measured", axis.x(run.window.began_at), axis.x(run.window.until),
            axis, top + 80,
        )  # fmt: skip


def _people(run: RunReview, axis: Axis, top: float) -> Iterable[str]:
    firsts = turning(run.response.firsts.values())
    shown = {mark.entry.id for mark in firsts}
    for mark in run.response.marks:
        if mark.counts and mark.entry.id not in shown and axis.covers(mark.entry.occurred_at):
            yield person_dot(axis.x(mark.entry.occurred_at), top + 28, hollow=is_recalled(mark))
    wanted = [axis.x(mark.entry.occurred_at) for mark in firsts]
    places = spread(wanted, gap=15, low=axis.left, high=axis.right)
    for mark, x, place in zip(firsts, wanted, places, strict=True):
        yield rule(place, top + 16, x, top + 34, "sw-leader")
        yield told(
            f"{mark.milestone} {lasting(mark.since)} after the start of the fault",
            person_mark(
                mark.milestone or Milestone.NOTICED, place, top + 15, hollow=is_recalled(mark)
            ),
        )


def turning(firsts: Iterable[Mark]) -> Sequence[Mark]:
    """The marks that are the first of their kind, each once, in the order of time."""
    found = {mark.entry.id: mark for mark in firsts}
    return sorted(found.values(), key=lambda mark: (mark.entry.occurred_at, mark.entry.seq))


def is_recalled(mark: Mark) -> bool:
    """Whether it was told afterwards."""
    return mark.entry.precision is Precision.RECALLED


def _outcome(run: RunReview, layout: Layout, y: float) -> Iterable[str]:
    name = outcome_words(run.outcome).name
    width = width_of(name, 13) + 24
    left, top = (12.0, y + 50) if layout.is_stacked else (layout.right + 24, y + 16)
    yield box(left, top, width, 24, f"sw-pill sw-pill-{run.outcome or 'none'}", round_=12)
    yield lettered(left + width / 2, top + 16.5, name, "sw-pill-text", anchor="middle")
    lines = _times(run)
    if layout.is_stacked:
        for place, line in enumerate(lines[:2]):
            yield lettered(left + width + 10, top + 10 + 14 * place, line, "sw-small sw-soft")
        return
    for place, line in enumerate(lines):
        yield lettered(left + 4, top + 44 + 17 * place, line, "sw-soft sw-right")


def _times(run: RunReview) -> list[str]:
    if not run.window:
        return []
    noticed, resolved = (
        run.response.times[each] for each in (Milestone.NOTICED, Milestone.RESOLVED)
    )
    lines = [
        f"noticed after {_long(noticed)}" if noticed.observed else f"no notice in {_long(noticed)}",
        f"resolved after {_long(resolved)}" if resolved.observed else "",
    ]
    if run.run.ending in {Finding.ABORTED, Finding.STRANDED}:
        lines.insert(1, str(run.run.ending))
    return [line for line in lines if line]


def _long(figure: Figure) -> str:
    return lasting(figure.value) if isinstance(figure.value, timedelta) else UNKNOWN
