"""Conducts from a terminal, in this process: restores first, then paces, and stops on a signal.

It is what `run` and `conduct` have in common.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from getpass import getuser

import anyio
import click

from orchestrator.adapters.chaostoolkit.forsaken import sweep
from orchestrator.cli.following import followed
from orchestrator.cli.interrupts import Interrupts
from orchestrator.domain.day import ChaosDay, PinnedExperiment
from orchestrator.domain.identity import Actor, ActorKind, Role
from orchestrator.domain.plan import Plan
from orchestrator.domain.run import Phase, Run
from orchestrator.services.opening import Opened
from orchestrator.services.recording import Said
from orchestrator.wiring import Services


def ourselves() -> Said:
    """The person at this terminal, who by calling a command consents as facilitator."""
    return Said(by=Actor(kind=ActorKind.HUMAN, name=getuser(), role=Role.FACILITATOR), source="cli")


async def recover(services: Services) -> None:
    """Restore what lost conductors left, before anything else; then what commands left is tidied.

    Shape: the folder of a run is kept while a process of it is at work.
    """
    await _restore(services)
    await anyio.to_thread.run_sync(sweep)
    await services.apart.close_forsaken()


async def _restore(services: Services) -> None:
    unfinished = await services.storage.unfinished()
    if not unfinished:
        return
    click.echo(
        f"{len(unfinished)} run(s) unfinished: those whose conductor is gone are restored first",
        err=True,
    )
    for run in await services.pacing.recover():
        state = "STRANDED" if run.phase is Phase.STRANDED else "restored"
        click.echo(f"{state}: {run.title} ({run.id})", err=True)


@asynccontextmanager
async def day_apart(
    services: Services, plan: Plan, experiments: Mapping[str, PinnedExperiment]
) -> AsyncIterator[Opened]:
    """A day that is open for the one run of a command, and closed however the command ends.

    Raises: DayHalted: of another open day; InvalidPlan; Conflict.
    """
    said = ourselves()
    # A command that is interrupted here knows what it has made, and takes it back.
    with anyio.CancelScope(shield=True):
        opened = await services.apart.open(plan, experiments, said=said)
    try:
        yield opened
    finally:
        with anyio.CancelScope(shield=True):
            await services.apart.close(opened.day.id, said=said)


async def conduct(
    services: Services,
    day: ChaosDay,
    *,
    interrupts: Interrupts,
    quiet: bool,
    held: Run | None = None,
) -> bool:
    """Conduct an open day to the end of its agenda; True when a signal ended it early.

    Shape: held is an armed run that this process holds already.
    """
    with stopped_by_signals(services, interrupts) as stopped:
        async with followed(services, day.id, quiet=quiet):
            await services.pacing.pace(day.id, until_done=True, held=held)
    return bool(stopped)


@contextmanager
def stopped_by_signals(services: Services, interrupts: Interrupts) -> Iterator[list[str]]:
    """Stop and restore on SIGINT and SIGTERM; yields the names of those that came."""
    stopped: list[str] = []

    def hear(name: str) -> None:
        if stopped:
            click.echo("restoring already; it is not left half done", err=True)
            return
        stopped.append(name)
        click.echo(f"\n{name}: stopping, and restoring first", err=True)
        services.pacing.stop(f"stopped by {name}")

    with interrupts.heard_by(hear):
        yield stopped
