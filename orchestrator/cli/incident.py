"""`chaosday incident`: declares an incident and takes it to its end."""

from typing import Any

import click

from orchestrator.cli.printing import clock_of, json_option, show_json, table
from orchestrator.cli.service import Service, service_options

_TIME = click.option("-t", "--time", "when", default="", help="When: -2m, -1h30m or an instant.")


@click.group("incident")
def command() -> None:
    """Declare an incident and take it to its end.

    \b
    chaosday incident declare "nobody can pay" --service checkout -t -1m
    chaosday incident ack INC-1
    """  # noqa: D301


@command.command("declare")
@click.argument("title")
@click.option("--service", "about", default="", help="The service that suffers.")
@_TIME
@service_options
@json_option
def declare(title: str, about: str, when: str, service: Service, as_json: bool) -> None:
    """Open an incident."""
    body = {"title": title, "service": about, "when": when}
    incident = service.post(service.of_day("/incidents"), body)
    _show(incident, as_json=as_json)


@command.command("list")
@service_options
@json_option
def list_all(service: Service, as_json: bool) -> None:
    """List the incidents of the day."""
    incidents = service.get(service.of_day("/incidents"))["incidents"]
    if as_json:
        show_json(incidents)
        return
    table(
        ("KEY", "STATUS", "SINCE", "TITLE"),
        [(i["key"], i["status"], clock_of(i["opened_at"]), i["title"]) for i in incidents],
    )


def _step(name: str, step: str, line: str) -> None:
    @command.command(name, help=line)
    @click.argument("key")
    @click.argument("text", default="")
    @_TIME
    @service_options
    @json_option
    def take(key: str, text: str, when: str, service: Service, as_json: bool) -> None:
        body = {"text": text, "when": when}
        incident = service.post(service.of_day(f"/incidents/{key}/{step}"), body)
        _show(incident, as_json=as_json)


_step("ack", "acknowledge", "Say that you are at it.")
_step("escalate", "escalate", "Ask somebody else in; say whom.")
_step("mitigate", "mitigate", "Say that users no longer suffer.")
_step("resolve", "resolve", "Say that it is over.")
_step("reopen", "reopen", "Say that it is not over after all.")


def _show(incident: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(incident)
    else:
        click.echo(f"{incident['key']} {incident['status']}: {incident['title']}")
