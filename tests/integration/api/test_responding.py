import json

import anyio
import pytest

from orchestrator.adapters.storage import SqlUndoJournal
from orchestrator.domain.day import DayState
from orchestrator.domain.identity import DayId, Role, RunId
from orchestrator.domain.run import Phase
from orchestrator.domain.timeline import VisibleAfter
from tests.builders import DAY, a_day, a_halt, a_responder, a_run, an_entry, an_undo_record
from tests.doubles.worlds import stored
from tests.integration.api.house import House

TIMELINE = f"/api/v1/days/{DAY}/timeline"
INCIDENTS = f"/api/v1/days/{DAY}/incidents"
HALT = f"/api/v1/days/{DAY}/halt"


@pytest.fixture(autouse=True)
async def a_day_with_a_secret(house: House) -> None:
    secret = an_entry(id="secret", visible_after=VisibleAfter.REVEAL, text="payment goes at ten")
    await house.storage.add_day(a_day(), [], [secret, an_entry(id="opened")])


async def test_word_of_a_responder_is_recorded_with_both_clocks(house: House) -> None:
    async with house.guest(Role.RESPONDER) as responder:
        written = await responder.post(
            TIMELINE, json={"kind": "saw", "text": "checkout answers 503", "when": "-20s"}
        )
        read = (await responder.get(TIMELINE)).json()

    entry = written.json()
    assert written.status_code == 201
    assert entry["occurred_at"] == "2026-11-24T09:00:40Z"
    assert entry["recorded_at"] == "2026-11-24T09:01:00Z"
    assert entry["precision"] == "recalled"
    assert entry["source"] == "api"
    assert entry["actor"] == {"kind": "human", "name": "a responder", "role": "responder"}
    assert read["entries"][-1] == entry


async def test_number_of_a_new_entry_counts_what_its_writer_sees(house: House) -> None:
    async with house.guest(Role.RESPONDER) as responder, house.guest(Role.AGENT) as agent:
        mine = await responder.post(TIMELINE, json={"text": "hm"})
        theirs = await agent.post(TIMELINE, json={"text": "they suspect nothing"})
        read = (await responder.get(TIMELINE)).json()

    assert mine.json()["seq"] == 2
    assert theirs.json()["seq"] == 4
    assert [entry["seq"] for entry in read["entries"]] == [1, 2]


async def test_entry_of_the_command_line_says_so(house: House) -> None:
    async with house.guest(Role.RESPONDER) as responder:
        written = await responder.post(
            TIMELINE, json={"text": "x"}, headers={"User-Agent": "chaosday-cli/0.1"}
        )

    assert written.json()["source"] == "cli"


async def test_timeline_is_read_in_parts(house: House) -> None:
    async with house.guest(Role.RESPONDER) as responder:
        for text in "abc":
            await responder.post(TIMELINE, json={"text": text})
        first = (await responder.get(TIMELINE, params={"limit": 2})).json()
        rest = (await responder.get(TIMELINE, params={"after": first["next"]})).json()
        end = (await responder.get(TIMELINE, params={"after": rest["next"]})).json()

    assert [entry["text"] for entry in first["entries"]] == ["the day opened", "a"]
    assert [entry["text"] for entry in rest["entries"]] == ["b", "c"]
    assert (end["entries"], end["next"]) == ([], rest["next"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"text": ""}, "text"),
        ({"text": "x", "kind": "moved"}, "kind"),
        ({"text": "x", "when": "yesterday"}, "-2m"),
        ({"text": "x", "whn": "-2m"}, "whn"),
        ({"text": "\x1b[2J"}, "control character"),
        ({"text": "a\x00b"}, "control character"),
        ({"text": "\ud800"}, "text"),
        ({"text": "x", "incident": "INC-9"}, "INC-9"),
        ([], "body"),
    ],
)
async def test_word_that_cannot_be_recorded_is_one_problem(
    house: House, body: object, says: str
) -> None:
    async with house.guest(Role.RESPONDER) as responder:
        answer = await responder.post(
            TIMELINE, content=json.dumps(body), headers={"Content-Type": "application/json"}
        )

    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]


async def test_retried_word_with_a_key_is_recorded_once_even_at_the_same_time(
    house: House,
) -> None:
    answers = []

    async with house.guest(Role.RESPONDER) as responder:

        async def write() -> None:
            answer = await responder.post(
                TIMELINE, json={"text": "once"}, headers={"Idempotency-Key": "k"}
            )
            answers.append(answer.json())

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(write)
        read = (await responder.get(TIMELINE)).json()

    assert len(read["entries"]) == 2
    assert all(answer == read["entries"][-1] for answer in answers)


async def test_incident_goes_from_declared_to_resolved(house: House) -> None:
    async with house.guest(Role.RESPONDER) as responder:
        declared = await responder.post(
            INCIDENTS, json={"title": "checkout answers 503", "service": "checkout"}
        )
        key = declared.json()["key"]
        statuses = [
            (await responder.post(f"{INCIDENTS}/{key}/{step}", json={"text": ""})).json()["status"]
            for step in ("acknowledge", "escalate", "mitigate", "resolve", "reopen")
        ]
        shown = (await responder.get(f"{INCIDENTS}/{key.lower()}")).json()
        listed = (await responder.get(INCIDENTS)).json()["incidents"]
        read = (await responder.get(TIMELINE)).json()["entries"]

    assert declared.status_code == 201
    assert key == "INC-1"
    assert statuses == ["acknowledged", "acknowledged", "mitigated", "resolved", "declared"]
    assert listed == [shown]
    assert {entry["incident"] for entry in read[1:]} == {"INC-1"}


async def test_step_that_the_status_forbids_is_a_conflict(house: House) -> None:
    async with house.guest(Role.RESPONDER) as responder:
        await responder.post(INCIDENTS, json={"title": "x"})
        await responder.post(f"{INCIDENTS}/INC-1/acknowledge", json={})
        answer = await responder.post(f"{INCIDENTS}/INC-1/acknowledge", json={})
        unknown = await responder.post(f"{INCIDENTS}/INC-1/explode", json={})
        missing = await responder.post(f"{INCIDENTS}/INC-7/resolve", json={})

    assert answer.status_code == 409
    assert answer.json()["phase"] == "acknowledged"
    assert unknown.status_code == 422
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [(TIMELINE, {"text": "x"}), (INCIDENTS, {"title": "x"}), (HALT, {"reason": "x"})],
)
async def test_readers_only_read(house: House, path: str, body: dict[str, str]) -> None:
    async with house.guest(Role.READER) as reader:
        refused = await reader.post(path, json=body)
        read = await reader.get(path)

    assert (refused.status_code, read.status_code) == (403, 200)


@pytest.mark.parametrize("role", [Role.FACILITATOR, Role.AGENT, Role.RESPONDER])
async def test_anybody_on_the_day_halts_it(house: House, role: Role) -> None:
    async with house.guest(role) as guest:
        answer = await guest.post(HALT, json={"reason": "a real fire"})
        shown = (await guest.get(HALT)).json()

    assert answer.json()["halted"]
    assert shown == answer.json()
    assert shown["halt"]["reason"] == "a real fire"
    assert house.nudges


async def test_only_the_facilitator_releases_a_halt(house: House) -> None:
    await house.storage.engage(a_halt(by=a_responder()), [])

    async with house.guest(Role.RESPONDER) as responder:
        refused = await responder.post(f"{HALT}/release")
    async with house.guest(Role.FACILITATOR) as facilitator:
        released = await facilitator.post(f"{HALT}/release")
        again = await facilitator.post(f"{HALT}/release")
        shown = (await facilitator.get(HALT)).json()

    assert refused.status_code == 403
    assert released.json()["released_by"] == "a facilitator"
    assert again.status_code == 409
    assert shown == {"halted": False, "state": None, "halt": None}


@pytest.mark.parametrize(
    ("phase", "on_its_way", "state"),
    [
        (Phase.ARMED, False, "engaged"),
        (Phase.INJECTING, False, "engaged"),
        (Phase.INJECTING, True, "engaging"),
        (Phase.HOLDING, True, "engaging"),
        (Phase.ROLLING_BACK, True, "engaged"),
    ],
)
async def test_a_halt_is_engaged_once_no_method_may_write(
    house: House, phase: Phase, on_its_way: bool, state: str
) -> None:
    other = DayId("day-2")
    run = a_run(day=other, phase=phase)
    await stored(house.storage, run, day=a_day(id=other))
    if on_its_way:
        await SqlUndoJournal(house.database).intend(an_undo_record(run=run.id), fence=0)
    path = f"/api/v1/days/{other}/halt"

    async with house.guest(Role.RESPONDER, other) as responder:
        answers = [(await responder.post(path, json={"reason": "fire"})) for _ in range(30)]
    async with house.guest(Role.AGENT, other) as agent:
        shown = (await agent.get(path)).json()

    # However often somebody halts, nobody is told to wait.
    assert {answer.status_code for answer in answers} == {200}
    assert shown["state"] == state


async def test_a_halt_does_not_tell_responders_whether_a_fault_is_in(house: House) -> None:
    answers = []
    for number, phase in enumerate((Phase.ARMED, Phase.HOLDING)):
        day = DayId(f"day-{number + 2}")
        run = a_run(id=RunId(f"run of {day}"), day=day, phase=phase)
        await stored(house.storage, run, day=a_day(id=day))
        path = f"/api/v1/days/{day}/halt"
        async with house.guest(Role.AGENT, day) as agent:
            await agent.post(path, json={"reason": "fire"})
        for role in (Role.RESPONDER, Role.READER):
            async with house.guest(role, day) as guest:
                answers.append((await guest.get(path)).json())

    assert {answer["state"] for answer in answers} == {None}
    assert {answer["halt"]["by"]["role"] for answer in answers} == {None}
    assert all(answer["halted"] for answer in answers)


async def test_open_is_refused_while_the_day_is_halted(house: House) -> None:
    other = DayId("day-2")
    await house.storage.add_day(a_day(id=other, state=DayState.PLANNED), [], [])
    await house.storage.engage(a_halt(day=other), [])

    async with house.guest(Role.FACILITATOR, None) as facilitator:
        answer = await facilitator.post(f"/api/v1/days/{other}/open")

    assert answer.json()["type"] == "/problems/day-halted"
