"""Checks a plan file against itself, its experiments, this machine and the cluster's rules.

Nothing is changed anywhere; the cluster is asked only what the guard's account may do.
"""

import sys
from pathlib import Path
from typing import Final

import click

from experiments.catalogue import FolderCatalogue
from experiments.reach import namespaces_of
from orchestrator import wiring
from orchestrator.adapters.planfile import PlanFile
from orchestrator.cli.access import access_document, access_of, tell_access
from orchestrator.cli.containment import containment_document, reach_of, tell_containment
from orchestrator.cli.files import read_plan
from orchestrator.cli.printing import show_json
from orchestrator.domain.day import PinnedExperiment
from orchestrator.domain.errors import Fault, InvalidPlan
from orchestrator.domain.plan import Plan, TimeBox

LACKING: Final = 6
"""What it exits with when the guard's account lacks permissions."""


def check_plan(path: Path, *, as_json: bool) -> None:
    """Check a plan and print what it says. Raises: InvalidPlan; InvalidExperiment."""
    plan = PlanFile().read(read_plan(path), source=str(path))
    catalogue = FolderCatalogue()
    pinned = {box.name: _read(catalogue, box.experiment, path) for box in plan.agenda}
    faults = [fault for box in plan.agenda for fault in _reaches(plan, box, pinned[box.name])]
    if faults:
        raise InvalidPlan(source=str(path), faults=faults)
    measures, reach = wiring.containment(), reach_of(plan, pinned, wiring.runner_environment())
    access = access_of(plan)
    if as_json:
        show_json(
            {
                "plan": plan.name,
                "boxes": [box.name for box in plan.agenda],
                "valid": True,
                "containment": containment_document(plan, measures),
                "may_reach": reach,
                "access": access_document(access),
            }
        )
        sys.exit(LACKING if access.is_lacking else 0)
    window = plan.window
    click.echo(f"{path} is valid: {plan.name}, {plan.environment}, {window.zone}")
    for box in plan.agenda:
        when = f"{box.at:%H:%M}" if box.at else f"+{box.after}"
        click.echo(f"  {when}  {box.name}: {pinned[box.name].title}")
        click.echo(f"         may reach {', '.join(reach[box.name]) or 'nothing but its guard'}")
    tell_containment(plan, measures)
    tell_access(access)
    if access.is_lacking:
        sys.exit(LACKING)
    click.echo(f"next: chaosday conduct {path}")


def _read(catalogue: FolderCatalogue, name: str, plan: Path) -> PinnedExperiment:
    is_file = name.endswith((".yaml", ".yml", ".json"))
    return catalogue.read(str(plan.parent / name) if is_file else name)


def _reaches(plan: Plan, box: TimeBox, experiment: PinnedExperiment) -> list[Fault]:
    """Namespaces that the experiment names and the plan does not allow."""
    allowed = plan.radius_of(box).namespaces
    named = namespaces_of(experiment.document, box.configuration)
    return [
        Fault(
            field=f"agenda.{box.name}.experiment",
            value=box.experiment,
            problem=f"names the namespace {namespace}, outside the blast radius",
            way_out=f"allow it, or set it in configuration to one of {', '.join(sorted(allowed))}",
        )
        for namespace in sorted(named - allowed)
    ]
