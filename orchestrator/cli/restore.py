"""`chaosday restore`: tries again to restore a run that is stranded or unfinished."""

import sys

import click

from orchestrator.cli.printing import json_option


@click.command("restore")
@click.argument("run")
@json_option
def command(run: str, as_json: bool) -> None:
    """Put back what RUN changed, and verify; safe to repeat.

    For a stranded run, after a person has looked: see docs/runbooks/stranded.md.
    """
    import anyio

    from orchestrator.cli.restoring import restore_run

    sys.exit(anyio.run(restore_run, run, as_json))
