"""`chaosday preview`: shows what the runs of a plan would do, and takes a facilitator's consent."""

import sys
from pathlib import Path

import click

from orchestrator.cli.printing import json_option
from orchestrator.cli.service import Service, service_options


@click.command("preview")
@click.argument("plan", type=click.Path(path_type=Path), default="chaosday.yaml")
@click.option("--box", default="", help="One box of the agenda; left out, all of them.")
@click.option("--run", default="", help="A run of a day of the service, instead of a plan.")
@click.option("--static", is_flag=True, help="Only read: no dry run.")
@click.option(
    "--with-opaque",
    is_flag=True,
    help="Make the dry run also where an activity may do anything outside the cluster.",
)
@click.option("--approve", default="", metavar="ID", help="Approve the preview with that id.")
@service_options
@json_option
def command(
    plan: Path,
    box: str,
    run: str,
    static: bool,
    with_opaque: bool,
    approve: str,
    service: Service,
    as_json: bool,
) -> None:
    """Show what the runs of PLAN would do; nothing is changed in the cluster.

    Each activity is classified as read, write or opaque; then the experiment is played with
    dry runs alone, which tells the exact objects, the share of each workload, and what the guard
    would refuse. Who has looked at a preview approves it by its id, with --approve; with --run,
    the service makes or approves it. Ends with 5 if the guard would refuse something.
    """
    import anyio

    from orchestrator.cli import previewing

    if approve:
        if run:
            previewing.approve_by_service(run, approve, service, as_json=as_json)
        else:
            anyio.run(previewing.approve, approve, as_json)
        return
    wanted = previewing.Wanted(with_dry_run=not static, with_opaque=with_opaque)
    if run:
        sys.exit(previewing.preview_by_service(run, service, wanted, as_json=as_json))
    sys.exit(anyio.run(previewing.preview_plan, plan, box, wanted, as_json))
