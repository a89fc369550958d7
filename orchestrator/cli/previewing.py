"""Makes previews from this terminal and prints them; it approves nothing that nobody named."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from experiments.catalogue import FolderCatalogue
from orchestrator import wiring
from orchestrator.adapters.planfile import PlanFile
from orchestrator.cli.conducting import ourselves
from orchestrator.cli.files import read_plan
from orchestrator.cli.logs import configure_logs
from orchestrator.cli.printing import show_json, table
from orchestrator.cli.service import Service
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.identity import PreviewId
from orchestrator.domain.plan import Plan, TimeBox
from orchestrator.services.previewing import Subject, document_of

REFUSED: Final = 5
_MOST_CANDIDATES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How thorough a preview is to be."""

    with_dry_run: bool = True
    with_opaque: bool = False


async def preview_plan(path: Path, box: str, wanted: Wanted, as_json: bool) -> int:
    """Preview the boxes of a plan; returns the exit code. Raises: InvalidPlan; InvalidValue."""
    configure_logs(wiring.settings().log, quiet=True)
    plan = PlanFile().read(read_plan(path), source=str(path))
    documents = []
    async with wiring.services() as services:
        for each in _boxes(plan, box):
            subject = _subject(plan, each, path)
            preview = await services.previewing.preview(
                subject, with_dry_run=wanted.with_dry_run, with_opaque=wanted.with_opaque
            )
            documents.append({"box": each.name, **document_of(preview)})
            if not as_json:
                show(documents[-1])
    if as_json:
        show_json({"plan": plan.name, "previews": documents})
    return REFUSED if any(each["refusals"] for each in documents) else 0


def preview_by_service(run: str, service: Service, wanted: Wanted, *, as_json: bool) -> int:
    """Have the service preview one run; returns the exit code."""
    body = {"with_dry_run": wanted.with_dry_run, "with_opaque": wanted.with_opaque}
    document = service.post(f"/api/v1/runs/{run}/previews", body)
    show_json(document) if as_json else show(document)
    return REFUSED if document["refusals"] else 0


async def approve(preview: str, as_json: bool) -> None:
    """Approve a preview, as the facilitator at this terminal.

    Raises: NoSuchPreview; Conflict: somebody else approved it.
    """
    async with wiring.services() as services:
        approved = await services.previewing.approve(PreviewId(preview), said=ourselves())
    _say_approved(document_of(approved), as_json=as_json)


def approve_by_service(run: str, preview: str, service: Service, *, as_json: bool) -> None:
    """Approve a preview by the service, which asks for a facilitator's token."""
    _say_approved(service.post(f"/api/v1/runs/{run}/previews/{preview}/approve"), as_json=as_json)


def _say_approved(document: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        show_json(document)
    else:
        click.echo(f"approved by {document['approved_by']}: {document['title']}")


def _boxes(plan: Plan, box: str) -> list[TimeBox]:
    found = [each for each in plan.agenda if box in {"", each.name}]
    if not found:
        names = ", ".join(each.name for each in plan.agenda)
        raise InvalidValue(
            field="--box",
            value=box,
            problem="is no box of the agenda",
            way_out=f"name one: {names}",
        )
    return found


def _subject(plan: Plan, box: TimeBox, path: Path) -> Subject:
    is_file = box.experiment.endswith((".yaml", ".yml", ".json"))
    name = str(path.parent / box.experiment) if is_file else box.experiment
    return Subject(plan=plan, box=box, experiment=FolderCatalogue().read(name))


def show(document: Mapping[str, Any]) -> None:
    """Print one preview for people."""
    click.echo(f"\n{document['title']}  (preview {document['id']})")
    uid = f" (kube-system {document['cluster_uid']})" if document["cluster_uid"] else ""
    click.echo(f"on the cluster {document['cluster']}{uid}\n")
    table(
        ("part", "activity", "effect", "does", "to"),
        (
            (each["part"], each["name"], each["effect"], each["does"], _objects(each))
            for each in document["activities"]
        ),
    )
    if document["writes"]:
        click.echo("\nthe dry run wrote:")
        table(
            ("verb", "object", "lost behind it"),
            ((each["verb"], each["target"], _behind(each)) for each in document["writes"]),
        )
    for workload, lost in document["targets"]["lost"].items():
        click.echo(f"{workload}: {lost} of {document['targets']['sizes'].get(workload, '?')} lost")
    if document["made_dry"]:
        click.echo(f"objects touched in all: {document['targets']['count']}")
    for refused in document["refusals"]:
        click.echo(
            f"WOULD BE REFUSED by the rule {refused['rule']}: {refused['target']}:"
            f" {refused['reason']}"
        )
    if document["problem"]:
        click.echo(f"not whole: {document['problem']}")
    click.echo(f"to approve it: chaosday preview --approve {document['id']}")


def _objects(activity: Mapping[str, Any]) -> str:
    candidates = activity["candidates"]
    shown = ", ".join(candidates[:_MOST_CANDIDATES])
    if len(candidates) > _MOST_CANDIDATES:
        shown += f" and {len(candidates) - _MOST_CANDIDATES} more"
    if activity["chooses"] is not None:
        shown = f"{activity['chooses']} random of {len(candidates)}: {shown}"
    return "; ".join(part for part in (shown, activity["why"]) if part)


def _behind(write: Mapping[str, Any]) -> str:
    lost = [
        f"{len(lost)} of {write['sizes'].get(workload, '?')} of {workload or 'no workload'}"
        for workload, lost in write["behind"].items()
    ]
    staying = [f"{len(write['staying'])} pods on it stay, none is lost"] if write["staying"] else []
    return "; ".join((*lost, *staying))
