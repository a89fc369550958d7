"""The undo journal keeps what a run changed, in order, for any process to read."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from orchestrator.domain.cluster_identity import ClusterIdentity, identity_to
from orchestrator.domain.errors import HeldByAnotherRun, LeaseLost, RunStopped
from orchestrator.domain.identity import DayId, RunId
from orchestrator.domain.run import Phase
from orchestrator.domain.undo import Portion, UndoRecord, UndoState, Verb
from orchestrator.ports import UndoJournal
from tests.builders import RUN, a_day, a_halt, a_run, an_object, an_undo_record
from tests.contract.ports.conftest import Store
from tests.doubles.worlds import LONG, ME, OVER, SOMEBODY, a_new_entry, stored

OTHER = RunId("run-2")


@pytest.fixture
async def journal(store: Store) -> UndoJournal:
    await stored(store.storage, a_run(), a_run(id=OTHER))
    return store.journal


@pytest.fixture
def others_journal(store: Store) -> UndoJournal:
    """The same journal, as another process sees it."""
    return store.others_journal


NO_GRACE = timedelta()


async def test_a_holder_that_was_replaced_writes_nothing_more(
    store: Store, journal: UndoJournal
) -> None:
    mine = await store.storage.take(a_run(), worker=ME, lease=OVER)
    first = await journal.intend(an_undo_record(note="mine"), fence=mine.fence)
    theirs = await store.others.take(mine, worker=SOMEBODY, lease=LONG)

    with pytest.raises(LeaseLost):
        await journal.intend(an_undo_record(note="too late"), fence=mine.fence)
    second = await store.others_journal.intend(an_undo_record(note="theirs"), fence=theirs.fence)

    assert await journal.records(RUN) == [first, second]


async def test_the_method_writes_nothing_more_once_the_day_is_halted(store: Store) -> None:
    await stored(store.storage, a_run(phase=Phase.HOLDING))
    elsewhere = a_run(id=OTHER, day=DayId("day-2"), phase=Phase.HOLDING)
    await stored(store.storage, elsewhere, day=a_day(id=DayId("day-2")))
    before = await store.journal.intend(an_undo_record(), fence=0)

    await store.others.engage(a_halt(), [a_new_entry()])

    assert await store.journal.is_stopped(RUN)
    with pytest.raises(RunStopped, match="halted by Kim: a real incident"):
        await store.journal.intend(an_undo_record(), fence=0)
    undoing = await store.journal.intend(an_undo_record(), fence=0, of_method=False)
    assert await store.journal.records(RUN) == [before, undoing]
    assert not await store.journal.is_stopped(OTHER)
    await store.journal.intend(an_undo_record(run=OTHER), fence=0)


async def test_the_method_of_a_run_that_is_aborted_writes_nothing_more(store: Store) -> None:
    await stored(store.storage, a_run(phase=Phase.HOLDING), a_run(id=OTHER, phase=Phase.HOLDING))

    await store.others.request_stop(RUN, reason="aborted by Kim: not today")

    with pytest.raises(RunStopped, match="not today"):
        await store.journal.intend(an_undo_record(), fence=0)
    await store.journal.intend(an_undo_record(run=OTHER), fence=0)


async def test_no_intent_of_the_method_is_stored_after_a_halt(store: Store) -> None:
    """Whichever way the two meet: several guards write as fast as they can while it is halted."""
    days = [DayId(f"day-{i}") for i in range(4)]
    for day in days:
        runs = [RunId(f"{day}, run {i}") for i in range(3)]
        await stored(
            store.storage,
            *(a_run(id=run, day=day, phase=Phase.INJECTING) for run in runs),
            day=a_day(id=day),
        )
        began = {run: anyio.Event() for run in runs}

        async def write(run: RunId, began: anyio.Event) -> None:
            with anyio.fail_after(20), suppress(RunStopped):
                while True:
                    await store.journal.intend(an_undo_record(run=run), fence=0)
                    began.set()

        async def written(runs: list[RunId]) -> list[int]:
            return [len(await store.others_journal.records(run)) for run in runs]

        async with anyio.create_task_group() as tasks:
            for run in runs:
                tasks.start_soon(write, run, began[run])
            for event in began.values():
                await event.wait()
            await store.others.engage(a_halt(day=day), [a_new_entry(day=day)])
            when_halted = await written(runs)

        assert await written(runs) == when_halted


async def test_nothing_is_written_for_a_run_that_is_not_there(journal: UndoJournal) -> None:
    nothing = RunId("nothing")

    with pytest.raises(LeaseLost):
        await journal.intend(an_undo_record(run=nothing), fence=0)

    assert not await journal.is_held(nothing, fence=0, grace=LONG)


async def test_a_run_is_held_while_the_lease_lasts_and_its_fence_is_the_same(
    store: Store, journal: UndoJournal
) -> None:
    mine = await store.storage.take(a_run(), worker=ME, lease=LONG)

    assert await journal.is_held(RUN, fence=mine.fence, grace=NO_GRACE)
    assert not await journal.is_held(RUN, fence=mine.fence - 1, grace=LONG)
    assert not await journal.is_held(RUN, fence=mine.fence + 1, grace=LONG)


async def test_a_run_counts_as_held_for_a_while_after_its_lease_is_over(
    store: Store, journal: UndoJournal
) -> None:
    mine = await store.storage.take(a_run(), worker=ME, lease=OVER)

    assert not await journal.is_held(RUN, fence=mine.fence, grace=NO_GRACE)
    assert await journal.is_held(RUN, fence=mine.fence, grace=LONG)


PAYMENT = an_object("payment")


def in_cluster(uid: str, server: str = "https://one") -> dict[str, Any]:
    return {**identity_to(ClusterIdentity(uid=uid, server=server)), "workloads": {}}


@pytest.fixture
async def two(store: Store) -> Store:
    """A store with two runs, the second on another day, that may both write."""
    await stored(store.storage, a_run(phase=Phase.HOLDING))
    elsewhere = a_run(id=OTHER, day=DayId("day-2"), phase=Phase.INJECTING)
    await stored(store.storage, elsewhere, day=a_day(id=DayId("day-2")))
    return store


@pytest.mark.parametrize("state", [state for state in UndoState if state is not UndoState.UNDONE])
@pytest.mark.parametrize("of_method", [True, False])
async def test_what_a_run_has_not_put_back_no_other_run_writes(
    two: Store, state: UndoState, of_method: bool
) -> None:
    first = await two.journal.intend(an_undo_record(ref=PAYMENT), fence=0)
    await two.journal.settle(replace(first, state=state))

    with pytest.raises(HeldByAnotherRun, match=f"run {RUN} wrote to it") as caught:
        await two.others_journal.intend(
            an_undo_record(run=OTHER, ref=replace(PAYMENT, uid="u-2")), fence=0, of_method=of_method
        )

    assert (caught.value.run, caught.value.other) == (OTHER, RUN)
    assert await two.journal.records(OTHER) == []
    again = await two.journal.intend(an_undo_record(ref=PAYMENT), fence=0)
    assert again.seq == 2


async def test_what_a_run_has_put_back_another_may_write(two: Store) -> None:
    first = await two.journal.intend(an_undo_record(ref=PAYMENT), fence=0)
    await two.journal.settle(replace(first, state=UndoState.UNDONE))

    theirs = await two.others_journal.intend(an_undo_record(run=OTHER, ref=PAYMENT), fence=0)

    assert await two.journal.records(OTHER) == [theirs]
    with pytest.raises(HeldByAnotherRun):
        await two.journal.intend(an_undo_record(ref=PAYMENT), fence=0)


@pytest.mark.parametrize("phase", Phase)
async def test_what_a_run_left_that_is_over_another_may_write(store: Store, phase: Phase) -> None:
    await stored(store.storage, a_run(phase=phase), a_run(id=OTHER, phase=Phase.INJECTING))
    first = await store.journal.intend(an_undo_record(ref=PAYMENT), fence=0)
    await store.journal.settle(replace(first, state=UndoState.KEPT))

    refused = False
    try:
        await store.journal.intend(an_undo_record(run=OTHER, ref=PAYMENT), fence=0)
    except HeldByAnotherRun:
        refused = True

    assert refused is phase.may_hold_fault


@pytest.mark.parametrize(
    ("mine", "theirs", "is_refused"),
    [
        (in_cluster("a"), in_cluster("b"), False),
        (in_cluster("a"), in_cluster("a", "https://by-another-way"), True),
        (in_cluster(""), in_cluster("b"), True),
        (in_cluster(""), in_cluster("b", "https://two"), False),
        (in_cluster("a"), {}, True),
        (None, in_cluster("b"), True),
    ],
)
async def test_objects_of_two_clusters_are_told_apart(
    two: Store,
    mine: dict[str, Any] | None,
    theirs: dict[str, Any] | None,
    is_refused: bool,
) -> None:
    third = a_run(id=RunId("run-0"), day=DayId("day-3"))
    await stored(two.storage, third, day=a_day(id=DayId("day-3")))
    await two.journal.keep_baseline(third.id, in_cluster("c", "https://three"))
    for run, baseline in ((RUN, mine), (OTHER, theirs)):
        if baseline is not None:
            await two.journal.keep_baseline(run, baseline)
    await two.journal.intend(an_undo_record(ref=PAYMENT), fence=0)

    if is_refused:
        with pytest.raises(HeldByAnotherRun):
            await two.others_journal.intend(an_undo_record(run=OTHER, ref=PAYMENT), fence=0)
    else:
        await two.others_journal.intend(an_undo_record(run=OTHER, ref=PAYMENT), fence=0)


async def test_of_two_runs_that_write_to_one_object_at_once_one_is_refused(two: Store) -> None:
    won: dict[str, list[RunId]] = {}

    async def write(journal: UndoJournal, run: RunId, name: str) -> None:
        with suppress(HeldByAnotherRun):
            await journal.intend(an_undo_record(run=run, ref=an_object(name)), fence=0)
            won.setdefault(name, []).append(run)

    with anyio.fail_after(20):
        for i in range(20):
            async with anyio.create_task_group() as tasks:
                for name in (f"x-{i}", f"y-{i}"):
                    tasks.start_soon(write, two.journal, RUN, name)
                    tasks.start_soon(write, two.others_journal, OTHER, name)

    assert [len(runs) for runs in won.values()] == [1] * 40


@pytest.mark.parametrize(
    "record",
    [
        an_undo_record(),
        an_undo_record(verb=Verb.CREATE, before=None),
        an_undo_record(
            verb=Verb.DELETE,
            after=None,
            lost=("pods/shop/payment-1", "pods/shop/payment-2"),
            workloads={"deployments/shop/payment": Portion(size=2, lost=("pods/shop/payment-1",))},
            note="because",
        ),
        an_undo_record(verb=Verb.EVICT, before={}, after={}, workloads={}),
        an_undo_record(before={"data": {"a": "x\0y", "b": "\ud800", "c": 1.0, "d": 10**30}}),
    ],
)
async def test_a_record_is_read_by_another_process_as_it_was_written(
    journal: UndoJournal, others_journal: UndoJournal, record: UndoRecord
) -> None:
    written = await journal.intend(record, fence=0)

    assert written == replace(record, seq=1)
    assert await others_journal.records(RUN) == [written]


async def test_records_are_numbered_for_each_run_in_the_order_written(
    journal: UndoJournal,
) -> None:
    for note in ("first", "second", "third"):
        await journal.intend(an_undo_record(note=note), fence=0)
        await journal.intend(an_undo_record(run=OTHER, note=note), fence=0)

    for run in (RUN, OTHER):
        records = await journal.records(run)
        assert [(record.seq, record.note) for record in records] == [
            (1, "first"),
            (2, "second"),
            (3, "third"),
        ]


async def test_two_processes_that_write_at_once_keep_every_record(
    journal: UndoJournal, others_journal: UndoJournal
) -> None:
    async def write(into: UndoJournal, note: str) -> None:
        for i in range(8):
            written = await into.intend(an_undo_record(note=f"{note}{i}"), fence=0)
            await into.settle(replace(written, state=UndoState.DONE))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write, journal, "ours")
        tasks.start_soon(write, others_journal, "theirs")

    records = await journal.records(RUN)
    assert [record.seq for record in records] == list(range(1, 17))
    assert {record.note for record in records} == {
        f"{who}{i}" for who in ("ours", "theirs") for i in range(8)
    }
    assert {record.state for record in records} == {UndoState.DONE}


async def test_settling_changes_one_record_alone(journal: UndoJournal) -> None:
    first = await journal.intend(an_undo_record(), fence=0)
    second = await journal.intend(an_undo_record(), fence=0)

    settled = replace(second, state=UndoState.KEPT, after={"new": True}, note="theirs")
    await journal.settle(settled)

    assert await journal.records(RUN) == [first, settled]


async def test_the_first_baseline_stays(journal: UndoJournal, others_journal: UndoJournal) -> None:
    assert await journal.baseline(RUN) is None

    await journal.keep_baseline(RUN, {"before": {"replicas": 2}})
    await others_journal.keep_baseline(RUN, {"during": {"replicas": 0}})
    await journal.keep_baseline(OTHER, {})

    assert await journal.baseline(RUN) == {"before": {"replicas": 2}}
    assert await journal.baseline(OTHER) == {}
