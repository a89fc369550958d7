"""One run that is done by hand from this terminal: of an open day, or of a day made for it.

It takes the same course as any run, in this process, whether or not a service is there.
"""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from getpass import getuser
from typing import Any, Final

import click

from orchestrator import wiring
from orchestrator.adapters.terminal import TerminalHand
from orchestrator.cli.conducting import day_apart, recover, stopped_by_signals
from orchestrator.cli.exits import INTERRUPTED, code_of_run
from orchestrator.cli.following import followed, run_document, verdict_of
from orchestrator.cli.interrupts import Interrupts, interruptible
from orchestrator.cli.limits import cluster_of, radius_of, say_limits
from orchestrator.cli.logs import configure_logs
from orchestrator.cli.printing import show_json
from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.day import ChaosDay, DayState, PinnedExperiment
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.identity import Actor, ActorKind, DayId, Role, RunId
from orchestrator.domain.plan import Cluster, Environment, Plan, TimeBox, Window
from orchestrator.domain.run import Phase, Run
from orchestrator.services.recording import Said
from orchestrator.wiring import Services

_BOX: Final = "by-hand"
_PREPARING: Final = timedelta(minutes=1)
"""How long it may take until a hand may begin."""
_NOTHING_MEASURED: Final[Mapping[str, Any]] = {
    "title": "By hand",
    "description": "What somebody does by hand.",
    "method": [],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for on the command line."""

    command: tuple[str, ...]
    """None for a shell."""
    name: str
    hold: timedelta
    run: str
    box: str
    day: str
    steady_state: str
    cluster: Cluster
    radius: BlastRadius
    as_json: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Wanted":
        """Read the options. Raises: InvalidValue."""
        return cls(
            command=_command(options["command"], shell=options["shell"]),
            name=options["name"] or getuser(),
            hold=timedelta(seconds=max(options["hold"], 0)),
            run=options["run"],
            box=options["box"],
            day=options["day"],
            steady_state=options["steady_state"],
            cluster=cluster_of(options),
            radius=_radius(options),
            as_json=options["as_json"],
        )

    @property
    def is_planned(self) -> bool:
        """Whether it is a run of a day that there is already."""
        return bool(self.run or self.box)


def _command(words: tuple[str, ...], *, shell: bool) -> tuple[str, ...]:
    if shell is bool(words):
        raise InvalidValue(
            field="command",
            value=" ".join(words),
            problem="stands beside --shell" if shell else "is missing",
            way_out="write -- and a command, such as -- kubectl get pods, or --shell alone",
        )
    if words and shutil.which(words[0]) is None:
        raise InvalidValue(
            field="command",
            value=words[0],
            problem="is no program that PATH finds",
            way_out="install it, or name it by its path",
        )
    return words


def _radius(options: Mapping[str, Any]) -> BlastRadius:
    radius = radius_of(options)
    return replace(radius, namespaces=radius.namespaces or frozenset({"default"}))


async def work(wanted: Wanted) -> None:
    """Have it done, print what came of it, and end with its exit code."""
    with interruptible() as interrupts:
        await _work(wanted, interrupts)


async def _work(wanted: Wanted, interrupts: Interrupts) -> None:
    configure_logs(wiring.settings().log, quiet=True)
    pace = wiring.pace_of(wiring.settings().pace)
    if not wanted.is_planned:
        pace = replace(pace, before=timedelta())
    async with wiring.services(pace=pace, hand=_hand(wanted)) as services:
        await recover(services)
        async with (_planned if wanted.is_planned else _made)(services, wanted) as (day, run):
            _refuse_others(day, wanted.name)
            await services.by_hand.check(run)
            _tell_limits(day, await services.storage.run(run), wanted)
            ended, interrupted = await _conduct(services, day, run, wanted, interrupts)
    if wanted.as_json:
        show_json(run_document(ended))
    else:
        click.echo(verdict_of(ended))
    sys.exit(INTERRUPTED if interrupted else code_of_run(ended))


def _hand(wanted: Wanted) -> TerminalHand:
    return TerminalHand(
        by=Actor(kind=ActorKind.HUMAN, name=wanted.name, role=Role.AGENT),
        command=wanted.command,
        environment=dict(os.environ),
        hold=wanted.hold,
        aside=wanted.as_json,
    )


@asynccontextmanager
async def _planned(services: Services, wanted: Wanted) -> AsyncIterator[tuple[ChaosDay, RunId]]:
    """A run of a day that there is. Raises: NoSuchRun; NoSuchDay; Conflict; InvalidValue."""
    if wanted.run:
        run = await services.storage.run(RunId(wanted.run))
        yield await services.storage.day(run.day), run.id
        return
    day = DayId(wanted.day) if wanted.day else await _only_open(services)
    yield await services.storage.day(day), await services.by_hand.run_of(day, wanted.box)


async def _only_open(services: Services) -> DayId:
    opened = [day.id for day in await services.storage.days() if day.state is DayState.OPEN]
    if len(opened) == 1:
        return opened[0]
    raise InvalidValue(
        field="--day",
        value=", ".join(opened),
        problem="is not one day that is open",
        way_out="name the day that the box belongs to" if opened else "open the one of the box",
    )


@asynccontextmanager
async def _made(services: Services, wanted: Wanted) -> AsyncIterator[tuple[ChaosDay, RunId]]:
    """A run of a day that is made for it, and opened. Raises: DayHalted: of another open day."""
    name = wanted.steady_state or _BOX
    experiment = (
        services.catalogue.read(name)
        if wanted.steady_state
        else services.catalogue.pin(name, _NOTHING_MEASURED)
    )
    plan = _plan(wanted, experiment, services)
    async with day_apart(services, plan, {name: experiment}) as opened:
        yield opened.day, await services.by_hand.run_of(opened.day.id, _BOX)


def _plan(wanted: Wanted, experiment: PinnedExperiment, services: Services) -> Plan:
    now, longest = services.clock.now(), wanted.radius.longest
    box = TimeBox(
        name=_BOX,
        experiment=experiment.name,
        # Its box lasts while it is made ready, too; the limits say how long a fault may stay.
        lasts=longest + _PREPARING,
        after=timedelta(),
        title="By hand",
        by_hand=True,
    )
    return Plan(
        name=f"{wanted.name} by hand",
        environment=Environment.TEST,
        cluster=wanted.cluster,
        window=Window(zone="UTC", opens_at=now, closes_at=now + longest),
        blast_radius=wanted.radius,
        agenda=(box,),
    )


def _refuse_others(day: ChaosDay, name: str) -> None:
    """Refuse a name that the plan gives to somebody who strikes nothing."""
    for person in day.plan.people:
        if person.name.casefold() == name.casefold() and person.role is not Role.AGENT:
            raise InvalidValue(
                field="--as",
                value=name,
                problem=f"is a {person.role} of the day, who strikes nothing",
                way_out="name an agent of the day",
            )


async def _conduct(
    services: Services, day: ChaosDay, run: RunId, wanted: Wanted, interrupts: Interrupts
) -> tuple[Run, bool]:
    # In a shell the terminal is the person's; what happened is told when they are out.
    quiet = wanted.as_json or not wanted.command
    said = Said(by=_hand(wanted).by, source="cli")
    with stopped_by_signals(services, interrupts) as stopped:
        async with followed(services, day.id, quiet=quiet):
            ended = await services.by_hand.conduct(run, said=said)
    if ended.phase is Phase.CONCLUDED and not wanted.as_json:
        click.echo("everything that was changed by hand is put back", err=True)
    return ended, bool(stopped)


def _tell_limits(day: ChaosDay, run: Run, wanted: Wanted) -> None:
    if wanted.as_json:
        return
    box = day.plan.box(run.box)
    radius = day.plan.radius_of(box)
    say_limits(radius, lasts=min(radius.longest, box.lasts))
    if not wanted.command:
        click.echo(
            "in the shell KUBECONFIG leads to the guard; leave it, and everything is put back",
            err=True,
        )
