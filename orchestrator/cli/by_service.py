"""A whole day conducted by the service, followed from this terminal.

It conducts nothing itself, and stops nothing when it ends.
"""

import sys
from pathlib import Path
from typing import Any

import click
import httpx2

from experiments.catalogue import FolderCatalogue
from orchestrator.cli.exits import code_of_finding
from orchestrator.cli.files import read_plan, with_experiments_beside
from orchestrator.cli.printing import entry_line, show_json
from orchestrator.cli.remote import RemoteService
from orchestrator.cli.service import Service
from orchestrator.domain.run import Finding


async def conduct_by_service(path: Path, output: Path, service: Service, as_json: bool) -> None:
    """Post a plan, open its day, follow it, close it and fetch its debrief."""
    text = read_plan(path)
    experiments = with_experiments_beside(text, path, FolderCatalogue())
    async with httpx2.AsyncClient() as client:
        remote = RemoteService(url=service.url, token=service.token, client=client)
        body = {"plan": text, "experiments": dict(experiments)}
        day = str((await remote.post("/api/v1/days", body))["id"])
        click.echo(f"the service conducts the day {day}", err=True)
        await remote.conduct(day, show=_quiet if as_json else _show)
        agenda = await remote.get(f"/api/v1/days/{day}/agenda")
        await remote.post(f"/api/v1/days/{day}/close")
        files = await remote.fetch_debrief(day, output)
    runs = [box["run"] for box in agenda["boxes"]]
    if as_json:
        show_json({"runs": runs, "debrief": [str(file) for file in files]})
    else:
        for run in runs:
            click.echo(f"{run['title']} ({run['id']}): {run['finding'] or 'not started'}")
        click.echo("debrief: " + ", ".join(str(file) for file in files))
    sys.exit(max((code_of_finding(_finding(run)) for run in runs), default=0))


def _finding(run: dict[str, Any]) -> Finding | None:
    return Finding(run["finding"]) if run["finding"] else None


def _show(entry: dict[str, Any]) -> None:
    click.echo(entry_line(entry), err=True)


def _quiet(_: dict[str, Any]) -> None:
    pass
