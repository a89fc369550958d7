"""A halt and the intents of writes, in PostgreSQL, where transactions run beside each other."""

from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
import pytest
from sqlalchemy import text

from orchestrator.adapters.storage import Database, SqlStorage, SqlUndoJournal
from orchestrator.domain.errors import RunStopped
from orchestrator.domain.identity import RunId
from orchestrator.domain.run import Phase
from orchestrator.ports import Storage, UndoJournal
from tests.builders import RUN, a_halt, a_run, an_undo_record
from tests.doubles.postgres import PostgresServer
from tests.doubles.worlds import a_new_entry, some_runs, stored

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(postgres: PostgresServer) -> AsyncIterator[Database]:
    async with Database(postgres.fresh()) as opened:
        await stored(SqlStorage(opened), a_run(phase=Phase.HOLDING))
        yield opened


async def until_waiting(database: Database, count: int) -> None:
    """Wait until so many transactions wait for a lock."""
    with anyio.fail_after(10):
        while True:
            async with database.reading() as connection:
                waiting = await connection.scalar(
                    text("select count(distinct pid) from pg_locks where not granted")
                )
            if waiting == count:
                return
            await anyio.sleep(0.01)


async def intend(journal: UndoJournal, order: list[str]) -> None:
    try:
        await journal.intend(an_undo_record(), fence=0)
        order.append("intended")
    except RunStopped:
        order.append("refused")


async def halt(storage: Storage, order: list[str]) -> None:
    await storage.engage(a_halt(), [a_new_entry()])
    order.append("halted")


async def test_a_halt_waits_for_an_intent_that_is_being_stored(database: Database) -> None:
    storage, journal = SqlStorage(database), SqlUndoJournal(database)
    order: list[str] = []

    async with anyio.create_task_group() as tasks, database.writing() as blocking:
        # The intent has read that nobody stops its run, and is kept from being stored.
        await blocking.execute(text("lock table undo_records in share row exclusive mode"))
        tasks.start_soon(intend, journal, order)
        await until_waiting(database, 1)
        tasks.start_soon(halt, storage, order)
        await until_waiting(database, 2)

    assert sorted(order) == ["halted", "intended"]
    with suppress(RunStopped):
        await journal.intend(an_undo_record(), fence=0)
    assert len(await journal.records(RUN)) == 1


async def test_an_intent_that_meets_a_halt_waits_for_it_and_is_refused(database: Database) -> None:
    order: list[str] = []

    async with anyio.create_task_group() as tasks, database.writing() as halting:
        await halting.execute(text("update runs set stop = 'halted by Kim: a real fire'"))
        tasks.start_soon(intend, SqlUndoJournal(database), order)
        await until_waiting(database, 1)
        assert not order

    assert order == ["refused"]


async def _keep_writing(journal: UndoJournal, run: RunId) -> None:
    while True:
        await journal.intend(an_undo_record(run=run), fence=0)


async def test_a_halt_stops_guards_although_a_frozen_process_has_locked_the_day(
    postgres: PostgresServer,
) -> None:
    order: list[str] = []
    async with Database(postgres.fresh()) as database:
        storage, journal = SqlStorage(database), SqlUndoJournal(database)
        written, locked = some_runs(2, phase=Phase.HOLDING)
        await stored(storage, written, locked)

        async with anyio.create_task_group() as tasks, database.writing() as frozen:
            await frozen.execute(text("select 1 from days for update"))
            await frozen.execute(
                text("select 1 from runs where id = :id for no key update"), {"id": locked.id}
            )
            tasks.start_soon(halt, storage, order)
            with anyio.fail_after(5), pytest.raises(RunStopped):
                await _keep_writing(journal, written.id)
            assert not order

        assert order == ["halted"]
        assert set(await storage.stops([written.id, locked.id])) == {written.id, locked.id}
