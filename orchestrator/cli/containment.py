"""Says how runners are kept in on this machine, and where their requests may go.

It hinders nothing: the engine refuses to start where something required is missing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from experiments.destinations import destinations_of
from orchestrator.domain.containment import Standing, State
from orchestrator.domain.day import PinnedExperiment
from orchestrator.domain.plan import Plan, TimeBox


def tell_containment(plan: Plan, measures: Sequence[Standing]) -> None:
    """Print every measure; one that is not wholly in force with the reason and the way out."""
    required = plan.required_containment
    click.echo("runners are kept in by")
    for each in measures:
        mark = ", required" if each.measure in required.required else ""
        click.echo(f"  {each.state:<6}  {each.measure}{mark}{': ' if each.how else ''}{each.how}")
        if each.state is not State.ON:
            click.echo(f"          {each.why}; to have it: {each.way_out}")
    if required.missing(measures):
        click.echo("on this machine no run of this plan would start: what it requires is missing")


def containment_document(plan: Plan, measures: Sequence[Standing]) -> dict[str, Any]:
    """The same for machines."""
    required = plan.required_containment
    return {
        "measures": [
            {
                "measure": each.measure.value,
                "state": each.state.value,
                "required": each.measure in required.required,
                "how": each.how,
                "why": each.why,
                "way_out": each.way_out,
            }
            for each in measures
        ],
        "missing": [each.measure.value for each in required.missing(measures)],
    }


def reach_of(
    plan: Plan, pinned: Mapping[str, PinnedExperiment], environment: Mapping[str, str]
) -> Mapping[str, Sequence[str]]:
    """Where the requests of each box may go, when it is conducted with that environment.

    Shape: HOST:PORT by the name of the box; without the addresses of abort conditions.
    """

    def declared(box: TimeBox) -> Sequence[str]:
        document = pinned[box.name].document
        found = destinations_of(document, box.configuration, environment=environment)
        return [str(each) for each in sorted(found)]

    if plan.may_reach is not None:
        return {box.name: plan.may_reach for box in plan.agenda}
    return {box.name: declared(box) for box in plan.agenda}
