"""Incidents: declared and taken step by step to their end.

It does not link them to runs; `responding` does, unseen.
"""

from typing import Annotated

from fastapi import Depends, Path

from api.admission import admitted_router
from api.dependencies import ApiServices, CurrentAudience, CurrentSaid, Services, only
from api.idempotency import OnlyOnce
from api.problems import problems
from api.views.incidents import DeclareRequest, IncidentsView, IncidentView, StepRequest
from orchestrator.domain.identity import Role
from orchestrator.domain.incident import Incident, Step
from orchestrator.services.admitting import Guest
from orchestrator.services.responding import Told
from orchestrator.services.revealing import Audience

router = admitted_router("/days/{day}/incidents", tag="incidents")

Responder = Annotated[
    Guest, Depends(only(Role.FACILITATOR, Role.RESPONDER, to="work on incidents"))
]
KeyPath = Annotated[
    str, Path(max_length=100, description="The incident's key.", examples=["INC-3"])
]


async def _shown(services: ApiServices, audience: Audience, incident: Incident) -> IncidentView:
    return IncidentView.of(incident, await services.revealing.links(audience))


@router.get("", summary="List the incidents", responses=problems(404))
async def list_incidents(audience: CurrentAudience, services: Services) -> IncidentsView:
    """The incidents that the audience sees, oldest first."""
    links = await services.revealing.links(audience)
    incidents = await services.revealing.incidents(audience)
    return IncidentsView(
        day=audience.day.id, incidents=[IncidentView.of(each, links) for each in incidents]
    )


@router.post("", status_code=201, summary="Declare an incident", responses=problems(404, 413))
async def declare_incident(
    _: Responder,
    audience: CurrentAudience,
    asked: DeclareRequest,
    services: Services,
    said: CurrentSaid,
    once: OnlyOnce,
) -> IncidentView:
    """Open an incident, which everybody on the day sees. For responders and facilitators."""

    async def declare() -> IncidentView:
        told = Told(said=said, text=asked.title, when=asked.when)
        incident = await services.responding.declare(audience.day.id, told, service=asked.service)
        return await _shown(services, audience, incident)

    return await once(asked.model_dump_json(), declare)


@router.get("/{key}", summary="Show an incident", responses=problems(404))
async def show_incident(
    audience: CurrentAudience, key: KeyPath, services: Services
) -> IncidentView:
    """One incident, by its key."""
    incident = await services.revealing.incident(audience, key)
    return await _shown(services, audience, incident)


@router.post(
    "/{key}/{step}", summary="Take an incident one step on", responses=problems(404, 409, 413)
)
async def take_step(
    *,
    _: Responder,
    audience: CurrentAudience,
    key: KeyPath,
    step: Step,
    asked: StepRequest,
    services: Services,
    said: CurrentSaid,
    once: OnlyOnce,
) -> IncidentView:
    """Acknowledge, escalate, mitigate, resolve or reopen. For responders and facilitators."""

    async def take() -> IncidentView:
        told = Told(said=said, text=asked.text, when=asked.when)
        incident = await services.responding.step(audience.day.id, key, step, told)
        return await _shown(services, audience, incident)

    return await once(asked.model_dump_json(), take)
