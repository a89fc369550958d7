"""`chaosday serve`: starts the service."""

from pathlib import Path

import click


@click.command("serve")
@click.option("--host", default=None, help="Default: CHAOSDAY_SERVER_HOST or 127.0.0.1.")
@click.option("--port", type=int, default=None, help="Default: CHAOSDAY_SERVER_PORT or 8470.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a new facilitator's token there, readable by its owner only.",
)
@click.option("--until-eof", is_flag=True, hidden=True)
def command(host: str | None, port: int | None, token_file: Path | None, until_eof: bool) -> None:
    """Start the service: the API, and the conductor of every open day.

    Runs that a lost conductor left unfinished are restored before anything else. On SIGTERM or
    Ctrl-C nothing more is injected, everything is restored, and then it ends.
    """
    import anyio

    from orchestrator.cli.serving import serve

    anyio.run(serve, host, port, token_file, until_eof)
