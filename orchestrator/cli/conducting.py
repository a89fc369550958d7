"""Conducts from a terminal, in this process: restores first, then paces, and stops on a signal.

It is what `run` and `conduct` have in common.
"""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from getpass import getuser

import anyio
import click

from orchestrator.cli.following import followed
from orchestrator.domain.day import ChaosDay
from orchestrator.domain.identity import Actor, ActorKind, Role
from orchestrator.domain.run import Phase
from orchestrator.services.recording import Said
from orchestrator.wiring import Services


def ourselves() -> Said:
    """The person at this terminal, who by calling a command consents as facilitator."""
    return Said(by=Actor(kind=ActorKind.HUMAN, name=getuser(), role=Role.FACILITATOR), source="cli")


async def recover(services: Services) -> None:
    """Restore what lost conductors left, before anything else."""
    unfinished = await services.storage.unfinished()
    if not unfinished:
        return
    click.echo(f"restoring {len(unfinished)} unfinished run(s) of lost conductors first", err=True)
    for run in await services.pacing.recover():
        state = "STRANDED" if run.phase is Phase.STRANDED else "restored"
        click.echo(f"{state}: {run.title} ({run.id})", err=True)


async def conduct(services: Services, day: ChaosDay, *, quiet: bool) -> bool:
    """Conduct an open day to the end of its agenda; True when a signal ended it early."""
    async with followed(services, day.id, quiet=quiet), stopped_by_signals(services) as stopped:
        await services.pacing.pace(day.id, until_done=True)
    return bool(stopped)


@asynccontextmanager
async def stopped_by_signals(services: Services) -> AsyncIterator[list[str]]:
    """Stop and restore on SIGINT and SIGTERM; yields the names of those that came."""
    stopped: list[str] = []

    async def wait() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                name = signal.Signals(number).name
                if stopped:
                    click.echo("restoring already; it is not left half done", err=True)
                    continue
                stopped.append(name)
                click.echo(f"\n{name}: stopping, and restoring first", err=True)
                services.pacing.stop(f"stopped by {name}")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        yield stopped
        tasks.cancel_scope.cancel()
