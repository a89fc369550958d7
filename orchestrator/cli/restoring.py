"""Restores one run from this terminal; it does not inject."""

import click

from orchestrator import wiring
from orchestrator.cli.exits import code_of_run
from orchestrator.cli.following import followed, run_document, verdict_of
from orchestrator.cli.logs import configure_logs
from orchestrator.cli.printing import show_json
from orchestrator.domain.identity import RunId
from orchestrator.domain.run import Phase


async def restore_run(run: str, as_json: bool) -> int:
    """Restore a run; returns the exit code. Raises: NoSuchRun; Conflict."""
    configure_logs(wiring.settings().log, quiet=True)
    async with wiring.services() as services:
        found = await services.storage.run(RunId(run))
        async with followed(services, found.day, quiet=True):
            ended = await services.pacing.restore(found.id)
    show_json(run_document(ended)) if as_json else click.echo(verdict_of(ended))
    return 14 if ended.phase is Phase.STRANDED else min(code_of_run(ended), 11)
