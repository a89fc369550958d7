"""`chaosday debrief`: writes the debrief of a day."""

from pathlib import Path

import click

from orchestrator.cli.printing import json_option, show_json, table
from orchestrator.cli.service import Service, service_options


@click.command("debrief")
@click.option("--list", "list_days", is_flag=True, help="List the days instead.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="this folder",
    help="Where the files are written.",
)
@click.option("--direct", is_flag=True, help="Straight from the database, without the service.")
@service_options
@json_option
def command(list_days: bool, output: Path, direct: bool, service: Service, as_json: bool) -> None:
    """Write the debrief of a day as one HTML file and as Markdown."""
    if direct:
        import anyio

        from orchestrator.cli.debriefing import days_directly, debrief_directly

        days = anyio.run(days_directly) if list_days else []
        files = [] if list_days else anyio.run(debrief_directly, service.day, output)
    else:
        days = service.get("/api/v1/days")["days"] if list_days else []
        files = [] if list_days else _fetch(service, output)
    if as_json:
        show_json(days if list_days else [str(path) for path in files])
    elif list_days:
        table(("DAY", "STATE", "NAME"), [(d["id"], d["state"], d["name"]) for d in days])
    else:
        click.echo("\n".join(map(str, files)))


def _fetch(service: Service, folder: Path) -> list[Path]:
    day = service.which_day()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for suffix, media_type in (("html", "text/html"), ("md", "text/markdown")):
        path = folder / f"debrief.{suffix}"
        text = service.get(f"/api/v1/days/{day}/debrief", accept=media_type)
        path.write_text(str(text), encoding="utf-8")
        written.append(path)
    return written
