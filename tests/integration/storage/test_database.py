"""The database itself: its schema, its seals, and processes that use it beside each other."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, delete, inspect, text, update
from sqlalchemy.exc import DBAPIError

from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.adapters.storage.migrations.upgrade import configured
from orchestrator.adapters.storage.tables import metadata, runs, timeline
from orchestrator.domain.errors import DatabaseUnavailable
from orchestrator.domain.identity import WorkerId
from orchestrator.domain.run import Phase
from tests.builders import DAY, at
from tests.doubles.postgres import PostgresServer
from tests.doubles.worlds import LONG, ME, a_new_entry, some_runs, stored

PROGRAM = Path(__file__).with_name("another_process.py")
ROOT = Path(__file__).parents[3]
PATIENCE = 60


@pytest.fixture
async def database(empty_database: str) -> AsyncIterator[Database]:
    async with Database(empty_database) as opened:
        yield opened


def beside(url: str, *, processes: int, entries: int) -> None:
    """Have processes open a database all at once and append entries; each must end well."""
    command = [sys.executable, str(PROGRAM), url, DAY, str(entries)]
    started = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    try:
        for process in started:
            assert process.stdin is not None
            process.stdin.write("now\n")
            process.stdin.flush()
        problems = [process.communicate(timeout=PATIENCE)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * processes, problems


async def test_the_migrations_make_exactly_the_tables_that_are_used(database: Database) -> None:
    def differences(connection: Connection) -> Sequence[object]:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, metadata))

    async with database.reading() as connection:
        found = await connection.run_sync(differences)

    assert not found


async def test_every_table_is_there(database: Database) -> None:
    def tables(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names())

    async with database.reading() as connection:
        found = await connection.run_sync(tables)

    assert found == set(metadata.tables) | {"alembic_version"}


async def test_the_newest_migration_is_the_one_that_is_asked_for(database: Database) -> None:
    from alembic.script import ScriptDirectory

    from orchestrator.adapters.storage.database import NEWEST_MIGRATION

    assert ScriptDirectory.from_config(configured()).get_heads() == [NEWEST_MIGRATION]
    async with database.reading() as connection:
        version = await connection.scalar(text("select version_num from alembic_version"))
    assert version == NEWEST_MIGRATION


async def test_a_database_is_opened_again_as_it_was_left(empty_database: str) -> None:
    async with Database(empty_database) as first:
        day = await stored(SqlStorage(first))

    async with Database(empty_database) as second:
        assert await SqlStorage(second).days() == [day]


async def test_a_database_of_a_newer_release_is_left_alone(empty_database: str) -> None:
    async with Database(empty_database) as database, database.writing() as connection:
        await connection.execute(text("update alembic_version set version_num = '9999'"))

    with pytest.raises(DatabaseUnavailable, match="newer"):
        async with Database(empty_database):
            pass


async def test_a_migration_that_breaks_leaves_nothing(empty_database: str) -> None:
    # A table of ours that is there already stands in the migration's way.
    database = Database(empty_database)
    if database.is_sqlite:
        file = anyio.Path(empty_database.partition(":///")[2])
        await file.parent.mkdir(parents=True)
    async with database.engine.begin() as connection:
        await connection.execute(text("create table tokens (id integer)"))

    with pytest.raises(DatabaseUnavailable, match="tokens"):
        async with database:
            pass

    async with database.engine.connect() as connection:
        found = await connection.run_sync(lambda c: set(inspect(c).get_table_names()))
    await database.engine.dispose()
    assert found == {"tokens"}


def test_processes_that_open_a_new_database_at_once_all_succeed(empty_database: str) -> None:
    beside(empty_database, processes=3, entries=0)


async def test_whoever_opens_a_new_database_at_the_very_same_time_succeeds(
    empty_database: str,
) -> None:
    async def open_it() -> None:
        async with Database(empty_database) as database:
            assert await SqlStorage(database).days() == []

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(open_it)


async def test_processes_that_append_at_once_leave_no_gap(
    database: Database, empty_database: str
) -> None:
    storage = SqlStorage(database)
    await stored(storage)

    beside(empty_database, processes=3, entries=25)

    entries = await storage.timeline(DAY)
    assert [entry.seq for entry in entries] == list(range(1, 76))


async def test_a_cancellation_cuts_no_transaction_in_two(empty_database: str) -> None:
    before = asyncio.all_tasks()
    async with Database(empty_database) as database:
        storage = SqlStorage(database)
        await stored(storage)
        for i in range(40):
            with anyio.move_on_after(i / 4000):
                await storage.append([a_new_entry(), a_new_entry()])
            with anyio.move_on_after(i / 4000):
                await storage.timeline(DAY)

        entries = await storage.timeline(DAY)

    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert len(entries) % 2 == 0
    # A connection that is closed twice waits for its own thread, for ever.
    assert {task for task in asyncio.all_tasks() - before if not task.done()} == set()


@pytest.mark.parametrize("statement", [update(timeline).values(text="better"), delete(timeline)])
async def test_the_database_refuses_to_change_the_timeline(
    database: Database, statement: object
) -> None:
    storage = SqlStorage(database)
    await stored(storage)
    entries = await storage.append([a_new_entry(text="as it was")])

    with pytest.raises(DBAPIError, match="the timeline is append-only"):
        async with database.writing() as connection:
            await connection.execute(statement)  # type: ignore[call-overload]

    assert await storage.timeline(DAY) == entries


@pytest.mark.postgres
async def test_postgresql_refuses_to_empty_the_timeline_at_a_stroke(
    postgres: PostgresServer,
) -> None:
    async with Database(postgres.fresh()) as database:
        storage = SqlStorage(database)
        await stored(storage)
        entries = await storage.append([a_new_entry()])

        with pytest.raises(DBAPIError, match="the timeline is append-only"):
            async with database.writing() as connection:
                await connection.execute(text("truncate timeline"))

        assert await storage.timeline(DAY) == entries


async def test_sqlite_keeps_what_was_stored_through_a_loss_of_power(tmp_path: Path) -> None:
    async with (
        Database(f"sqlite+aiosqlite:///{tmp_path / 'chaosday.db'}") as database,
        database.reading() as connection,
    ):
        assert await connection.scalar(text("pragma synchronous")) == 2
        assert await connection.scalar(text("pragma journal_mode")) == "wal"
        assert await connection.scalar(text("pragma foreign_keys")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:////proc/nowhere/chaosday.db",
        "postgresql+asyncpg://nobody:hidden@127.0.0.1:1/nothing",
    ],
)
async def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="CHAOSDAY_STORAGE_URL") as refusal:
        async with Database(url):
            pass

    assert "hidden" not in str(refusal.value)


async def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, " * 100)

    with pytest.raises(DatabaseUnavailable, match="not a database"):
        async with Database(f"sqlite+aiosqlite:///{path}"):
            pass

    assert path.read_text().startswith("these are notes")


@pytest.mark.postgres
async def test_one_who_claims_passes_over_a_run_that_another_is_just_claiming(
    postgres: PostgresServer,
) -> None:
    async with Database(postgres.fresh()) as database:
        storage = SqlStorage(database)
        first, second = some_runs(2, phase=Phase.ARMED)
        await stored(storage, first, second)

        async with database.writing() as another:
            await another.execute(text(f"select 1 from runs where id = '{first.id}' for update"))  # noqa: S608
            with anyio.fail_after(10):
                claimed = await storage.claim(worker=ME, now=at(100), lease=LONG)

        assert claimed is not None
        assert claimed.id == second.id


async def test_a_lease_that_a_clock_since_set_back_has_left_behind_is_nobodys(
    database: Database,
) -> None:
    """Whoever took it is dead: nobody renews it by the clock of now, for an hour."""
    storage = SqlStorage(database)
    (run,) = some_runs(1, phase=Phase.HOLDING)
    await stored(storage, run)
    lease = timedelta(seconds=3)
    held = await storage.take(run, worker=WorkerId("dead"), lease=lease)
    assert await storage.claim(worker=ME, now=at(99), lease=lease) is None

    async with database.writing() as connection:
        later = {"held_until": runs.c.held_until + 3600}
        await connection.execute(update(runs).values(later))
    claimed = await storage.claim(worker=ME, now=at(99), lease=lease)

    assert claimed is not None
    assert claimed.fence == held.fence + 1


async def test_an_urgent_write_waits_for_one_that_goes_on_and_is_patient_again_afterwards(
    tmp_path: Path,
) -> None:
    async with Database(f"sqlite+aiosqlite:///{tmp_path / 'chaosday.db'}") as database:
        order: list[str] = []
        waits = anyio.Event()

        async def write_urgently() -> None:
            waits.set()
            async with database.writing(urgent=True) as connection:
                order.append("urgent")
                patience = await connection.scalar(text("PRAGMA busy_timeout"))
                order.append(f"{patience} ms")

        async with anyio.create_task_group() as tasks, database.writing():
            tasks.start_soon(write_urgently)
            await waits.wait()
            # Long enough for its first tries to fail.
            await _some_transactions(database, 20)
            order.append("ordinary")

    assert order == ["ordinary", "urgent", "10000 ms"]


async def _some_transactions(database: Database, count: int) -> None:
    for _ in range(count):
        async with database.reading() as connection:
            await connection.execute(text("select 1"))


@pytest.mark.slow
async def test_an_urgent_write_that_nobody_makes_room_for_finds_no_database(
    tmp_path: Path,
) -> None:
    async with Database(f"sqlite+aiosqlite:///{tmp_path / 'chaosday.db'}") as database:
        async with database.writing():
            with pytest.raises(DatabaseUnavailable, match="locked"):
                async with database.writing(urgent=True):
                    pass
        async with database.writing(urgent=True):
            pass


@pytest.mark.postgres
async def test_a_conductor_that_is_frozen_in_a_transaction_loses_its_locks(
    postgres: PostgresServer,
) -> None:
    async with Database(postgres.fresh()) as database, database.reading() as connection:
        patience = await connection.scalar(text("show idle_in_transaction_session_timeout"))

    assert patience == "10s"


@pytest.mark.postgres
async def test_a_server_that_is_out_is_unavailable_and_used_again_when_it_is_back(
    postgres: PostgresServer,
) -> None:
    async with Database(postgres.fresh()) as database:
        storage = SqlStorage(database)
        day = await stored(storage)

        postgres.stop()
        try:
            for _ in range(2):
                with pytest.raises(DatabaseUnavailable):
                    await storage.day(day.id)
                with pytest.raises(DatabaseUnavailable):
                    await storage.append([a_new_entry()])
        finally:
            postgres.start()

        assert await storage.day(day.id) == day
        assert len(await storage.append([a_new_entry()])) == 1


@pytest.mark.postgres
async def test_a_server_that_shuts_down_during_a_transaction_is_unavailable(
    postgres: PostgresServer,
) -> None:
    async with Database(postgres.fresh()) as database:
        day = await stored(SqlStorage(database))

        with pytest.raises(DatabaseUnavailable):
            await _interrupted(database, postgres)

        assert await SqlStorage(database).days() == [day]


async def _interrupted(database: Database, postgres: PostgresServer) -> None:
    async with database.writing() as connection:
        await connection.execute(text("update days set state = 'closed'"))
        postgres.stop()
        postgres.start()
        await connection.execute(text("update days set state = 'open'"))
