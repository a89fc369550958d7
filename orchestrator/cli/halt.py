"""`chaosday halt`: stops everything on a day."""

import click

from orchestrator.cli.printing import json_option, show_json
from orchestrator.cli.service import Service, service_options


@click.command("halt")
@click.argument("reason", default="")
@click.option("--release", is_flag=True, help="Let the day go on (facilitator).")
@click.option("--direct", is_flag=True, help="Straight in the database, without the service.")
@service_options
@json_option
def command(reason: str, release: bool, direct: bool, service: Service, as_json: bool) -> None:
    """Stop everything on the day at once, and say why.

    Nothing more is injected, every fault is taken back, and nothing starts until the facilitator
    releases the halt. With --direct, every open day is halted, or the one named by --day.
    """
    if direct:
        import anyio

        from orchestrator.cli.direct import halt_directly

        halted = anyio.run(halt_directly, service.day, reason or "halted by hand", release)
        if as_json:
            show_json({"days": list(halted), "states": halted})
        else:
            click.echo(_line(", ".join(halted), release, *halted.values()))
        return
    if release:
        answer = service.post(service.of_day("/halt/release"))
    else:
        answer = service.post(service.of_day("/halt"), {"reason": reason or "halted by hand"})
    if as_json:
        show_json(answer)
    else:
        click.echo(_line(service.which_day(), release, str(answer.get("state"))))


def _line(days: str, release: bool, *states: str) -> str:
    if release:
        return f"released: {days}"
    if "engaging" in states:
        return f"halted: {days}; engaging: what a run began may still reach the cluster"
    # Who may not know whether anything runs is told what holds in any case.
    told = (
        "nothing more is injected, and" if "engaged" in states else "nothing starts any more, and"
    )
    return f"halted: {days}; {told} everything is being restored"
