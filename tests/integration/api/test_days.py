import re
from typing import Any

import pytest
import yaml

from orchestrator.domain.identity import DayId, Role, RunId
from orchestrator.domain.run import Phase
from tests.builders import DAY, a_concluded_run, a_day, a_run, samples_at
from tests.integration.api.house import PLAN, VERSION, House

YAML = {"Content-Type": "application/yaml"}


async def planned(house: House) -> str:
    async with house.guest(Role.FACILITATOR, None) as facilitator:
        answer = await facilitator.post("/api/v1/days", content=PLAN, headers=YAML)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_plan_in_yaml_becomes_a_day_with_an_agenda(house: House) -> None:
    day = await planned(house)

    async with house.guest(Role.AGENT, DayId(day)) as agent:
        shown = (await agent.get(f"/api/v1/days/{day}")).json()
        agenda = (await agent.get(f"/api/v1/days/{day}/agenda")).json()

    assert shown["name"] == "Checkout Chaos Day"
    assert shown["state"] == "planned"
    assert shown["channels"] == {"incident": "#inc-chaos"}
    assert [box["name"] for box in agenda["boxes"]] == ["one-pod", "no-payment"]
    assert [box["run"]["phase"] for box in agenda["boxes"]] == ["planned", "planned"]
    assert agenda["boxes"][0]["blast_radius"]["namespaces"] == ["shop"]
    assert agenda["blast_radius"]["verbs"] == {
        "pods": ["delete"],
        "deployments": ["change", "scale"],
    }
    assert agenda["abort_when"] == [{"probe": "", "out_for_seconds": 120.0}]


@pytest.mark.parametrize("as_text", [True, False])
async def test_plan_in_json_brings_its_experiments_along(house: House, as_text: bool) -> None:
    text = PLAN.replace("pod-killed", "our-own")
    own = {"title": "Our own", "description": "d", "method": []}
    body = {
        "plan": text if as_text else _as_object(text),
        "experiments": {"our-own": own},
        "scripted": True,
    }

    async with house.guest(Role.FACILITATOR, None) as facilitator:
        answer = await facilitator.post("/api/v1/days", json=body)

    assert answer.status_code == 201, answer.text
    assert answer.json()["is_scripted"]
    stored = await house.storage.day(DayId(answer.json()["id"]))
    assert stored.experiments["our-own"].title == "Our own"


def _as_object(text: str) -> Any:
    """The plan as an object whose instants are text."""
    return yaml.load(text, Loader=yaml.BaseLoader) | {"version": 1}  # noqa: S506 -- it makes text of everything


async def test_broken_plan_is_answered_with_all_its_faults_and_leaves_nothing(
    house: House,
) -> None:
    broken = PLAN.replace("environment: test", "environment: moon").replace("+30m", "later")

    async with house.guest(Role.FACILITATOR, None) as facilitator:
        answer = await facilitator.post("/api/v1/days", content=broken, headers=YAML)

    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "/problems/invalid-plan"
    found = {error["field"]: error for error in problem["errors"]}
    assert found["environment"]["line"] == 3
    assert found["environment"]["value"] == "moon"
    assert found["environment"]["way_out"]
    assert len(found) == 2
    assert await house.storage.days() == []


@pytest.mark.parametrize("body", ["{", "a: [", "\x00", "- 1", "", '"\ud800"'])
async def test_body_that_is_no_plan_is_one_problem(house: House, body: str) -> None:
    content = body.encode(errors="surrogatepass")

    async with house.guest(Role.FACILITATOR, None) as facilitator:
        answer = await facilitator.post("/api/v1/days", content=content, headers=YAML)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert await house.storage.days() == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"plan": 7}',
        b'{"plan": "a", "experimnts": {}}',
        b'{"plan": "x", "experiments": {"a": {"title": "\\ud800"}}}',
        b'{"plan": "x", "experiments": {"a": {"\\u0000": 1}}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
async def test_json_that_is_no_plan_is_one_problem(house: House, body: bytes) -> None:
    async with house.guest(Role.FACILITATOR, None) as facilitator:
        answer = await facilitator.post(
            "/api/v1/days", content=body, headers={"Content-Type": "application/json"}
        )

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_plan_of_another_media_type_is_refused(house: House) -> None:
    async with house.guest(Role.FACILITATOR, None) as facilitator:
        answer = await facilitator.post(
            "/api/v1/days", content=PLAN, headers={"Content-Type": "text/csv"}
        )

    assert answer.status_code == 415
    assert "application/yaml" in answer.json()["detail"]


async def test_experiment_that_nobody_has_is_not_found(house: House) -> None:
    async with house.guest(Role.FACILITATOR, None) as facilitator:
        answer = await facilitator.post(
            "/api/v1/days", content=PLAN.replace("pod-killed", "no-such"), headers=YAML
        )

    assert answer.status_code == 404
    assert answer.json()["experiment"] == "no-such"
    assert await house.storage.days() == []


async def test_retried_plan_with_a_key_makes_one_day(house: House) -> None:
    headers = YAML | {"Idempotency-Key": "k1"}

    async with house.guest(Role.FACILITATOR, None) as facilitator:
        first = await facilitator.post("/api/v1/days", content=PLAN, headers=headers)
        second = await facilitator.post("/api/v1/days", content=PLAN, headers=headers)
        other = await facilitator.post("/api/v1/days", content=PLAN + "\n", headers=headers)

    assert first.json() == second.json()
    assert len(await house.storage.days()) == 1
    assert other.status_code == 422
    assert other.json()["field"] == "Idempotency-Key"


async def test_day_is_opened_closed_and_revealed(house: House) -> None:
    day = await planned(house)

    async with house.guest(Role.FACILITATOR, None) as facilitator:
        opened = await facilitator.post(f"/api/v1/days/{day}/open")
        again = await facilitator.post(f"/api/v1/days/{day}/open")
        early = await facilitator.post(f"/api/v1/days/{day}/reveal")
        closed = await facilitator.post(f"/api/v1/days/{day}/close")
        revealed = await facilitator.post(f"/api/v1/days/{day}/reveal")

    assert opened.json()["state"] == "open"
    assert len(house.nudges) == 1
    assert (again.status_code, again.json()["type"]) == (409, "/problems/illegal-move")
    assert again.json()["phase"] == "open"
    assert early.status_code == 409
    assert closed.json()["state"] == "closed"
    assert revealed.json()["revealed_at"] is not None


async def test_nothing_starts_while_lost_runs_are_being_restored(house: House) -> None:
    await house.storage.add_day(a_day(), [a_run()], [])
    house.ready[0] = False

    async with house.guest(Role.FACILITATOR) as facilitator:
        ready = await facilitator.get("/readyz")
        opened = await facilitator.post(f"/api/v1/days/{DAY}/open")
        armed = await facilitator.post("/api/v1/runs/run-1/arm")
        shown = await facilitator.get(f"/api/v1/days/{DAY}")
        halted = await facilitator.post(f"/api/v1/days/{DAY}/halt", json={"reason": "stop"})

    assert [ready.status_code, opened.status_code, armed.status_code] == [503] * 3
    assert opened.json()["type"] == "/problems/unavailable"
    assert opened.headers["retry-after"]
    assert [shown.status_code, halted.status_code] == [200, 200]


@pytest.mark.parametrize("role", [None, Role.RESPONDER, Role.READER])
async def test_who_must_not_know_of_runs_learns_only_that_it_is_not_ready(
    house: House, role: Role | None
) -> None:
    await house.storage.add_day(a_day(), [a_run(phase=Phase.HOLDING)], [])
    token = None if role is None else await house.token(role)
    house.ready[0] = False

    async with house.client(token) as somebody:
        ready = await somebody.get("/readyz")

    assert ready.status_code == 503
    assert ready.json()["detail"] == "the service is not ready; ask again in a few seconds"
    assert not re.search("run|restor|behind", ready.text)


@pytest.mark.parametrize("role", [Role.FACILITATOR, Role.AGENT])
async def test_who_knows_the_plan_learns_why_it_is_not_ready(house: House, role: Role) -> None:
    token = await house.token(role, None)
    house.ready[0] = False

    async with house.client(token) as knowing, house.client("cd_0_0") as unknown:
        ready, refused = await knowing.get("/readyz"), await unknown.get("/readyz")

    assert (ready.status_code, refused.status_code) == (503, 503)
    assert "runs that an earlier process left behind" in ready.json()["detail"]
    assert "runs" not in refused.text


async def test_service_tells_that_it_lives_is_ready_and_which_it_is(house: House) -> None:
    async with house.client() as stranger:
        alive = await stranger.get("/livez")
        ready = await stranger.get("/readyz")
        version = await stranger.get("/version")

    assert alive.json() == {"alive": True}
    assert ready.json() == {"ready": True}
    assert version.json() == {"version": VERSION, "api": "v1"}


async def test_runs_are_armed_cancelled_and_aborted(house: House) -> None:
    runs = [a_run(), a_run(id="run-2"), a_run(id="run-3", phase=Phase.HOLDING)]
    await house.storage.add_day(a_day(), runs, [])

    async with house.guest(Role.FACILITATOR) as facilitator:
        armed = await facilitator.post("/api/v1/runs/run-1/arm")
        cancelled = await facilitator.post("/api/v1/runs/run-2/cancel", json={"reason": "late"})
        nothing = await facilitator.post("/api/v1/runs/run-2/abort", json={"reason": "late"})
    async with house.guest(Role.AGENT) as agent:
        aborted = await agent.post("/api/v1/runs/run-3/abort", json={"reason": "enough"})
        refused = await agent.post("/api/v1/runs/run-1/arm")

    assert armed.json()["phase"] == "armed"
    assert (cancelled.json()["phase"], cancelled.json()["reason"]) == ("cancelled", "late")
    assert nothing.status_code == 409
    assert aborted.status_code == 202
    assert refused.status_code == 403
    assert refused.json()["role"] == "agent"
    assert (await house.storage.run(RunId("run-3"))).phase is Phase.HOLDING


async def test_samples_of_a_run_are_shown(house: House) -> None:
    await house.storage.add_day(a_day(), [a_concluded_run()], [])
    await house.storage.add_samples(samples_at([1, 2]))

    async with house.guest(Role.AGENT) as agent:
        answer = await agent.get("/api/v1/runs/run-1/samples")

    assert [sample["took_seconds"] for sample in answer.json()["samples"]] == [0.02, 0.02]


async def test_catalogue_is_read_by_those_who_plan(house: House) -> None:
    await house.storage.add_day(a_day(), [], [])

    async with house.guest(Role.AGENT) as agent, house.guest(Role.RESPONDER) as responder:
        read = await agent.get("/api/v1/catalogue")
        refused = await responder.get("/api/v1/catalogue")

    names = [experiment["name"] for experiment in read.json()["experiments"]]
    assert "pod-killed" in names
    assert read.json()["experiments"][names.index("pod-killed")]["card"].startswith("# ")
    assert refused.status_code == 403
