"""Checks a plan file against itself and against its experiments; it reaches no cluster."""

from pathlib import Path

import click

from experiments.catalogue import FolderCatalogue
from experiments.reach import namespaces_of
from orchestrator.adapters.planfile import PlanFile
from orchestrator.cli.files import read_plan
from orchestrator.cli.printing import show_json
from orchestrator.domain.day import PinnedExperiment
from orchestrator.domain.errors import Fault, InvalidPlan
from orchestrator.domain.plan import Plan, TimeBox


def check_plan(path: Path, *, as_json: bool) -> None:
    """Check a plan and print what it says. Raises: InvalidPlan; InvalidExperiment."""
    plan = PlanFile().read(read_plan(path), source=str(path))
    catalogue = FolderCatalogue()
    pinned = {box.name: _read(catalogue, box.experiment, path) for box in plan.agenda}
    faults = [fault for box in plan.agenda for fault in _reaches(plan, box, pinned[box.name])]
    if faults:
        raise InvalidPlan(source=str(path), faults=faults)
    if as_json:
        show_json({"plan": plan.name, "boxes": [box.name for box in plan.agenda], "valid": True})
        return
    window = plan.window
    click.echo(f"{path} is valid: {plan.name}, {plan.environment}, {window.zone}")
    for box in plan.agenda:
        when = f"{box.at:%H:%M}" if box.at else f"+{box.after}"
        click.echo(f"  {when}  {box.name}: {pinned[box.name].title}")
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
