"""`chaosday guard`: the entry of a guard's process; started by the engine, never by people."""

import anyio
import click


@click.command("guard", hidden=True)
def command() -> None:
    """Guard one run, as told on standard input."""
    from orchestrator import starting

    starting.import_quickly()
    anyio.run(starting.guard)
