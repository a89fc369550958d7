import pytest

from orchestrator.domain.day import DayState
from orchestrator.domain.identity import Role
from tests.builders import (
    DAY,
    a_concluded_run,
    a_day,
    a_link,
    a_word,
    an_incident,
    at,
    samples_at,
)
from tests.integration.api.house import VERSION, House

DEBRIEF = f"/api/v1/days/{DAY}/debrief"


@pytest.fixture(autouse=True)
async def a_day_that_was(house: House) -> None:
    day = a_day(state=DayState.CLOSED, closed_at=at(50), revealed_at=at(55))
    word = a_word(occurred_at=at(20), text="<script>alert(1)</script>")
    await house.storage.add_day(day, [a_concluded_run()], [word])
    await house.storage.add_samples(samples_at([1, 2]))
    await house.storage.add_samples(samples_at([12, 20], within=False))
    await house.storage.add_incident(an_incident(), [a_link()], [])


@pytest.mark.parametrize(
    ("accept", "query", "media"),
    [
        ("*/*", "", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", "text/html"),
        ("text/markdown", "", "text/markdown"),
        ("application/json", "?format=html", "text/html"),
        ("text/html", "?format=markdown", "text/markdown"),
        ("text/html", "?format=json", "application/json"),
    ],
)
async def test_debrief_comes_in_the_form_that_is_liked(
    house: House, accept: str, query: str, media: str
) -> None:
    async with house.guest(Role.READER) as reader:
        answer = await reader.get(DEBRIEF + query, headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == media
    assert "Payment scaled to zero" in answer.text


async def test_debrief_in_json_says_how_each_number_is_computed(house: House) -> None:
    async with house.guest(Role.READER) as reader:
        debrief = (await reader.get(DEBRIEF)).json()

    (run,) = debrief["runs"]
    assert debrief["version"] == VERSION
    assert run["outcome"] == "human_found"
    assert run["incidents"] == ["INC-1"]
    assert run["figures"]["time_to_noticed"]["value"] == 10.0
    assert run["figures"]["time_to_noticed"]["from_entries"] == [1]
    assert run["probes"][0]["figures"]["during"]["value"] == 0.0
    figures = [*run["figures"].values(), *debrief["counts"].values()]
    assert all(debrief["rules"][figure["rule"]]["text"] for figure in figures)


async def test_debrief_as_a_page_runs_no_script(house: House) -> None:
    async with house.guest(Role.READER) as reader:
        answer = await reader.get(DEBRIEF, params={"format": "html"})

    assert "<script>alert" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_swimlane_is_a_drawing_that_stands_alone(house: House) -> None:
    async with house.guest(Role.RESPONDER) as responder:
        answer = await responder.get(f"/api/v1/days/{DAY}/swimlane.svg")

    assert answer.headers["content-type"].split(";")[0] == "image/svg+xml"
    assert answer.text.startswith("<svg")
    assert "<style" in answer.text


async def test_unknown_form_of_a_debrief_is_a_problem(house: House) -> None:
    async with house.guest(Role.READER) as reader:
        answer = await reader.get(DEBRIEF, params={"format": "pdf"})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "format"
