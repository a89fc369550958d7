"""`chaosday demo`: plays a whole Chaos Day on the practice cluster."""

from pathlib import Path

import click


@click.command("demo")
@click.option("--keep", is_flag=True, help="Play nothing; keep all of it running for you.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where the debrief is written.",
)
@click.option(
    "--join",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="KUBECONFIG",
    help="Play it in the cluster of this kubeconfig, which practice nodes and the shop join.",
)
@click.option("--context", default="", help="Of that kubeconfig; else its current one.")
@click.option("--seed", default=7, show_default=True, help="Makes chance repeatable.")
def command(keep: bool, output: Path, join: Path | None, context: str, seed: int) -> None:
    """Play a whole Chaos Day in about 90 seconds: a practice cluster, the service, four faults,
    a scripted team that responds, and a debrief at the end.

    Nothing of yours is touched. Ctrl-C at any moment leaves no process and no fault behind. With
    --join the same day is played in a cluster of yours, and what was brought there is taken away.
    """
    import anyio

    from orchestrator.cli.demonstration import Ground, demonstrate

    if context and join is None:
        raise click.UsageError("--context is for a cluster to join: add --join")
    kubeconfig = None if join is None else join.absolute()
    anyio.run(demonstrate, keep, output, Ground(join=kubeconfig, context=context, seed=seed))
