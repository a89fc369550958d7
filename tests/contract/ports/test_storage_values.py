"""Every value comes back from a store as it went in."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from orchestrator.domain.day import ChaosDay, DayState
from orchestrator.domain.errors import Conflict, LeaseLost, NoSuchDay, NoSuchRun
from orchestrator.domain.halt import Halt
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import ActorKind, DayId, EntryId, Role, RunId, TokenId
from orchestrator.domain.incident import Incident, Status, Step
from orchestrator.domain.plan import (
    AbortCondition,
    Cluster,
    Environment,
    Expectation,
    Plan,
    Theme,
)
from orchestrator.domain.run import Finding, Injection, Move, Phase, Run
from orchestrator.domain.timeline import Kind, Lane, Precision, TimelineEntry, VisibleAfter
from orchestrator.domain.verbs import WriteVerb
from orchestrator.ports import Storage, Token
from tests.builders import (
    DAY,
    RUN,
    a_box,
    a_day,
    a_facilitator,
    a_halt,
    a_link,
    a_plan,
    a_radius,
    a_run,
    a_sample,
    an_experiment,
    at,
)
from tests.doubles.worlds import a_new_entry, a_new_incident, moved, some_runs, stored

ODD = "ünïcode 🌪 \"quoted\" 'and' \\ back\nnew line"


def a_full_plan() -> Plan:
    """A plan in which every field says something."""
    radius = a_radius(
        selectors={"part-of": "shop"},
        kinds=frozenset({"pods", "deployments"}),
        verbs={"deployments": frozenset({WriteVerb.SCALE, WriteVerb.CHANGE})},
        most_objects=7,
        most_share=Fraction(1, 3),
        longest=timedelta(seconds=90.5),
    )
    box = a_box(
        at=at(30.25),
        after=None,
        configuration={"replicas": 2, "where": ODD, "list": [1, 2.5, None, True]},
        expects=(Expectation(what=ODD, within=timedelta(minutes=2)), Expectation(what="b")),
        blast_radius=radius,
        beside_others=True,
    )
    return a_plan(
        name=ODD,
        environment=Environment.PRODUCTION,
        cluster=Cluster(kubeconfig="/etc/kubeconfig", context="prod-eu"),
        blast_radius=radius,
        agenda=(box, a_box(name="second")),
        theme=Theme.SHARE_KNOWLEDGE,
        abort_when=(AbortCondition(out_for=timedelta(seconds=1.5), probe="p"),),
        channels={"call": "https://call.example"},
    )


@pytest.mark.parametrize(
    "day",
    [
        a_day(),
        a_day(
            plan=a_full_plan(),
            plan_source=ODD,
            experiments={"a": an_experiment(card=ODD, document={"title": ODD, "n": [1, {}]})},
            state=DayState.CLOSED,
            closed_at=at(100),
            revealed_at=at(100.000001),
            is_scripted=True,
        ),
        a_day(experiments={"a": an_experiment(document={"title": "x\0y", "n": [1.0, "\ud800"]})}),
        a_day(experiments={}, state=DayState.PLANNED, opened_at=None),
    ],
)
async def test_a_day_comes_back_as_it_was(storage: Storage, day: ChaosDay) -> None:
    await storage.add_day(day, [], [])

    assert await storage.day(day.id) == day
    assert await storage.days() == [day]


async def test_days_are_listed_newest_first(storage: Storage) -> None:
    for name, created in (("old", 1), ("new", 3), ("middle", 2)):
        await storage.add_day(a_day(id=DayId(name), created_at=at(created)), [], [])

    assert [day.id for day in await storage.days()] == ["new", "middle", "old"]


async def test_a_day_is_saved_only_from_the_state_that_was_read(storage: Storage) -> None:
    day = await stored(storage, day=a_day(state=DayState.PLANNED, opened_at=None))
    opened = day.open(at(5))

    await storage.save_day(opened, was=day, entries=[a_new_entry()])
    with pytest.raises(Conflict, match="no longer planned"):
        await storage.save_day(opened, was=day, entries=[a_new_entry()])

    assert await storage.day(day.id) == opened
    assert len(await storage.timeline(day.id)) == 1


async def test_what_is_not_there_is_named(storage: Storage) -> None:
    with pytest.raises(NoSuchDay, match="nowhere"):
        await storage.day(DayId("nowhere"))
    with pytest.raises(NoSuchRun, match="nothing"):
        await storage.run(RunId("nothing"))
    with pytest.raises(NoSuchRun, match="nothing"):
        await storage.request_stop(RunId("nothing"), reason="because")
    with pytest.raises(NoSuchDay, match="nowhere"):
        await storage.append([a_new_entry(day=DayId("nowhere"))])
    with pytest.raises(NoSuchDay, match="nowhere"):
        await storage.add_incident(a_new_incident(day=DayId("nowhere")), [], [])
    assert await storage.timeline(DayId("nowhere")) == []
    assert await storage.runs(DayId("nowhere")) == []
    assert await storage.token(token=TokenId("0" * 12)) is None


@pytest.mark.parametrize(
    "run",
    [
        a_run(),
        a_run(
            title=ODD,
            phase=Phase.STRANDED,
            fence=3,
            finding=Finding.STRANDED,
            injection=Injection.NOT_EFFECTIVE,
            reason=ODD,
            stranded=ODD,
            started_at=at(1),
            injected_at=at(2),
            proven_at=at(3),
            rolled_back_at=at(4),
            ended_at=at(5.000001),
        ),
    ],
)
async def test_a_run_comes_back_as_it_was(storage: Storage, run: Run) -> None:
    await stored(storage, run)

    assert await storage.run(run.id) == run


async def test_runs_come_in_the_order_of_the_agenda(storage: Storage) -> None:
    runs = some_runs(4)
    shuffled = [runs[2], runs[0], runs[3], runs[1]]
    await stored(storage, *shuffled)

    assert await storage.runs(DAY) == shuffled


async def test_a_move_is_stored_with_its_entry_and_whole(storage: Storage) -> None:
    run = a_run()
    await stored(storage, run)

    armed = await moved(storage, run, Move.ARM)

    assert await storage.run(run.id) == armed
    assert [entry.text for entry in await storage.timeline(DAY)] == ["armed"]


async def test_a_day_is_opened_with_its_runs_or_not_at_all(storage: Storage) -> None:
    before = [a_run(id=RunId(name), phase=Phase.PLANNED) for name in "ab"]
    day = await stored(storage, *before, day=a_day(state=DayState.PLANNED, opened_at=None))
    after = [replace(run, phase=Phase.ARMED, planned_at=at(99)) for run in before]
    opened, entries = day.open(at(5)), [a_new_entry()]
    lost = replace(before[1], fence=7)

    with pytest.raises(LeaseLost):
        await storage.open_day(
            opened, was=day, runs=[(after[0], before[0]), (after[1], lost)], entries=entries
        )
    with pytest.raises(Conflict, match="no longer open"):
        await storage.open_day(
            opened, was=opened, runs=list(zip(after, before, strict=True)), entries=entries
        )
    kept = await storage.runs(DAY), await storage.day(day.id), await storage.timeline(DAY)
    await storage.open_day(
        opened, was=day, runs=list(zip(after, before, strict=True)), entries=entries
    )

    assert kept == (before, day, [])
    assert await storage.runs(DAY) == after
    assert await storage.day(day.id) == opened
    assert len(await storage.timeline(DAY)) == 1


@pytest.mark.parametrize(
    "entry",
    [
        a_new_entry(),
        a_new_entry(
            occurred_at=at(-0.000001),
            recorded_at=at(12),
            lane=Lane.PEOPLE,
            kind=Kind.SAW,
            text=ODD,
            actor=a_facilitator(kind=ActorKind.SCRIPT, name=ODD),
            source="cli",
            visible_after=VisibleAfter.REVEAL,
            precision=Precision.RECALLED,
            run=RUN,
            corrects=EntryId("another"),
            details={"list": ["a", 1, None], "nested": {"k": ODD}},
        ),
    ],
)
async def test_an_entry_comes_back_as_it_was(storage: Storage, entry: TimelineEntry) -> None:
    await stored(storage, a_run())

    numbered = await storage.append([entry])

    assert await storage.timeline(DAY) == numbered
    assert numbered[0].seq == 1


@pytest.mark.parametrize(
    "incident",
    [
        a_new_incident(),
        a_new_incident(
            key=f"shadow of {RUN}",
            title=ODD,
            status=Status.LATENT,
            visible_after=VisibleAfter.REVEAL,
            service="",
            run=RUN,
        ),
    ],
)
async def test_an_incident_comes_back_as_it_was(storage: Storage, incident: Incident) -> None:
    await stored(storage, a_run())

    kept = await storage.add_incident(incident, [], [a_new_entry()])

    assert await storage.incidents(DAY) == [kept]
    assert len(await storage.timeline(DAY)) == 1


async def test_an_incident_is_saved_only_from_the_status_that_was_read(storage: Storage) -> None:
    await stored(storage)
    incident = await storage.add_incident(a_new_incident(), [], [])
    resolved = incident.take(Step.RESOLVE)

    await storage.save_incident(resolved, was=incident, entries=[a_new_entry()])
    with pytest.raises(Conflict, match="no longer declared"):
        await storage.save_incident(incident, was=incident, entries=[a_new_entry()])

    assert await storage.incidents(DAY) == [resolved]
    assert len(await storage.timeline(DAY)) == 1


async def test_a_link_is_stored_once_with_its_entry(storage: Storage) -> None:
    await stored(storage, a_run())
    incident = await storage.add_incident(a_new_incident(), [], [])
    link = a_link(incident=incident.id, because=ODD)

    await storage.link(link, [a_new_entry()])
    await storage.link(link, [a_new_entry()])

    assert await storage.links(DAY) == [link]
    assert await storage.links(DayId("another")) == []
    assert len(await storage.timeline(DAY)) == 1


@pytest.mark.parametrize(
    "halt",
    [a_halt(reason=ODD), a_halt(by=a_facilitator(kind=ActorKind.SCRIPT, role=None))],
)
async def test_a_halt_comes_back_as_it_was(storage: Storage, halt: Halt) -> None:
    await stored(storage)

    await storage.engage(halt, [a_new_entry()])

    assert await storage.halt(DAY) == halt


async def test_samples_come_back_as_they_were_oldest_first(storage: Storage) -> None:
    first, second, third = (
        a_sample(at=at(1), took=timedelta(milliseconds=12.5)),
        a_sample(at=at(2), within=False, value="", problem=ODD),
        a_sample(at=at(3), probe=ODD, value=ODD, took=timedelta(0)),
    )
    other = a_sample(run=RunId("run-2"))
    await stored(storage, a_run(), a_run(id=RunId("run-2")))

    await storage.add_samples([third, first])
    await storage.add_samples([second, other])

    found: list[Sample] = list(await storage.samples(RUN))
    assert found == [first, second, third]


@pytest.mark.parametrize(
    "token",
    [
        Token(id=TokenId("a" * 12), name=ODD, role=Role.READER, day=None),
        Token(id=TokenId("b" * 12), name="Ada", role=Role.RESPONDER, day=DAY, is_script=True),
    ],
)
async def test_a_token_comes_back_with_the_hash_of_its_secret(
    storage: Storage, token: Token
) -> None:
    await stored(storage)

    await storage.add_token(token, secret_hash="f" * 64)

    assert await storage.token(token=token.id) == (token, "f" * 64)
