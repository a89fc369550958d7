"""`chaosday token`: issues a token, straight from the database."""

import click

from orchestrator.cli.printing import json_option, show_json


@click.command("token")
@click.option("--name", required=True, help="Who it is for, as the timeline will say.")
@click.option(
    "--role",
    type=click.Choice(["facilitator", "agent", "responder", "reader"]),
    required=True,
    help="What they are on the day.",
)
@click.option("--day", default=None, envvar="CHAOSDAY_DAY", help="Good for that day only.")
@json_option
def command(name: str, role: str, day: str | None, as_json: bool) -> None:
    """Issue a token. It is shown this once; only a hash of it is kept.

    Whoever can reach the database may do this; by the API, a facilitator issues tokens of a day.
    """
    import anyio

    from orchestrator import wiring
    from orchestrator.domain.identity import DayId, Role

    async def issue() -> str:
        async with wiring.services() as services:
            return await services.admitting.issue(
                name=name, role=Role(role), day=DayId(day) if day else None
            )

    token = anyio.run(issue)
    show_json({"token": token}) if as_json else click.echo(token)
