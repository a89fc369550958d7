from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from orchestrator.domain.identity import Role
from tests.builders import DAY, a_day
from tests.integration.api.house import House

TIMELINE = f"/api/v1/days/{DAY}/timeline"


@pytest.fixture(autouse=True)
async def a_planned_day(house: House) -> None:
    await house.storage.add_day(a_day(), [], [])


def break_(app: FastAPI) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("secret internals")


async def test_unknown_path_and_method_are_problems(house: House) -> None:
    async with house.client() as stranger:
        nowhere = await stranger.get("/api/v1/nowhere")
        method = await stranger.put("/api/v1/days")

    assert nowhere.headers["content-type"] == "application/problem+json"
    assert nowhere.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "nothing is served under this path; the paths are in /api/v1/openapi.json",
        "instance": "/api/v1/nowhere",
    }
    assert method.status_code == method.json()["status"] == 405
    assert method.headers["allow"]


async def test_unforeseen_error_is_a_problem_without_internals(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    break_(house.app)

    async with house.client() as stranger:
        answer = await stranger.get("/broken")

    assert answer.status_code == answer.json()["status"] == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "internals" not in answer.text
    assert "secret internals" in capsys.readouterr().out


@pytest.mark.parametrize("announced", [True, False])
async def test_body_beyond_the_limit_is_refused(house: House, announced: bool) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 100_000

    content = b" " * 1_100_000 if announced else in_pieces()
    async with house.guest(Role.RESPONDER) as responder:
        answer = await responder.post(
            TIMELINE, content=content, headers={"Content-Type": "application/json"}
        )

    assert answer.status_code == answer.json()["status"] == 413
    assert "1000000 bytes" in answer.json()["detail"]


async def test_invalid_request_points_to_each_of_its_faults(house: House) -> None:
    async with house.guest(Role.RESPONDER) as responder:
        body = await responder.post(TIMELINE, json={"kind": "moved", "when": 7})
        query = await responder.get(TIMELINE, params={"after": -1})

    errors = {error["pointer"]: error for error in body.json()["errors"]}
    assert set(errors) == {"#/kind", "#/text", "#/when"}
    assert "kind = 'moved'" in errors["#/kind"]["detail"]
    assert query.json()["errors"][0] | {"detail": ""} == {
        "detail": "",
        "pointer": "#",
        "parameter": "after",
        "in": "query",
    }
    assert body.json()["type"] == "/problems/invalid"


async def test_type_of_a_problem_leads_to_its_explanation(house: House) -> None:
    async with house.guest(Role.FACILITATOR) as facilitator:
        problem = (await facilitator.post(f"/api/v1/days/{DAY}/open")).json()
        explained = await facilitator.get(problem["type"])
        everything = await facilitator.get("/problems")
        unknown = await facilitator.get("/problems/none")

    assert problem["title"] in explained.text
    assert explained.text in everything.text
    assert explained.headers["content-type"].startswith("text/markdown")
    assert unknown.status_code == 404
