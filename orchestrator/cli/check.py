"""`chaosday check`: checks a plan and its experiments."""

from pathlib import Path

import click

from orchestrator.cli.printing import json_option


@click.command("check")
@click.argument("plan", type=click.Path(path_type=Path), default="chaosday.yaml")
@json_option
def command(plan: Path, as_json: bool) -> None:
    """Check PLAN and the experiments of its agenda; nothing is touched.

    Every fault is told with file, line, field, value and the way out. It also says by what this
    machine keeps runners in, and what is missing of what the plan requires; and it asks the
    cluster whether the guard's account may do what the runs need (6 if not), and whether it may
    do more.
    """
    from orchestrator.cli.checking import check_plan

    check_plan(plan, as_json=as_json)
