"""Runs: shown to those who may know of them, armed, aborted and cancelled.

It does not conduct; arming lets the clock take a run up.
"""

from typing import Annotated

from fastapi import Depends

from api.admission import admitted_router
from api.dependencies import (
    CurrentGuest,
    CurrentSaid,
    OfRun,
    Services,
    must_be_ready,
    only,
)
from api.problems import problems
from api.views.halts import ReasonRequest
from api.views.runs import RunView, SamplesView, SampleView
from orchestrator.domain.identity import Role
from orchestrator.domain.run import Run
from orchestrator.services.admitting import Guest

router = admitted_router("/runs/{run}", tag="runs")


async def run_in_sight(run: OfRun, guest: CurrentGuest, services: Services) -> Run:
    """The run in the path. Raises: NoSuchRun: also if the guest may not know of it."""
    return await services.revealing.run(run, role=guest.role, day=guest.day)


InSight = Annotated[Run, Depends(run_in_sight)]
Armer = Annotated[Guest, Depends(only(Role.FACILITATOR, to="arm a run"))]
Aborter = Annotated[Guest, Depends(only(Role.FACILITATOR, Role.AGENT, to="abort a run"))]
Canceller = Annotated[Guest, Depends(only(Role.FACILITATOR, to="cancel a run"))]


@router.get("", summary="Show a run", responses=problems(404))
async def show_run(run: InSight) -> RunView:
    """One execution of an experiment. Until the reveal there is none for responders."""
    return RunView.of(run)


@router.get("/samples", summary="Show what was measured", responses=problems(404))
async def show_samples(run: InSight, services: Services) -> SamplesView:
    """The observations of the steady state, before, during and after the fault."""
    samples = await services.storage.samples(run.id)
    return SamplesView(run=run.id, samples=[SampleView.of(sample) for sample in samples])


@router.post(
    "/arm",
    summary="Arm a run",
    responses=problems(404, 409),
    dependencies=[Depends(must_be_ready)],
)
async def arm_run(_: Armer, run: InSight, services: Services, said: CurrentSaid) -> RunView:
    """Consent to a run; it starts when it is due. For facilitators."""
    armed = await services.opening.arm(run.id, said=said)
    services.nudge()
    return RunView.of(armed)


@router.post("/abort", status_code=202, summary="Abort a run", responses=problems(404, 409, 413))
async def abort_run(
    _: Aborter, run: InSight, asked: ReasonRequest, services: Services, said: CurrentSaid
) -> RunView:
    """Ask a run to stop. It rolls back before it concludes. For facilitators and agents."""
    await services.halting.abort(run.id, said=said, reason=asked.reason)
    services.nudge()
    return RunView.of(await services.storage.run(run.id))


@router.post("/cancel", summary="Cancel a run", responses=problems(404, 409, 413))
async def cancel_run(
    _: Canceller, run: InSight, asked: ReasonRequest, services: Services, said: CurrentSaid
) -> RunView:
    """Take a run off the agenda before it starts. For facilitators."""
    cancelled = await services.opening.cancel(run.id, said=said, reason=asked.reason)
    services.nudge()
    return RunView.of(cancelled)
