"""The debrief in ten lines for a terminal.

It leaves out everything that has a place in the page it points to.
"""

from typing import Final

from orchestrator.domain.outcome import Outcome
from orchestrator.domain.run import Finding
from reports.debrief import Debrief
from reports.response import Milestone
from reports.review import RunReview
from reports.words import UNKNOWN, brief_of, counted, lasting, outcome_words, stamp

LINES: Final = 10
"""As many as people read after a command."""

_UNNOTICEABLE: Final = {Outcome.ABSORBED, Outcome.INEFFECTIVE, Outcome.INDETERMINATE}
_UNUSUAL: Final = {Finding.ABORTED, Finding.STRANDED, Finding.UNFIT}


def summary_of(debrief: Debrief) -> list[str]:
    """Ten lines at most: the day, its runs, and what to know of them."""
    head = [_title(debrief), _counts(debrief)]
    tail = _tail(debrief)
    room = LINES - len(head) - len(tail)
    runs = [_run(run) for run in debrief.runs]
    if len(runs) > room:
        runs = [*runs[: room - 1], f"  and {counted(len(runs) - room + 1, 'more run')}"]
    return [*head, *runs, *tail]


def _title(debrief: Debrief) -> str:
    day = debrief.day
    opened = stamp(day.opened_at or day.plan.window.opens_at, debrief.zone)
    people = " Its people were played by a script." if debrief.is_scripted else ""
    return f"{day.plan.name}, {opened} ({day.plan.window.zone}): an exercise.{people}"


def _counts(debrief: Debrief) -> str:
    counts = debrief.counts
    return (
        f"{counted(len(debrief.runs), 'run')} planned, {counts.started.value} started,"
        f" {counts.proven.value} proven to have taken effect; steady state lost in"
        f" {counts.lost.value}, noticed by people in {counts.noticed.value}."
    )


def _run(run: RunReview) -> str:
    ended = f"; {run.run.ending}" if run.run.ending in _UNUSUAL else ""
    return f"  {outcome_words(run.outcome).name:<15} {run.run.title}: {_story(run)}{ended}"


def _story(run: RunReview) -> str:
    if run.window is None:
        return "nothing was injected"
    lasted = lasting(run.window.until - run.window.began_at)
    noticed, resolved = (
        run.response.times[each] for each in (Milestone.NOTICED, Milestone.RESOLVED)
    )
    if run.outcome in _UNNOTICEABLE:
        return f"active {lasted}, {outcome_words(run.outcome).sentence}"
    if noticed.observed is None:
        return f"active {lasted}, nobody recorded noticing it while it was active"
    ended = (
        f"resolved after {brief_of(resolved)}" if resolved.observed is not None
        else "not resolved by then"
    )  # fmt: skip
    return f"active {lasted}, noticed after {brief_of(noticed)}, {ended}"


def _tail(debrief: Debrief) -> list[str]:
    lines = []
    if debrief.halts:
        first = debrief.halts[0].reason
        lines.append(f"The day was halted {counted(len(debrief.halts), 'time')}: {first}.")
    if debrief.unlinked:
        lines.append(f"{counted(len(debrief.unlinked), 'incident')}: found, not injected.")
    restored = debrief.counts.restored.value
    started = counted(len(debrief.started), "started run")
    lines.append(f"Restoration proven for {restored if debrief.started else UNKNOWN} of {started}.")
    lines.append("There is no mean and no score: the page says how each number is computed.")
    return lines
