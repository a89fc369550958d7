"""`chaosday conduct`: conducts the day of a plan from this terminal."""

from pathlib import Path

import click

from orchestrator.cli.printing import json_option


@click.command("conduct")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="this folder",
    help="Where the debrief is written.",
)
@json_option
def command(plan: Path, output: Path, as_json: bool) -> None:
    """Conduct the day of PLAN: open it, run its agenda by the clock, close it, debrief.

    Calling this is the facilitator's consent: every run of the agenda is armed. Ctrl-C stops,
    restores and ends.
    """
    import anyio

    from orchestrator.cli.whole_day import conduct_plan

    anyio.run(conduct_plan, plan, output, as_json)
