"""`chaosday log`: notes what somebody saw, thought or did."""

from typing import Any

import click

from orchestrator.cli.printing import entry_line, json_option, show_json
from orchestrator.cli.service import Service, service_options


@click.command("log")
@click.argument("kind", type=click.Choice(["saw", "thought", "did", "note"]))
@click.argument("text")
@click.option("-t", "--time", "when", default="", help="When: -2m, -1h30m or an instant.")
@click.option("--incident", default="", help="What it is about, such as INC-3.")
@service_options
@json_option
def command(
    kind: str, text: str, when: str, incident: str, service: Service, as_json: bool
) -> None:
    """Note what you saw, thought or did, and when.

    \b
    chaosday log saw "checkout answers 503" -t -2m
    chaosday log thought "looks like payment" --incident INC-1
    """  # noqa: D301
    entry: dict[str, Any] = service.post(
        service.of_day("/timeline"),
        {"kind": kind, "text": text, "when": when, "incident": incident},
    )
    show_json(entry) if as_json else click.echo(entry_line(entry))
