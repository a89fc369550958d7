"""Durable timeline entries, one transaction each, against a bare insert by the same driver."""

import asyncio
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import aiosqlite
import anyio
import asyncpg

from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.identity import ORCHESTRATOR, EntryId
from orchestrator.domain.timeline import Kind, Lane, TimelineEntry, VisibleAfter
from tests.benchmarks.rows import Row
from tests.builders import a_day
from tests.doubles.postgres import postgres_server

ENTRIES = 1500
ROUNDS = 3
_TABLE = "create table bare (seq integer primary key, text varchar(200))"


async def _ours(url: str, round_: int) -> float:
    async with Database(url) as database:
        storage = SqlStorage(database)
        day = a_day(id=f"day-{round_}")
        await storage.add_day(day, [], [])
        now = datetime(2026, 1, 1, tzinfo=UTC)
        entries = [
            TimelineEntry(
                id=EntryId(f"{round_}-{i}"), day=day.id, occurred_at=now, recorded_at=now,
                lane=Lane.PEOPLE, kind=Kind.SAW, text="checkout answers 503", actor=ORCHESTRATOR,
                source="api", visible_after=VisibleAfter.NOW,
            )
            for i in range(ENTRIES)
        ]  # fmt: skip
        begun = time.perf_counter()
        for entry in entries:
            await storage.append([entry])
        return ENTRIES / (time.perf_counter() - begun)


async def _bare_sqlite(folder: Path) -> float:
    path = folder / "bare.db"
    path.unlink(missing_ok=True)
    async with aiosqlite.connect(path, isolation_level=None) as bare:
        await bare.execute("PRAGMA journal_mode=WAL")
        await bare.execute("PRAGMA synchronous=FULL")
        await bare.execute(_TABLE)
        begun = time.perf_counter()
        for i in range(ENTRIES):
            await bare.execute("insert into bare values (?, ?)", (i, "checkout answers 503"))
        return ENTRIES / (time.perf_counter() - begun)


async def _bare_postgres(url: str) -> float:
    bare = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        await bare.execute("drop table if exists bare")
        await bare.execute(_TABLE)
        begun = time.perf_counter()
        for i in range(ENTRIES):
            await bare.execute("insert into bare values ($1, $2)", i, "checkout answers 503")
        return ENTRIES / (time.perf_counter() - begun)
    finally:
        await bare.close()


def measure() -> list[Row]:
    rows = [_measure_sqlite()]
    with postgres_server() as server:
        if server is None:
            print("| durable timeline entries, PostgreSQL | not run: no server here | | | | |")
        else:
            rows.append(_measure_postgres(server.fresh()))
    return rows


def _measure_sqlite() -> Row:
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/ours.db"
        for round_ in range(ROUNDS):
            ours.append(anyio.run(_ours, url, round_))
            bare.append(anyio.run(_bare_sqlite, Path(folder)))
    return Row(
        what="durable timeline entries, one a transaction, SQLite "
        f"{sqlite3.sqlite_version}", ours=ours, beside="bare insert, same driver and sync",
        theirs=bare, unit="/s", budget="1,000/s",
    )  # fmt: skip


def _measure_postgres(url: str) -> Row:
    ours, bare = [], []
    for round_ in range(ROUNDS):
        ours.append(anyio.run(_ours, url, round_))
        bare.append(asyncio.run(_bare_postgres(url)))
    return Row(
        what="durable timeline entries, one a transaction, PostgreSQL", ours=ours,
        beside="bare insert, same driver and sync", theirs=bare, unit="/s", budget="1,000/s",
    )  # fmt: skip
