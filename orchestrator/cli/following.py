"""Shows a day as it goes on: the entries of its timeline, and where its runs are.

It only reads.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Final

import anyio
import click

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import DayId
from orchestrator.domain.run import Finding, Phase, Run
from orchestrator.domain.timeline import Kind, TimelineEntry
from orchestrator.wiring import Services

_LOOK: Final = timedelta(seconds=5)
_AGAIN: Final = 0.5
"""Seconds after which a database that did not answer is asked again."""
_MARKS = {
    Kind.INJECTED: ("▼", "red"),
    Kind.PROOF: ("◇", "magenta"),
    Kind.STEADY_STATE: ("~", "yellow"),
    Kind.RESTORED: ("▲", "green"),
    Kind.REFUSED: ("✗", "red"),
    Kind.HALTED: ("■", "red"),
    Kind.SAW: ("●", "cyan"),
    Kind.THOUGHT: ("●", "cyan"),
    Kind.DID: ("●", "cyan"),
    Kind.DECLARED: ("!", "cyan"),
    Kind.ACKNOWLEDGED: ("◆", "cyan"),
    Kind.ESCALATED: ("↑", "cyan"),
    Kind.MITIGATED: ("◐", "cyan"),
    Kind.RESOLVED: ("○", "cyan"),
}
"""Shape and colour of each kind; what has none is told without."""


@asynccontextmanager
async def followed(services: Services, day: DayId, *, quiet: bool) -> AsyncIterator[None]:
    """Show what happens on a day while the scope lasts."""
    if quiet:
        yield
        return
    entries = _Entries(services, day)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(entries.follow)
        if sys.stderr.isatty():
            tasks.start_soon(_show_status, services, day)
        yield
        tasks.cancel_scope.cancel()
    # Whatever was written up to now is still shown, if it can be read.
    with suppress(Unavailable):
        await entries.show()
    _clear()


class _Entries:
    """The entries of a day, each shown once."""

    def __init__(self, services: Services, day: DayId) -> None:
        self._storage = services.storage
        self._day = day
        self._seen = 0

    async def follow(self) -> None:
        """Show entries as they are written."""
        while True:
            try:
                await self.show()
                await self._storage.changed(self._day, after=self._seen, patience=_LOOK)
            except Unavailable:
                # What was not shown meanwhile is shown as soon as the database answers again.
                await anyio.sleep(_AGAIN)

    async def show(self) -> None:
        """Show what was not shown yet."""
        for entry in await self._storage.timeline(self._day, after=self._seen):
            self._seen = entry.seq
            _clear()
            click.echo(line_of(entry), err=True)


def line_of(entry: TimelineEntry) -> str:
    """An entry in one line."""
    mark, colour = _MARKS.get(entry.kind, ("·", "white"))
    at = click.style(entry.occurred_at.astimezone().strftime("%H:%M:%S"), dim=True)
    who = f"{entry.actor.name}: " if entry.actor.is_person else ""
    text = click.style(f"{mark} {who}{entry.text}", fg=colour)
    return f"{at} {text}"


async def _show_status(services: Services, day: DayId) -> None:
    while True:
        try:
            _write(await _status(services, day))
        except Unavailable:
            _write("the database does not answer")
        await anyio.sleep(0.25)


async def _status(services: Services, day: DayId) -> str:
    """Where the runs of a day are, in one line; empty when nothing is to come."""
    runs = await services.storage.runs(day)
    active = [run for run in runs if run.phase.may_hold_fault]
    waiting = [run for run in runs if run.phase is Phase.ARMED]
    now = services.clock.now()
    if active:
        samples = await services.storage.samples(active[0].id)
        return _status_of(active[0], list(samples), now)
    if not waiting:
        return ""
    due = (waiting[0].planned_at - now).total_seconds()
    return f"next: {waiting[0].title} in {due:.0f} s" if due > 0 else "preparing"


def _status_of(run: Run, samples: list[Sample], now: datetime) -> str:
    since = (now - run.started_at).total_seconds() if run.started_at else 0
    latest = {sample.probe: sample.within for sample in samples}
    steady = "".join("●" if within else "○" for within in latest.values()) or "-"
    return f"{run.phase:<12} {since:5.1f} s  steady state {steady}  {run.title}"


def _write(text: str) -> None:
    if text:
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)


def _clear() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


_VERDICTS: dict[Finding | None, Callable[[Run], str]] = {
    Finding.HELD: lambda _: "the hypothesis held",
    Finding.DEVIATED: lambda run: "; ".join(filter(None, ("the hypothesis deviated", run.why))),
    Finding.ABORTED: lambda run: f"aborted: {run.why}",
    Finding.UNFIT: lambda run: f"not started: {run.why}",
    Finding.INEFFECTIVE: lambda run: f"the fault did not take effect: {run.why}",
    Finding.STRANDED: lambda run: f"STRANDED: restoration is not proven: {run.why}",
    Finding.UNKNOWN: lambda run: (
        f"done; {run.why or 'nothing was measured'}, so nothing is claimed"
    ),
    None: lambda run: f"not started: {run.why}",
}


def verdict_of(run: Run) -> str:
    """What came of a run, in one line."""
    return f"{run.title} ({run.id}): {_VERDICTS[run.ending](run)}"


def run_document(run: Run) -> dict[str, Any]:
    """A run for machines."""
    return {name: getattr(run, name) for name in Run.__dataclass_fields__} | {"reason": run.why}
