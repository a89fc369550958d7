"""`chaosday by-hand`: an agent of chaos breaks things by hand, within limits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from orchestrator.cli.printing import json_option
from orchestrator.domain.errors import InvalidValue

_TYPED: Final = click.core.ParameterSource.COMMANDLINE
_LIMITS: Final = (
    "steady_state",
    "namespace",
    "kubeconfig",
    "context",
    "kind",
    "create",
    "irreversible",
    "most_objects",
    "most_share",
    "most_node_share",
    "longest",
)
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
@click.option("--namespace", multiple=True, help="That may be touched; default: default.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Default: KUBECONFIG.")
@click.option("--context", default="", help="Of the kubeconfig; default: the current one.")
@click.option("--kind", multiple=True, help="That may be written, such as pods.")
@click.option("--create", multiple=True, help="A kind of which objects may be made.")
@click.option("--irreversible", multiple=True, help="That may be done all the same: exec, jobs.")
@click.option("--most-objects", default=10, show_default=True, help="That may be touched.")
@click.option("--most-share", default=100, show_default=True, help="Of a workload's pods, in %.")
@click.option("--most-node-share", default=50, show_default=True, help="Of the nodes, in %.")
@click.option("--longest", default=600, show_default=True, help="That it may last, in seconds.")
@json_option
def command(**options: object) -> None:
    """Run COMMAND with a kubeconfig that leads to a guard; write -- before it.

    For example: chaosday by-hand --namespace shop -- kubectl scale deployment/payment
    --replicas=0. Whatever it changes within the limits is on the timeline under your name, and
    put back when the command has ended. With --run or --box, the limits are those of the plan.
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
        raise InvalidValue(
            field=f"--{given[0].replace('_', '-')}",
            value=str(options[given[0]]),
            problem="stands beside --run or --box, for which the plan says what may be touched",
            way_out="leave it out, or change the plan",
        )
