"""What people say is kept with both clocks, and incidents find their runs behind their backs."""

from datetime import timedelta

import anyio
import pytest

from orchestrator.domain.errors import (
    IllegalMove,
    InvalidMoment,
    InvalidValue,
    NoSuchDay,
    NoSuchIncident,
)
from orchestrator.domain.identity import DayId, Role, RunId
from orchestrator.domain.incident import Status, Step
from orchestrator.domain.run import Phase, Run
from orchestrator.domain.timeline import Kind, Precision, VisibleAfter
from orchestrator.services.recording import Said
from orchestrator.services.responding import Told, likely_run
from tests.builders import (
    DAY,
    RUN,
    a_responder,
    a_run,
    an_incident,
    at,
)
from tests.doubles.worlds import a_new_incident, stored
from tests.unit.services.house import KIM, House

ADA = Said(by=a_responder(), source="cli")


def said(text: str = "checkout answers 503", when: str = "") -> Told:
    return Told(said=ADA, text=text, when=when)


@pytest.mark.parametrize("kind", [Kind.SAW, Kind.THOUGHT, Kind.DID, Kind.NOTE])
async def test_a_note_is_kept_as_it_was_said(house: House, kind: Kind) -> None:
    await stored(house.storage)

    entry = await house.responding.note(DAY, kind, said())

    assert await house.entries() == [entry]
    assert (entry.kind, entry.text, entry.actor) == (kind, "checkout answers 503", ADA.by)
    assert (entry.seq, entry.visible_after) == (1, VisibleAfter.NOW)


async def test_what_is_told_later_is_kept_with_both_clocks(house: House) -> None:
    await stored(house.storage)

    entry = await house.responding.note(DAY, Kind.SAW, said(when="-2m"))

    told_after = entry.recorded_at - entry.occurred_at
    assert timedelta(minutes=2) <= told_after < timedelta(minutes=2, seconds=5)
    assert entry.precision is Precision.RECALLED


@pytest.mark.parametrize(
    ("kind", "told", "error"),
    [
        (Kind.MOVED, said(), InvalidValue),
        (Kind.SAW, said(text="  "), InvalidValue),
        (Kind.SAW, said(when="yesterday"), InvalidMoment),
    ],
)
async def test_a_note_that_cannot_be_kept_is_refused(
    house: House, kind: Kind, told: Told, error: type[Exception]
) -> None:
    await stored(house.storage)

    with pytest.raises(error):
        await house.responding.note(DAY, kind, told)

    assert await house.entries() == []


@pytest.mark.parametrize(
    ("role", "visible"),
    [
        (Role.FACILITATOR, VisibleAfter.REVEAL),
        (Role.AGENT, VisibleAfter.REVEAL),
        (Role.RESPONDER, VisibleAfter.NOW),
        (Role.READER, VisibleAfter.NOW),
    ],
)
async def test_what_those_in_the_know_say_waits_for_the_reveal(
    house: House, role: Role, visible: VisibleAfter
) -> None:
    await stored(house.storage)
    told = Told(said=Said(by=a_responder(role=role), source="cli"), text="it works")

    entry = await house.responding.note(DAY, Kind.NOTE, told)

    assert entry.visible_after is visible


async def test_an_incident_goes_its_way_in_steps(house: House) -> None:
    await stored(house.storage)
    incident = await house.responding.declare(DAY, said())
    assert incident.key == "INC-1"

    for step in (Step.ACKNOWLEDGE, Step.ESCALATE, Step.MITIGATE, Step.RESOLVE):
        incident = await house.responding.step(DAY, " inc-1 ", step, Told(said=ADA))

    assert incident.status is Status.RESOLVED
    assert await house.storage.incidents(DAY) == [incident]
    entries = await house.entries()
    assert [entry.kind for entry in entries] == [
        Kind.DECLARED,
        Kind.ACKNOWLEDGED,
        Kind.ESCALATED,
        Kind.MITIGATED,
        Kind.RESOLVED,
    ]
    assert {entry.incident for entry in entries} == {incident.id}
    with pytest.raises(IllegalMove, match="a resolved incident cannot acknowledge"):
        await house.responding.step(DAY, "INC-1", Step.ACKNOWLEDGE, Told(said=ADA))


async def test_an_incident_that_is_not_there_is_named(house: House) -> None:
    await stored(house.storage, a_run())
    await house.storage.add_incident(
        a_new_incident(key=f"shadow of {RUN}", run=RUN, status=Status.LATENT), [], []
    )

    for key in ("INC-9", f"shadow of {RUN}"):
        with pytest.raises(NoSuchIncident):
            await house.responding.step(DAY, key, Step.RESOLVE, Told(said=ADA))
    with pytest.raises(NoSuchDay):
        await house.responding.declare(DayId("nowhere"), said())


async def test_an_incident_is_linked_to_its_run_where_no_responder_sees_it(house: House) -> None:
    await house.with_run(phase=Phase.HOLDING, started_at=at(-20))
    await house.storage.add_incident(
        a_new_incident(key=f"shadow of {RUN}", run=RUN, status=Status.LATENT), [], []
    )

    incident = await house.responding.declare(DAY, said(), service="payment")

    (link,) = await house.storage.links(DAY)
    assert (link.run, link.incident) == (RUN, incident.id)
    assert link.because == "its fault was active then, and it is about the same service"
    (told,) = await house.entries(Kind.LINKED)
    assert told.visible_after is VisibleAfter.REVEAL
    statuses = {each.is_shadow: each.status for each in await house.storage.incidents(DAY)}
    assert statuses == {True: Status.MERGED, False: Status.DECLARED}
    house.stage.fault_is_in = False


async def test_incidents_declared_at_once_are_all_kept(house: House) -> None:
    await house.with_run(phase=Phase.HOLDING, started_at=at(-20))
    await house.storage.add_incident(
        a_new_incident(key=f"shadow of {RUN}", run=RUN, status=Status.LATENT), [], []
    )

    async with anyio.create_task_group() as tasks:
        for i in range(4):
            tasks.start_soon(house.responding.declare, DAY, said(text=f"incident {i}"))

    assert len(await house.storage.links(DAY)) == 4
    house.stage.fault_is_in = False


def run_of(name: str, started: float | None, ended: float | None = None) -> Run:
    return a_run(
        id=RunId(name),
        started_at=None if started is None else at(started),
        ended_at=None if ended is None else at(ended),
    )


@pytest.mark.parametrize(
    ("runs", "services", "expected"),
    [
        ([], {}, None),
        ([run_of("never", None)], {}, None),
        ([run_of("later", 200)], {}, None),
        ([run_of("long ago", -3000, -1000)], {}, None),
        ([run_of("active", 50)], {}, "active"),
        ([run_of("ended", 10, 30)], {}, "ended"),
        ([run_of("ended", 60, 90), run_of("active", 20)], {}, "active"),
        ([run_of("old", 20), run_of("new", 60)], {}, "new"),
        ([run_of("same", 20), run_of("new", 60)], {"same": "checkout"}, "same"),
        (
            [run_of("same but over", 20, 30), run_of("active", 60)],
            {"same but over": "checkout"},
            "active",
        ),
    ],
)
def test_an_incident_belongs_to_the_run_that_was_active_then(
    runs: list[Run], services: dict[RunId, str], expected: str | None
) -> None:
    found = likely_run(an_incident(opened_at=at(100), service="checkout"), runs, services)

    assert (found[0].id if found else None) == expected


async def test_responders_see_only_what_is_open_numbered_without_gaps(house: House) -> None:
    await house.with_run(phase=Phase.ARMED)
    await house.opening.cancel(RUN, said=KIM, reason="secret")
    await house.responding.note(DAY, Kind.SAW, said(text="first"))
    await house.responding.note(DAY, Kind.NOTE, Told(said=KIM, text="secret"))
    await house.responding.note(DAY, Kind.SAW, said(text="second"))
    responder = await house.revealing.audience(DAY, Role.RESPONDER)
    facilitator = await house.revealing.audience(DAY, Role.FACILITATOR)

    seen = await house.revealing.timeline(responder)

    assert [(entry.seq, entry.text) for entry in seen] == [(1, "first"), (2, "second")]
    assert all(entry.run is None and not entry.details for entry in seen)
    assert list(await house.revealing.timeline(responder, after=1)) == seen[1:]
    assert len(await house.revealing.timeline(facilitator)) == 4


async def test_one_who_follows_is_shown_what_comes_and_can_go_on_where_they_left(
    house: House,
) -> None:
    await stored(house.storage)
    audience = await house.revealing.audience(DAY, Role.RESPONDER)
    seen: list[tuple[int, str]] = []

    async def follow(after: int, count: int) -> None:
        async for entry in house.revealing.follow(audience, after=after):
            seen.append((entry.seq, entry.text))
            if len(seen) == count:
                return

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow, 0, 2)
            for text in ("a", "b"):
                await house.responding.note(DAY, Kind.NOTE, Told(said=KIM, text="secret"))
                await house.responding.note(DAY, Kind.SAW, said(text=text))
        await house.responding.note(DAY, Kind.SAW, said(text="c"))
        await follow(2, 3)

    assert seen == [(1, "a"), (2, "b"), (3, "c")]
