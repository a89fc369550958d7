"""`chaosday by-hand`: an agent of chaos breaks things by hand, within limits."""

from collections.abc import Mapping
from typing import Final

import click

from orchestrator.cli.limits import LIMITS, limit_options
from orchestrator.cli.printing import json_option
from orchestrator.domain.errors import InvalidValue

_TYPED: Final = click.core.ParameterSource.COMMANDLINE
_LIMITS: Final = ("steady_state", *LIMITS)
"""What only a day of its own asks for."""


@click.command("by-hand", context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--shell", is_flag=True, help="A shell to work in, instead of one command.")
@click.option("--run", default="", help="A run that the plan of an open day leaves to a hand.")
@click.option("--box", default="", help="The same, by the name of its box.")
@click.option("--day", default="", envvar="CHAOSDAY_DAY", help="Of --box; default: the open one.")
@click.option("--as", "name", default="", help="Whose hand it is; default: your login.")
@click.option("--hold", default=0.0, help="Seconds that the fault stays after the command.")
@click.option("--steady-state", default="", help="An experiment whose hypothesis is measured.")
@limit_options
@json_option
def command(**options: object) -> None:
    """Run COMMAND with a kubeconfig that leads to a guard; write -- before it.

    For example: chaosday by-hand --namespace shop -- kubectl scale deployment/payment
    --replicas=0. Whatever it changes within the limits is on the timeline under your name, and
    put back when the command has ended. With --run or --box, the limits are those of the plan;
    else namespace `default` may be touched, unless another is named.
    """
    import anyio

    from orchestrator.cli.handling import Wanted, work

    _refuse_limits_beside_a_plan(options)
    anyio.run(work, Wanted.of(options))


def _refuse_limits_beside_a_plan(options: Mapping[str, object]) -> None:
    """Refuse limits that would be thought to hold, where the plan's hold. Raises: InvalidValue."""
    if not (options["run"] or options["box"]):
        return
    context = click.get_current_context()
    given = [each for each in _LIMITS if context.get_parameter_source(each) is _TYPED]
    if given:
        value = options[given[0]]
        raise InvalidValue(
            field=f"--{given[0].replace('_', '-')}",
            value=", ".join(value) if isinstance(value, tuple) else str(value),
            problem="stands beside --run or --box, for which the plan says what may be touched",
            way_out="leave it out, or change the plan",
        )
