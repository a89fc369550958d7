"""`chaosday run`: runs one experiment now, within limits."""

from collections.abc import Mapping

import click

from orchestrator.cli.limits import limit_options
from orchestrator.cli.printing import json_option


@click.command("run")
@click.argument("experiment")
@limit_options
@click.option("--var", multiple=True, metavar="NAME=VALUE", help="Replaces a configuration value.")
@click.option("--env", multiple=True, metavar="NAME", help="A variable that it may see.")
@json_option
def command(**options: object) -> None:
    """Run EXPERIMENT now: a name of the catalogue, or a Chaos Toolkit file.

    The guard lets it touch nothing beyond the limits, and whatever it changed is put back.
    Without --namespace, the namespaces that it names may be touched.
    """
    import anyio

    anyio.run(_run, options)


async def _run(options: Mapping[str, object]) -> None:
    from orchestrator.cli.interrupts import interruptible
    from orchestrator.starting import guard_ahead, import_quickly

    import_quickly()
    with interruptible() as interrupts:
        async with guard_ahead() as ahead:
            # Imported here because guard and command both take long to import: now they do so at
            # once.
            from orchestrator.cli.running import Request, run

            await run(Request.of(options), ahead=ahead, interrupts=interrupts)
