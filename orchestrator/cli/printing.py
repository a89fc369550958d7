"""Prints for people or, with --json, for machines.

It does not fetch anything.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Add --json to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")(
        command
    )


def show_json(document: object) -> None:
    """Print one document."""
    click.echo(json.dumps(document, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *texts, strict=True)]
    for row in [list(headings), *texts]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def clock_of(at: str | datetime) -> str:
    """The time of day of an instant, in the local zone."""
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return instant.astimezone().strftime("%H:%M:%S")


def entry_line(entry: Mapping[str, Any]) -> str:
    """One entry of the timeline in one line."""
    who = entry.get("actor", {}).get("name", "")
    return f"{clock_of(entry['occurred_at'])}  {entry['kind']:<12} {who}: {entry['text']}"
