"""`chaosday conduct`: conducts the day of a plan, from this terminal or by the service."""

from pathlib import Path

import click

from orchestrator.cli.printing import json_option
from orchestrator.cli.service import Service, service_options


@click.command("conduct")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="this folder",
    help="Where the debrief is written.",
)
@click.option("--by-service", is_flag=True, help="Post it to the service, which conducts it.")
@service_options
@json_option
def command(plan: Path, output: Path, by_service: bool, service: Service, as_json: bool) -> None:
    """Conduct the day of PLAN: open it, run its agenda by the clock, close it, debrief.

    Calling this is the facilitator's consent: every run of the agenda is armed. Without
    --by-service this process conducts, and Ctrl-C stops, restores and ends; with it, the service
    goes on when this terminal is gone, and `chaosday halt` stops it.
    """
    import anyio

    if by_service:
        from orchestrator.cli.by_service import conduct_by_service

        anyio.run(conduct_by_service, plan, output, service, as_json)
        return
    anyio.run(_conduct, plan, output, as_json)


async def _conduct(plan: Path, output: Path, as_json: bool) -> None:
    from orchestrator.cli.interrupts import interruptible
    from orchestrator.cli.whole_day import conduct_plan

    with interruptible() as interrupts:
        await conduct_plan(plan, output, as_json, interrupts=interrupts)
