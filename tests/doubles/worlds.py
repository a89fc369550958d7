"""Days with runs, stored; and ids that differ."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from orchestrator.domain.day import ChaosDay
from orchestrator.domain.identity import ORCHESTRATOR, EntryId, IncidentId, RunId, WorkerId
from orchestrator.domain.incident import Incident
from orchestrator.domain.run import Move, Run
from orchestrator.domain.timeline import TimelineEntry
from orchestrator.ports import Storage
from tests.builders import a_day, a_run, an_entry, an_incident, at

ME: Final = WorkerId("me")
SOMEBODY: Final = WorkerId("somebody")
LONG: Final = timedelta(minutes=10)
OVER: Final = timedelta(seconds=-1)
"""A lease that is over as soon as it begins."""

_count = itertools.count(1)


def a_new_entry(**changes: Any) -> TimelineEntry:
    """An entry that is not stored yet, with an id of its own."""
    return replace(an_entry(seq=0), id=EntryId(f"new-{next(_count)}"), **changes)


def a_new_incident(**changes: Any) -> Incident:
    """An incident that is not stored yet, with an id of its own."""
    return an_incident(**({"id": IncidentId(f"new-{next(_count)}"), "key": ""} | changes))


async def stored(storage: Storage, *runs: Run, day: ChaosDay | None = None) -> ChaosDay:
    """Store a day with the runs of its agenda."""
    day = day or a_day()
    await storage.add_day(day, runs, [])
    return day


def some_runs(count: int, **changes: Any) -> list[Run]:
    """Runs that differ in id and in when they are planned."""
    return [
        a_run(**({"id": RunId(f"run-{i}"), "planned_at": at(i)} | changes))
        for i in range(1, count + 1)
    ]


async def moved(storage: Storage, run: Run, *moves: Move) -> Run:
    """Make moves of a run, each stored with its entry."""
    for move in moves:
        after, fact = run.advance(move, by=ORCHESTRATOR, at=at(60))
        await storage.move(after, was=run, entries=[a_new_entry(text=f"{fact.phase}", run=run.id)])
        run = after
    return run
