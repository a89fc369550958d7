"""Nothing that a responder or a reader can get tells of the plan before the reveal."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from orchestrator.domain.identity import DayId, Role
from orchestrator.domain.incident import Step
from tests.builders import DAY, a_day
from tests.integration.api.house import House
from tests.integration.api.listening import listening
from tests.integration.api.secrets import RUN, SHADOW, plant

pytestmark = pytest.mark.timeout(120)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
STREAM = f"/api/v1/days/{DAY}/timeline/stream"
TIMELINE = f"/api/v1/days/{DAY}/timeline"
VALUES = {
    "day": (DAY, "day-2"),
    "run": (RUN, "run-none"),
    "preview": ("p-1", "p-none"),
    "key": ("INC-1", SHADOW, "INC-2"),
    "step": tuple(Step),
    "slug": ("no-such-run", "none"),
}
BODIES: tuple[Any, ...] = (
    None,
    {"reason": "a fire"},
    {"text": "hm"},
    {"text": "hm", "incident": SHADOW},
    {"text": "hm", "incident": "INC-1", "kind": "saw"},
    {"title": "hm", "service": "x"},
    {"name": "Mal", "role": "facilitator"},
    {"plan": "version: 1"},
)
SEEN = """
    box title experiment service team key setting expectation ownlabel dayslabel abort reason probe
    seen trouble shadow linked moved injected because decider halt evidence detail fact corrected
    agent description action
"""
ACCEPTED = ("*/*", "text/html", "text/markdown")


def paths(app: FastAPI) -> list[str]:
    """Every path that the app serves, as its routes say it."""
    return sorted({str(context.path) for context in iter_route_contexts(app.routes)})


def filled(path: str) -> Iterator[str]:
    """A path with every value that its placeholders may have."""
    names = re.findall(r"{(\w+)}", path)
    for values in itertools.product(*(VALUES[name] for name in names)):
        yield path.format(**dict(zip(names, values, strict=True)))


def requests(app: FastAPI) -> Iterator[tuple[str, str, Any, str]]:
    """Every method on every path, with every body and in every form."""
    for path in itertools.chain.from_iterable(map(filled, paths(app))):
        if path.endswith("/stream"):
            continue
        for method in METHODS:
            bodies = BODIES if method == "POST" else (None,)
            forms = ACCEPTED if method == "GET" else ("*/*",)
            for body, form in itertools.product(bodies, forms):
                yield method, path, body, form


def all_of(answer: httpx2.Response) -> str:
    """Everything that an answer says: status, headers and body."""
    headers = "\n".join(f"{key}: {value}" for key, value in answer.headers.items())
    return f"{answer.status_code} {answer.reason_phrase}\n{headers}\n{answer.text}"


async def heard_by(house: House, role: Role) -> dict[str, str]:
    """All that a role can get, by what was asked."""
    heard: dict[str, str] = {}
    async with house.guest(role) as guest:
        for method, path, body, form in requests(house.app):
            answer = await guest.request(method, path, json=body or None, headers={"Accept": form})
            assert answer.status_code < 500, (method, path, answer.text)
            heard[f"{method} {path} {body} {form}"] = all_of(answer)
        entries = (await guest.get(TIMELINE)).json()["entries"]
    token = await house.token(role)
    for path, accept in ((STREAM, "*/*"), (TIMELINE, "text/event-stream")):
        async with listening(house.app, path, token, accept=accept) as listener:
            await listener.heard(len(entries))
        heard[f"{path} {accept}"] = f"{listener.headers}\n{listener.raw.decode()}"
    return heard


@pytest.mark.slow
@pytest.mark.parametrize("role", [Role.RESPONDER, Role.READER])
async def test_nothing_tells_of_the_plan_before_the_reveal(house: House, role: Role) -> None:
    await plant(house.storage)

    heard = await heard_by(house, role)

    telling = {asked: said for asked, said in heard.items() if "canary" in said.lower()}
    assert not telling, next(iter(telling.items()))
    # The run's own id is said only to those who knew it already.
    assert not {asked for asked, said in heard.items() if RUN in said and RUN not in asked}
    assert any("200" in said and "entries" in said for said in heard.values())


@pytest.mark.slow
async def test_the_same_search_finds_the_plan_where_it_may_be_seen(house: House) -> None:
    await plant(house.storage)

    heard = await heard_by(house, Role.AGENT)

    found = set(re.findall(r"canary([a-z]+)\d", "\n".join(heard.values()).lower()))
    assert found >= set(SEEN.split())


async def test_numbers_have_no_gaps_that_tell_of_what_is_hidden(house: House) -> None:
    await plant(house.storage)

    async with house.guest(Role.RESPONDER) as responder:
        read = (await responder.get(TIMELINE)).json()["entries"]
        keys = [
            (await responder.post(f"/api/v1/days/{DAY}/incidents", json={"title": "x"})).json()
            for _ in range(2)
        ]
        written = (await responder.post(TIMELINE, json={"text": "x"})).json()
    async with listening(house.app, STREAM, await house.token(Role.RESPONDER)) as listener:
        events = await listener.heard(written["seq"])

    assert [entry["seq"] for entry in read] == list(range(1, len(read) + 1))
    assert [incident["key"] for incident in keys] == ["INC-2", "INC-3"]
    # Each of the two incidents has one entry of its own; their links stay hidden.
    assert written["seq"] == len(read) + 3
    assert [event["id"] for event in events] == [str(n) for n in range(1, written["seq"] + 1)]


@pytest.mark.parametrize("role", [Role.RESPONDER, Role.READER])
@pytest.mark.parametrize("day", [DAY, None])
async def test_run_that_exists_looks_like_one_that_does_not(
    house: House, role: Role, day: Any
) -> None:
    await plant(house.storage)
    below = sorted(path for path in paths(house.app) if path.startswith("/api/v1/runs/"))

    async with house.guest(role, day) as guest:
        for path, method, body in itertools.product(below, METHODS, (None, {"reason": "x"})):
            real, none = [
                all_of(
                    await guest.request(method, path.format(run=run, preview="p-1"), json=body)
                ).replace(run, "RUN")
                for run in (RUN, "run-non3")
            ]
            assert real == none

    assert below


async def test_run_of_another_day_looks_like_none_to_its_facilitator(house: House) -> None:
    await plant(house.storage)
    await house.storage.add_day(a_day(id="day-2"), [], [])

    async with house.guest(Role.FACILITATOR, DayId("day-2")) as facilitator:
        real = await facilitator.post(f"/api/v1/runs/{RUN}/arm")
        none = await facilitator.post("/api/v1/runs/run-non3/arm")

    assert real.text.replace(RUN, "RUN") == none.text.replace("run-non3", "RUN")
    assert real.status_code == 404


async def test_shadow_looks_like_an_incident_that_does_not_exist(house: House) -> None:
    await plant(house.storage)
    base = f"/api/v1/days/{DAY}/incidents/"

    async with house.guest(Role.RESPONDER) as responder:
        shadow = await responder.get(base + SHADOW)
        none = await responder.get(base + "shadow of run-none")
        listed = (await responder.get(base.rstrip("/"))).json()["incidents"]

    assert shadow.text.replace(RUN, "run-none") == none.text
    assert [incident["key"] for incident in listed] == ["INC-1"]


async def test_responder_who_halts_a_halted_day_learns_no_reason(house: House) -> None:
    await plant(house.storage)

    async with house.guest(Role.RESPONDER) as responder:
        answer = await responder.post(f"/api/v1/days/{DAY}/halt", json={"reason": "fire"})

    assert answer.json()["halt"]["reason"] == ""
    assert answer.json()["halt"]["by"]["role"] == "facilitator"


@pytest.mark.parametrize("role", [Role.RESPONDER, Role.READER])
async def test_everything_is_open_after_the_reveal(house: House, role: Role) -> None:
    await plant(house.storage)

    async with house.guest(role) as guest, house.guest(Role.FACILITATOR) as facilitator:
        before = [
            (await guest.get(f"/api/v1/days/{DAY}/{path}")).status_code
            for path in ("agenda", "debrief", "swimlane.svg")
        ]
        for move in ("close", "reveal"):
            moved = await facilitator.post(f"/api/v1/days/{DAY}/{move}")
            assert moved.status_code == 200, moved.text
        after = [
            await guest.get(f"/api/v1/days/{DAY}/{path}")
            for path in ("agenda", "debrief", "swimlane.svg")
        ]
        run = await guest.get(f"/api/v1/runs/{RUN}")
        timeline = (await guest.get(TIMELINE)).json()["entries"]
        full = (await facilitator.get(TIMELINE)).json()["entries"]

    assert before == [403] * 3
    assert [answer.status_code for answer in after] == [200] * 3
    assert "canarybox" in after[0].text
    assert run.status_code == 200
    assert timeline == full


async def test_request_log_holds_no_token_and_no_word(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    await plant(house.storage)
    token = await house.token(Role.RESPONDER, name="Ada Lovelace")

    async with house.client(token) as ada:
        await ada.post(TIMELINE + "?after=1", json={"text": "a word of hers"})
        await ada.get(f"/api/v1/me?token={token}")
    logged = "".join(capsys.readouterr())

    assert "/api/v1/days/{day}/timeline" in logged
    assert "responder" in logged
    for word in (token, token.split("_")[2], "a word of hers", "Lovelace", json.dumps(DAY)):
        assert word not in logged
