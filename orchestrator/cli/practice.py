"""`chaosday practice`: starts the practice cluster, or brings its nodes into another cluster."""

from pathlib import Path

import click

DEFAULT_KUBECONFIG = Path("practice.kubeconfig")
GRACE = 15.0
"""Seconds that the cluster outlives a parent that was killed: a service that hung on the same
parent restores its faults first."""


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
@click.option(
    "--join",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="KUBECONFIG",
    help="Bring only nodes and shop, into the cluster of this kubeconfig.",
)
@click.option("--context", default="", help="Of that kubeconfig; else its current one.")
@click.option("--keep", is_flag=True, help="Leave nodes and shop in the joined cluster at the end.")
@click.option(
    "--rbac",
    is_flag=True,
    help="Ask for tokens and keep to roles; user limited gets a kubeconfig beside the admin's.",
)
@click.option("--seed", type=int, default=None, help="Makes chance repeatable.")
@click.option("--quiet", is_flag=True, help="Say nothing but one line of JSON when ready.")
@click.option("--until-eof", is_flag=True, hidden=True)
@click.pass_context
def command(
    asked: click.Context,
    port: int,
    front_door_port: int,
    metrics_port: int,
    kubeconfig: Path,
    join: Path | None,
    context: str,
    keep: bool,
    rbac: bool,
    seed: int | None,
    quiet: bool,
    until_eof: bool,
) -> None:
    """Start the practice cluster: a small web shop behind a Kubernetes API, on this machine.

    It runs until Ctrl-C, and nothing of it is left then. With --join its nodes and the shop run
    in a cluster of yours instead, such as a test cluster on this machine.
    """
    from functools import partial

    import anyio

    if join is None:
        if context or keep:
            raise click.UsageError("--context and --keep are for a cluster to join: add --join")
        from orchestrator.cli import practising

        practise = partial(
            practising.practise,
            port=port,
            kubeconfig=kubeconfig.absolute(),
            rbac=rbac,
            grace=GRACE,
        )
    else:
        for name in ("port", "kubeconfig", "rbac"):
            if asked.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
                raise click.UsageError(f"--{name} is for a cluster of its own: leave out --join")
        from orchestrator.cli import hosting

        practise = partial(
            hosting.host, join=join.absolute(), context=context, keep=keep, grace=GRACE
        )
    anyio.run(
        partial(
            practise,
            front_door_port=front_door_port,
            metrics_port=metrics_port,
            seed=seed,
            quiet=quiet,
            until_eof=until_eof,
        )
    )
