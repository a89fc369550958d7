"""What is known after the day, in sentences that follow from figures.

It draws no conclusion and gives no advice; that is for the people in the room.
"""

from collections.abc import Sequence
from datetime import timedelta

from orchestrator.domain.outcome import Outcome
from reports.debrief import Debrief
from reports.response import Milestone
from reports.review import RunReview
from reports.words import brief_of, counted, lasting, listed


def facts_of(debrief: Debrief) -> list[str]:
    """What we now know, the most telling first."""
    return [
        fact
        for fact in (
            *_undetected(debrief),
            *_found(debrief),
            *_absorbed(debrief),
            *_unmeasured(debrief),
            *_halted(debrief),
            *_unlinked(debrief),
            _injected(debrief),
            *_restored(debrief),
        )
        if fact
    ]


def _injected(debrief: Debrief) -> str:
    if not debrief.runs:
        return "The agenda has no runs."
    said = f"{len(debrief.started)} of {counted(len(debrief.runs), 'planned run')} started"
    if not debrief.started:
        return f"{said}."
    return f"{said}; the fault was proven to have taken effect in {debrief.counts.proven.value}."


def _undetected(debrief: Debrief) -> list[str]:
    return [
        f"The steady state was lost under “{run.run.title}”,"
        f" and nobody recorded noticing it while it was active ({_lasted(run)})."
        for run in debrief.with_outcome(Outcome.UNDETECTED)
    ]


def _found(debrief: Debrief) -> list[str]:
    return [
        f"The steady state was lost under “{run.run.title}”; people noticed it after"
        f" {brief_of(run.response.times[Milestone.NOTICED])}{_resolved(run)}."
        for run in debrief.with_outcome(Outcome.HUMAN_FOUND)
    ]


def _resolved(run: RunReview) -> str:
    time = run.response.times[Milestone.RESOLVED]
    if time.observed is not None:
        return f" and resolved it after {lasting(time.observed)}"
    return f"; it was not resolved by the time the fault ended ({_lasted(run)})"


def _absorbed(debrief: Debrief) -> list[str]:
    found = []
    if titles := _titles(debrief.with_outcome(Outcome.ABSORBED)):
        found.append(f"The steady state held through {titles}, and nobody had cause to notice.")
    if titles := _titles(debrief.with_outcome(Outcome.EARLY_NOTICE)):
        found.append(f"The steady state held through {titles}, and people noticed all the same.")
    return found


def _unmeasured(debrief: Debrief) -> list[str]:
    found = []
    if titles := _titles(debrief.with_outcome(Outcome.INDETERMINATE)):
        found.append(f"Nothing was measured of the steady state under {titles}.")
    if titles := _titles(debrief.with_outcome(Outcome.INEFFECTIVE)):
        found.append(f"{titles}: the fault was sent and did not take effect.")
    return found


def _halted(debrief: Debrief) -> list[str]:
    return [f"The day was halted: {halt.reason}." for halt in debrief.halts]


def _unlinked(debrief: Debrief) -> list[str]:
    keys = [incident.incident.key for incident in debrief.unlinked]
    return [f"{listed(keys)}: found, not injected."] if keys else []


def _restored(debrief: Debrief) -> list[str]:
    started = counted(len(debrief.started), "started run")
    proven = debrief.counts.restored.value
    return [f"Restoration was proven for {proven} of {started}."] if debrief.started else []


def _lasted(run: RunReview) -> str:
    lasted = run.window.lasted.value if run.window else None
    return lasting(lasted) if isinstance(lasted, timedelta) else "unknown"


def _titles(runs: Sequence[RunReview]) -> str:
    return listed([f"“{run.run.title}”" for run in runs]) if runs else ""
