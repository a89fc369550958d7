"""A whole day from a plan file, in this process.

It takes the same road as a day that the service conducts.
"""

import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio
import click

from orchestrator import wiring
from orchestrator.cli.conducting import conduct, ourselves, recover
from orchestrator.cli.exits import INTERRUPTED, code_of_run
from orchestrator.cli.files import read_plan, with_experiments_beside
from orchestrator.cli.following import run_document, verdict_of
from orchestrator.cli.interrupts import Interrupts
from orchestrator.cli.logs import configure_logs
from orchestrator.cli.printing import show_json
from orchestrator.cli.writing import write_debrief
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.plan import Window
from orchestrator.domain.run import Run
from orchestrator.wiring import Services


async def conduct_plan(path: Path, output: Path, as_json: bool, *, interrupts: Interrupts) -> None:
    """Conduct it, print what came of it, and end with the gravest exit code of its runs."""
    configure_logs(wiring.settings().log, quiet=True)
    text = read_plan(path)
    async with wiring.services() as services:
        said = ourselves()
        day = await services.planning.plan(
            text,
            source=str(path),
            said=said,
            documents=with_experiments_beside(text, path, services.catalogue),
        )
        window = day.plan.window
        if services.clock.now() > window.closes_at:
            raise InvalidValue(
                field="window.closes",
                value=window.closes_at.isoformat(),
                problem="is over",
                way_out="move the window of the plan, or place its boxes after the opening (+10s)",
            )
        await recover(services)
        await _await_window(services, window)
        day = await services.opening.open(day.id, said=said)
        interrupted = await conduct(services, day, interrupts=interrupts, quiet=as_json)
        runs = list(await services.storage.runs(day.id))
        await _close(services, runs)
        # Those that nobody came to are cancelled by now.
        runs = list(await services.storage.runs(day.id))
        files = await write_debrief(services, day.id, output)
    _print(runs, files, as_json=as_json)
    sys.exit(INTERRUPTED if interrupted else max(map(code_of_run, runs), default=0))


async def _await_window(services: Services, window: Window) -> None:
    """Wait until the plan's window opens."""
    wait = (window.opens_at - services.clock.now()).total_seconds()
    if wait > 0:
        opens = window.opens_at.astimezone(ZoneInfo(window.zone))
        click.echo(
            f"waiting until {opens:%Y-%m-%d %H:%M} ({window.zone}), when the window opens;"
            " Ctrl-C gives up",
            err=True,
        )
        # Asked again and again, since a laptop that slept has lost no time of its own.
        while services.clock.now() < window.opens_at:
            await anyio.sleep(min(wait, 1))


async def _close(services: Services, runs: list[Run]) -> None:
    if any(run.phase.may_hold_fault for run in runs):
        return
    await services.opening.close(runs[0].day, said=ourselves())


def _print(runs: list[Run], files: list[Path], *, as_json: bool) -> None:
    if as_json:
        show_json({"runs": [run_document(run) for run in runs], "debrief": [*map(str, files)]})
        return
    for run in runs:
        click.echo(verdict_of(run))
    click.echo("debrief: " + ", ".join(map(str, files)))
