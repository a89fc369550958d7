"""Previews of runs: made, shown and approved; and the day's budget.

Making one changes nothing in the cluster; approving one is the facilitator's alone.
"""

from typing import Annotated

from fastapi import Depends, Path

from api.admission import admitted_router
from api.dependencies import CurrentSaid, OnDay, Services, only
from api.problems import problems
from api.routes.runs import InSight
from api.views.previews import BudgetView, PreviewRequest, PreviewView
from orchestrator.domain.identity import PreviewId, Role
from orchestrator.services.admitting import Guest

router = admitted_router("/runs/{run}/previews", tag="runs")
budgets = admitted_router("/days/{day}/budget", tag="days")

KNOWING = (Role.FACILITATOR, Role.AGENT)

Previewer = Annotated[Guest, Depends(only(*KNOWING, to="preview a run"))]
Approver = Annotated[Guest, Depends(only(Role.FACILITATOR, to="approve a preview"))]
Accountant = Annotated[Guest, Depends(only(*KNOWING, to="see the day's budget"))]
OfPreview = Annotated[str, Path(description="The preview's id.", max_length=64)]


@router.post("", status_code=201, summary="Preview a run", responses=problems(404, 409, 413))
async def preview_run(
    guest: Previewer, run: InSight, asked: PreviewRequest, services: Services
) -> PreviewView:
    """Find out what a run would do, by a dry run as well. For facilitators and agents.

    Opaque activities are done for facilitators alone, and not while the day is halted.
    """
    preview = await services.previewing.preview_run(
        run.id, by=guest.role, with_dry_run=asked.with_dry_run, with_opaque=asked.with_opaque
    )
    return PreviewView.of(preview)


@router.get("/{preview}", summary="Show a preview", responses=problems(404))
async def show_preview(
    _: Previewer, run: InSight, preview: OfPreview, services: Services
) -> PreviewView:
    """A preview of the run, with its approval."""
    found = await services.previewing.preview_of(run.id, PreviewId(preview))
    return PreviewView.of(found)


@router.post("/{preview}/approve", summary="Approve a preview", responses=problems(404, 409))
async def approve_preview(
    _: Approver, run: InSight, preview: OfPreview, services: Services, said: CurrentSaid
) -> PreviewView:
    """Consent to what the preview shows: the run may touch that much and no more.

    Whoever approved it first stays; a second facilitator is told who did.
    """
    await services.previewing.preview_of(run.id, PreviewId(preview))
    approved = await services.previewing.approve(PreviewId(preview), said=said)
    return PreviewView.of(approved)


@budgets.get("", summary="Show the day's budget", responses=problems(404))
async def show_budget(_: Accountant, day: OnDay, services: Services) -> BudgetView:
    """What all runs at once may touch, and what each holds of it."""
    plan = (await services.storage.day(day)).plan
    held = await services.storage.reservations(day)
    return BudgetView.of(plan.day_budget, list(held))
