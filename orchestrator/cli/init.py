"""`chaosday init`: writes a plan to begin with."""

from pathlib import Path

import click

from orchestrator.domain.errors import InvalidValue


@click.command("init")
@click.argument("path", type=click.Path(path_type=Path), default="chaosday.yaml")
@click.option("--name", default="Our first Chaos Day", show_default=True, help="What it is called.")
@click.option("--zone", default="UTC", show_default=True, help="The IANA zone of its times.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(path: Path, name: str, zone: str, force: bool) -> None:
    """Write a plan to begin with to PATH; it is valid as it is.

    Next: `chaosday practice` in another terminal, then `chaosday check PATH`.
    """
    from orchestrator.adapters.clock import SystemClock
    from orchestrator.adapters.planfile import scaffold

    if path.exists() and not force:
        raise InvalidValue(
            field="path",
            value=str(path),
            problem="is there already",
            way_out="name another, or write over it with --force",
        )
    today = SystemClock().now().astimezone().date()
    path.write_text(scaffold(name, today=today, zone=zone), encoding="utf-8")
    click.echo(f"wrote {path}; next: chaosday check {path}")
