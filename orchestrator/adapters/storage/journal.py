"""The undo journal on SQL: durable before it returns, readable by any process.

It does not restore anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Float, bindparam, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.database import Database
from orchestrator.domain.cluster_identity import may_be_same
from orchestrator.domain.errors import HeldByAnotherRun, LeaseLost, RunStopped
from orchestrator.domain.identity import RunId
from orchestrator.domain.run import Phase
from orchestrator.domain.undo import UndoRecord, UndoState

_records = tables.undo_records.c
_runs = tables.runs.c
_OBJECTS: Final = 7262602
"""Keeps PostgreSQL's locks of objects apart from those of other things."""
_HOLDS: Final = tuple(phase for phase in Phase if phase.may_hold_fault)

# Put together once: to do so takes longer than most of them take.
_LOCKED_RUN: Final = (
    select(_runs.fence, _runs.stop)
    .where(_runs.id == bindparam("run"))
    .with_for_update(key_share=True)
)
_STOPPED: Final = select(exists().where(_runs.id == bindparam("run"), _runs.stop.is_not(None)))
_LAST: Final = select(func.coalesce(func.max(_records.seq), 0)).where(
    _records.run == bindparam("run")
)
_OTHERS: Final = (
    select(_runs.id)
    .join(tables.undo_records, _records.run == _runs.id)
    .where(
        _runs.phase.in_(_HOLDS),
        _runs.id != bindparam("run"),
        _records.ref["path"].as_string() == bindparam("path"),
        _records.state != UndoState.UNDONE,
    )
    .order_by(_runs.id)
    .distinct()
)
_LOCK_OF_OBJECT: Final = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("path"), _OBJECTS))
)
_INTEND: Final = insert(tables.undo_records)
_SETTLE: Final = update(tables.undo_records).where(
    _records.run == bindparam("of_run"), _records.seq == bindparam("of_seq")
)


class SqlUndoJournal:
    """What each run changed, in SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        overdue = database.seconds_now() - bindparam("grace", type_=Float)
        held = or_(_runs.held_until.is_(None), _runs.held_until >= overdue)
        of_holder = (_runs.id == bindparam("run"), _runs.fence == bindparam("fence"))
        self._held = select(exists().where(*of_holder, held))

    async def is_held(self, run: RunId, *, fence: int, grace: timedelta) -> bool:
        """Whether the holder with that fence still holds the run, or did until so shortly ago."""
        holder = {"run": run, "fence": fence, "grace": grace.total_seconds()}
        return bool(await self._database.read(lambda found: found.scalar(self._held, holder)))

    async def is_free(self, run: RunId) -> bool:
        """Whether nobody holds the run at this moment, whatever is left of it."""
        free = or_(_runs.held_until.is_(None), _runs.held_until < self._database.seconds_now())
        async with self._database.reading() as connection:
            found = await connection.scalar(select(exists().where(_runs.id == run, free)))
        return bool(found)

    async def is_stopped(self, run: RunId) -> bool:
        """Whether the run was asked to stop, by a halt or by an abort."""
        return bool(await self._database.read(lambda found: found.scalar(_STOPPED, {"run": run})))

    async def intend(self, record: UndoRecord, *, fence: int, of_method: bool = True) -> UndoRecord:
        """Store an intent; returns it with its number. Durable when it returns.

        Raises: LeaseLost: the run's fence is another. RunStopped: it is of the method, and the
        run was asked to stop. HeldByAnotherRun: one that is not over wrote to the object, and has
        not put it back.
        """
        return await self._database.write(
            partial(_intend, record=record, fence=fence, of_method=of_method)
        )

    async def settle(self, record: UndoRecord) -> None:
        """Store a record's new state, after-image and note."""
        row = rows.record_to_row(record) | {"of_run": record.run, "of_seq": record.seq}
        await self._database.write(lambda connection: connection.execute(_SETTLE, row))

    async def records(self, run: RunId) -> Sequence[UndoRecord]:
        """All records of a run in the order written."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(tables.undo_records).where(_records.run == run).order_by(_records.seq)
            )
            return [rows.record_from_row(row) for row in found]

    async def keep_baseline(self, run: RunId, baseline: Mapping[str, Any]) -> None:
        """Store how the cluster was before a run; the first one stays."""
        dialect = sqlite if self._database.is_sqlite else postgresql
        async with self._database.writing() as connection:
            await connection.execute(
                dialect.insert(tables.baselines)
                .values(run=run, document=dict(baseline))
                .on_conflict_do_nothing()
            )

    async def baseline(self, run: RunId) -> Mapping[str, Any] | None:
        """How the cluster was before the run."""
        table = tables.baselines
        async with self._database.reading() as connection:
            document: Mapping[str, Any] | None = await connection.scalar(
                select(table.c.document).where(table.c.run == run)
            )
        return document


def _intend(
    connection: Connection, *, record: UndoRecord, fence: int, of_method: bool
) -> UndoRecord:
    _lock_run(connection, record.run, fence=fence, of_method=of_method)
    _refuse_if_of_others(connection, record)
    last = connection.scalar(_LAST, {"run": record.run})
    record = replace(record, seq=int(last or 0) + 1)
    connection.execute(_INTEND, rows.record_to_row(record))
    return record


def _lock_run(connection: Connection, run: RunId, *, fence: int, of_method: bool) -> None:
    """Let nobody take a run over or ask it to stop until the transaction ends.

    Two guards may write for one run, when one takes over while the other is leaving; the lock
    puts them in order, and a take-over or a halt before or after this intent. A halt changes
    the same row, so it waits for intents that are being stored, and those that waited for it
    read what it wrote.
    """
    row = connection.execute(_LOCKED_RUN, {"run": run}).one_or_none()
    if row is None or row.fence != fence:
        raise LeaseLost(run=run)
    if of_method and row.stop is not None:
        raise RunStopped(run=run, reason=row.stop)


def _refuse_if_of_others(connection: Connection, record: UndoRecord) -> None:
    """Let no run write what another may still have to put back. Raises: HeldByAnotherRun.

    Two that wrote to one object would each take the other's value for one that others wrote, or
    for what was there before, and leave it in.
    """
    if connection.dialect.name == "postgresql":
        # A statement of its own, since each sees what was committed when it began. SQLite lets
        # only one write at a time.
        connection.execute(_LOCK_OF_OBJECT, {"path": record.ref.path})
    others = connection.scalars(_OTHERS, {"run": record.run, "path": record.ref.path}).all()
    for other in others:
        mine, theirs = (_baseline(connection, run) for run in (record.run, other))
        if may_be_same(mine, theirs):
            raise HeldByAnotherRun(run=record.run, other=other, target=record.ref.key)


def _baseline(connection: Connection, run: str) -> Mapping[str, Any] | None:
    table = tables.baselines.c
    document: Mapping[str, Any] | None = connection.scalar(
        select(table.document).where(table.run == run)
    )
    return document
