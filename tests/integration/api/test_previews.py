"""Previews over the API: made and seen by those who know the plan, approved by the facilitator."""

import httpx2
import pytest

from orchestrator.domain.day_budget import DayBudget, Reservation
from orchestrator.domain.identity import Role, RunId
from orchestrator.domain.run import Phase
from tests.builders import DAY, RUN, a_box, a_day, a_plan, a_run
from tests.doubles.worlds import stored
from tests.integration.api.house import House

PREVIEWS = f"/api/v1/runs/{RUN}/previews"


async def made(client: httpx2.AsyncClient) -> str:
    answer = await client.post(PREVIEWS, json={})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize("role", [Role.FACILITATOR, Role.AGENT])
async def test_who_knows_the_plan_makes_and_sees_a_preview(house: House, role: Role) -> None:
    await stored(house.storage, a_run())

    async with house.guest(role) as guest:
        preview = await made(guest)
        shown = await guest.get(f"{PREVIEWS}/{preview}")

    assert shown.json()["id"] == preview
    assert shown.json()["approved_by"] == ""


async def test_only_the_facilitator_approves_a_preview(house: House) -> None:
    await stored(house.storage, a_run())

    async with house.guest(Role.AGENT) as agent, house.guest(Role.FACILITATOR) as facilitator:
        preview = await made(agent)
        refused = await agent.post(f"{PREVIEWS}/{preview}/approve")
        approved = await facilitator.post(f"{PREVIEWS}/{preview}/approve")

    assert refused.status_code == 403
    assert approved.json()["approved_by"] == "a facilitator"
    kept = await house.storage.approved(approved.json()["subject"])
    assert kept is not None
    assert kept.id == preview


async def test_a_second_facilitator_is_told_who_approved_it(house: House) -> None:
    await stored(house.storage, a_run())

    token = await house.services.admitting.issue(name="Ida", role=Role.FACILITATOR, day=DAY)
    async with house.guest(Role.FACILITATOR) as first, house.client(token) as ida:
        preview = await made(first)
        approved = await first.post(f"{PREVIEWS}/{preview}/approve")
        again = await ida.post(f"{PREVIEWS}/{preview}/approve")
        shown = await ida.get(f"{PREVIEWS}/{preview}")

    assert (again.status_code, again.json()["type"]) == (409, "/problems/conflict")
    assert "a facilitator approved it at" in again.json()["detail"]
    assert shown.json() == approved.json()


async def test_a_preview_of_another_run_is_no_preview_of_this_one(house: House) -> None:
    boxes = (a_box(), a_box(name="another", configuration={"hold": 1}))
    another = a_run(id=RunId("another"), box="another")
    await stored(house.storage, a_run(), another, day=a_day(plan=a_plan(agenda=boxes)))

    async with house.guest(Role.FACILITATOR) as facilitator:
        preview = await made(facilitator)
        answer = await facilitator.post(f"/api/v1/runs/another/previews/{preview}/approve")

    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/no-such-preview"


async def test_the_budget_shows_what_each_run_holds(house: House) -> None:
    budget = DayBudget(most_runs=2, most_objects=8)
    run = a_run(phase=Phase.ARMED)
    await stored(house.storage, run, day=a_day(plan=a_plan(day_budget=budget)))
    await house.storage.reserve(run, Reservation(run=run.id, objects=3), budget=budget)

    async with house.guest(Role.AGENT) as agent, house.guest(Role.RESPONDER) as responder:
        shown = (await agent.get(f"/api/v1/days/{DAY}/budget")).json()
        refused = await responder.get(f"/api/v1/days/{DAY}/budget")

    assert shown["most_objects"] == 8
    assert [(part["run"], part["objects"]) for part in shown["held"]] == [(RUN, 3)]
    assert refused.status_code == 403
