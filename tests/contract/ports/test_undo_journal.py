"""The undo journal keeps what a run changed, in order, for any process to read."""

from dataclasses import replace
from typing import Any

import anyio
import pytest

from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import ObjectRef, UndoRecord, UndoState, Verb
from orchestrator.ports import UndoJournal
from tests.builders import RUN, a_run, at
from tests.contract.ports.conftest import Store
from tests.doubles.worlds import stored

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


@pytest.mark.parametrize(
    "record",
    [
        a_record(),
        a_record(verb=Verb.CREATE, before=None),
        a_record(
            verb=Verb.DELETE,
            after=None,
            lost=("pods/shop/payment-1", "pods/shop/payment-2"),
            workloads={"deployments/shop/payment": 2},
            note="because",
        ),
        a_record(verb=Verb.EVICT, before={}, after={}, workloads={}),
    ],
)
async def test_a_record_is_read_by_another_process_as_it_was_written(
    journal: UndoJournal, others_journal: UndoJournal, record: UndoRecord
) -> None:
    written = await journal.intend(record)

    assert written == replace(record, seq=1)
    assert await others_journal.records(RUN) == [written]


async def test_records_are_numbered_for_each_run_in_the_order_written(
    journal: UndoJournal,
) -> None:
    for note in ("first", "second", "third"):
        await journal.intend(a_record(note=note))
        await journal.intend(a_record(run=OTHER, note=note))

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
            written = await into.intend(a_record(note=f"{note}{i}"))
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
    first = await journal.intend(a_record())
    second = await journal.intend(a_record())

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
