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
@click.option("--seed", default=7, show_default=True, help="Makes chance repeatable.")
def command(keep: bool, output: Path, seed: int) -> None:
    """Play a whole Chaos Day in about 90 seconds: a practice cluster, the service, four faults,
    a scripted team that responds, and a debrief at the end.

    Nothing of yours is touched. Ctrl-C at any moment leaves no process and no fault behind.
    """
    import anyio

    from orchestrator.cli.demonstration import demonstrate

    anyio.run(demonstrate, keep, output, seed)
