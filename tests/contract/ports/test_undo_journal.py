"""The undo journal keeps what a run changed, in order, for any process to read."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from orchestrator.domain.errors import LeaseLost
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import ObjectRef, Portion, UndoRecord, UndoState, Verb
from orchestrator.ports import UndoJournal
from tests.builders import RUN, a_run, at
from tests.contract.ports.conftest import Store
from tests.doubles.worlds import LONG, ME, OVER, SOMEBODY, stored

OTHER = RunId("run-2")


def a_record(**changes: Any) -> UndoRecord:
    record = UndoRecord(
        run=RUN,
        seq=0,
        at=at(1),
        verb=Verb.CHANGE,
        ref=ObjectRef(
            path="/apis/apps/v1/namespaces/shop/deployments/payment",
            kind="Deployment",
            namespace="shop",
            name="payment",
            uid="u-1",
        ),
        before={"spec": {"replicas": 2, "ä": None, "list": [1, {"x": "y"}]}},
        after={"spec": {"replicas": 0}},
    )
    return replace(record, **changes)


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
    first = await journal.intend(a_record(note="mine"), fence=mine.fence)
    theirs = await store.others.take(mine, worker=SOMEBODY, lease=LONG)

    with pytest.raises(LeaseLost):
        await journal.intend(a_record(note="too late"), fence=mine.fence)
    second = await store.others_journal.intend(a_record(note="theirs"), fence=theirs.fence)

    assert await journal.records(RUN) == [first, second]


async def test_nothing_is_written_for_a_run_that_is_not_there(journal: UndoJournal) -> None:
    nothing = RunId("nothing")

    with pytest.raises(LeaseLost):
        await journal.intend(a_record(run=nothing), fence=0)

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


@pytest.mark.parametrize(
    "record",
    [
        a_record(),
        a_record(verb=Verb.CREATE, before=None),
        a_record(
            verb=Verb.DELETE,
            after=None,
            lost=("pods/shop/payment-1", "pods/shop/payment-2"),
            workloads={"deployments/shop/payment": Portion(size=2, lost=("pods/shop/payment-1",))},
            note="because",
        ),
        a_record(verb=Verb.EVICT, before={}, after={}, workloads={}),
        a_record(before={"data": {"a": "x\0y", "b": "\ud800", "c": 1.0, "d": 10**30}}),
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
        await journal.intend(a_record(note=note), fence=0)
        await journal.intend(a_record(run=OTHER, note=note), fence=0)

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
            written = await into.intend(a_record(note=f"{note}{i}"), fence=0)
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
    first = await journal.intend(a_record(), fence=0)
    second = await journal.intend(a_record(), fence=0)

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
