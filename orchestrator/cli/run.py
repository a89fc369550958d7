"""`chaosday run`: runs one experiment now, within limits."""

from pathlib import Path

import click

from orchestrator.cli.printing import json_option


@click.command("run")
@click.argument("experiment")
@click.option("--namespace", multiple=True, help="That may be touched; default: those it names.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Default: KUBECONFIG.")
@click.option("--context", default="", help="Of the kubeconfig; default: the current one.")
@click.option("--most-objects", default=10, show_default=True, help="That may be touched.")
@click.option("--most-share", default=100, show_default=True, help="Of a workload's pods, in %.")
@click.option("--kind", multiple=True, help="That may be written, such as pods.")
@click.option("--var", multiple=True, metavar="NAME=VALUE", help="Replaces a configuration value.")
@click.option("--env", multiple=True, metavar="NAME", help="A variable that it may see.")
@click.option("--longest", default=600, show_default=True, help="That it may last, in seconds.")
@json_option
def command(**options: object) -> None:
    """Run EXPERIMENT now: a name of the catalogue, or a Chaos Toolkit file.

    The guard lets it touch nothing beyond the limits, and whatever it changed is put back.
    """
    import anyio

    from orchestrator.cli.running import Request, run

    anyio.run(run, Request.of(options))
