"""`chaosday practice`: starts the practice cluster and says how to use it."""

from pathlib import Path

import click

DEFAULT_KUBECONFIG = Path("practice.kubeconfig")


@click.command("practice")
@click.option("--port", default=8443, show_default=True, help="Of the API server; 0 for any.")
@click.option("--front-door-port", default=8480, show_default=True, help="Of the shop; 0 for any.")
@click.option("--metrics-port", default=8481, show_default=True, help="Of /metrics; 0 for any.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path),
    default=DEFAULT_KUBECONFIG,
    show_default=True,
    help="Where the kubeconfig is written.",
)
@click.option("--seed", type=int, default=None, help="Makes chance repeatable.")
@click.option("--quiet", is_flag=True, help="Say nothing but one line of JSON when ready.")
@click.option("--until-eof", is_flag=True, hidden=True)
def command(
    port: int,
    front_door_port: int,
    metrics_port: int,
    kubeconfig: Path,
    seed: int | None,
    quiet: bool,
    until_eof: bool,
) -> None:
    """Start the practice cluster: a small web shop behind a Kubernetes API, on this machine.

    It runs until Ctrl-C, and nothing of it is left then.
    """
    from functools import partial

    import anyio

    from orchestrator.cli import practising

    anyio.run(
        partial(
            practising.practise,
            port=port,
            front_door_port=front_door_port,
            metrics_port=metrics_port,
            kubeconfig=kubeconfig.absolute(),
            seed=seed,
            quiet=quiet,
            until_eof=until_eof,
        )
    )
