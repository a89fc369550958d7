"""The connection to SQLite or PostgreSQL, and bringing its schema up to date.

It does not know what is stored.
"""

import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import anyio
import anyio.to_thread
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    create_engine,
    event,
    literal_column,
    make_url,
    text,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from orchestrator.domain.errors import DatabaseUnavailable

T = TypeVar("T")

_WITHIN: Final = 30
"""Seconds that one transaction may take. It is shielded meanwhile: a cancellation in the middle of
a query makes the driver close the connection twice, and wait for ever."""

_BUSY: Final = 10
"""Seconds to wait for others to let go of a SQLite database."""

_IDLE: Final = "10s"
"""After what time PostgreSQL ends the transaction of a process that is frozen, so that its locks
hold up nobody who is to restore."""

NEWEST_MIGRATION: Final = "0003"

_OUT: Final = frozenset({"08", "40", "53", "57", "58"})
"""Classes of PostgreSQL's codes: no connection, a deadlock, no resources, shut down, no disk."""
_PLAINLY_OUT: Final = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    sqlite3.OperationalError,
    OSError,
)
_SQLITE_SECONDS: Final = "((julianday('now') - 2440587.5) * 86400.0)"
_POSTGRESQL_SECONDS: Final = "extract(epoch from clock_timestamp())::float8"


class Database:
    """One database, shared by the adapters of this folder."""

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.name = parsed.render_as_string(hide_password=True)
        self._path = Path(parsed.database) if self.is_sqlite and parsed.database else None
        self.engine: AsyncEngine = self._create()
        self._writing = self.engine.execution_options(writes=True)
        self._urgent = self.engine.execution_options(writes=True, urgent=True)

    def _create(self) -> AsyncEngine:
        if not self.is_sqlite:
            settings = {"idle_in_transaction_session_timeout": _IDLE}
            return create_async_engine(
                self.url,
                pool_size=10,
                pool_pre_ping=True,
                connect_args={"server_settings": settings},
            )
        engine = create_async_engine(self.url, connect_args={"timeout": _BUSY})
        _listen_to_sqlite(engine.sync_engine)
        return engine

    @cached_property
    def _in_thread(self) -> Engine:
        """SQLite, for threads that do all of a transaction themselves."""
        url = make_url(self.url).set(drivername="sqlite+pysqlite")
        engine = create_engine(url, connect_args={"timeout": _BUSY})
        _listen_to_sqlite(engine)
        return engine.execution_options(writes=True)

    async def __aenter__(self) -> Self:
        """Bring the schema up to date. Raises: DatabaseUnavailable."""
        try:
            with _translated(self.name):
                if self._path is not None:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                if await self._version() != NEWEST_MIGRATION:
                    await self._migrate()
        except SQLAlchemyError as error:
            await self.engine.dispose()
            raise DatabaseUnavailable(database=self.name, problem=_first_line(error)) from error
        except DatabaseUnavailable:
            await self.engine.dispose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        if "_in_thread" in vars(self):
            self._in_thread.dispose()
        await self.engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reads."""
        with _translated(self.name), anyio.fail_after(_WITHIN, shield=True):
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
        """A transaction for writes: stored whole when the scope ends well, else not at all.

        One that is urgent goes before others that wait, where nothing else puts them in order.
        """
        engine = self._urgent if urgent else self._writing
        with _translated(self.name), anyio.fail_after(_WITHIN, shield=True):
            async with engine.begin() as connection:
                yield connection

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do some work in a transaction for writes: stored whole when it ends well, or not at all.

        On SQLite all of it is done in a thread, in one go: to hand each statement over to one takes
        longer than most statements take.
        """
        if not self.is_sqlite:
            async with self.writing() as connection:
                return await connection.run_sync(work)
        return await self._do(self._in_thread, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Do some work that only reads; on SQLite in a thread, as `write` does."""
        if not self.is_sqlite:
            async with self.reading() as connection:
                return await connection.run_sync(work)
        return await self._do(self._in_thread.execution_options(writes=False), work)

    async def _do(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        with _translated(self.name), anyio.CancelScope(shield=True):
            done = await anyio.to_thread.run_sync(_done, engine, work)
        return done  # noqa: RET504 - a scope that shields counts as one that may swallow

    def seconds_now(self) -> ColumnElement[float]:
        """The database's clock, in seconds since 1970."""
        return literal_column(_SQLITE_SECONDS if self.is_sqlite else _POSTGRESQL_SECONDS)

    async def _version(self) -> str | None:
        async with self.engine.connect() as connection:
            try:
                return str(await connection.scalar(text("select version_num from alembic_version")))
            except DBAPIError:
                return None

    async def _migrate(self) -> None:
        # Imported here because only a new or old database needs it, and it is slow to import.
        from orchestrator.adapters.storage.migrations.upgrade import (  # noqa: PLC0415
            NewerSchemaError,
            upgrade,
        )

        async with self._writing.begin() as connection:
            if not self.is_sqlite:
                # Two processes that start at once must not migrate at once.
                await connection.execute(text("select pg_advisory_xact_lock(7262601)"))
            try:
                await connection.run_sync(upgrade)
            except NewerSchemaError as error:
                problem = "its schema is that of a newer chaosday"
                raise DatabaseUnavailable(database=self.name, problem=problem) from error


class _translated:  # noqa: N801
    """Turns errors that say that the database is out into the domain's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and _says_that_it_is_out(error):
            raise DatabaseUnavailable(database=self._name, problem=_first_line(error)) from error


def _says_that_it_is_out(error: BaseException) -> bool:
    if isinstance(error, _PLAINLY_OUT):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # PostgreSQL's driver has one class for most errors, of which the code tells more.
    code = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    return isinstance(code, str) and code[:2] in _OUT


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def _done(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _listen_to_sqlite(engine: Engine) -> None:
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def _prepare_sqlite(connection: Any, _: object) -> None:
    # The driver's own transactions are switched off, so that ours begin as we say.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={_BUSY * 1000}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A write takes its lock at once: upgrading a read lock later can only fail.
    options = connection.get_execution_options()
    if options.get("urgent", False):
        _begin_first(connection.connection.cursor())
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")


def _begin_first(cursor: Any) -> None:
    """Begin to write as soon as somebody else has ended, before all who wait for that.

    SQLite lets whoever waits look ever more rarely, up to ten times a second; this one looks each
    millisecond, in the thread of the connection.
    """
    cursor.execute("PRAGMA busy_timeout=1")
    last = time.monotonic() + _BUSY
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                if time.monotonic() > last:
                    raise
            else:
                return
    finally:
        cursor.execute(f"PRAGMA busy_timeout={_BUSY * 1000}")
        cursor.close()
