"""One store of each kind, seen through two connections as two processes would see it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from orchestrator.adapters.storage import Database, SqlStorage, SqlUndoJournal
from orchestrator.ports import Storage, UndoJournal
from tests.doubles.postgres import PostgresServer
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal

KINDS = [
    pytest.param("memory", id="memory"),
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """What is remembered, as one process sees it, and as another does."""

    storage: Storage
    journal: UndoJournal
    others: Storage
    others_journal: UndoJournal


async def _migrate(url: str) -> None:
    async with Database(url):
        pass


@pytest.fixture(scope="session")
def sqlite_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with the newest schema, to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "model.db"
    anyio.run(_migrate, f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_model(postgres: PostgresServer) -> str:
    """The URL of a database with the newest schema, to be emptied and used again."""
    url = postgres.fresh()
    anyio.run(_migrate, url)
    return url


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a new database is; empty for memory."""
    match request.param:
        case "sqlite":
            path = tmp_path / "chaosday.db"
            shutil.copy(request.getfixturevalue("sqlite_model"), path)
            yield f"sqlite+aiosqlite:///{path}"
        case "postgres":
            postgres: PostgresServer = request.getfixturevalue("postgres")
            url: str = request.getfixturevalue("postgres_model")
            postgres.empty(url)
            yield url
        case _:
            yield ""


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An empty store."""
    if not database_url:
        storage = MemoryStorage()
        journal = MemoryUndoJournal(storage)
        yield Store(storage=storage, journal=journal, others=storage, others_journal=journal)
        return
    async with Database(database_url) as ours, Database(database_url) as theirs:
        yield Store(
            storage=SqlStorage(ours),
            journal=SqlUndoJournal(ours),
            others=SqlStorage(theirs),
            others_journal=SqlUndoJournal(theirs),
        )


@pytest.fixture
def storage(store: Store) -> Storage:
    return store.storage


@pytest.fixture
def others(store: Store) -> Storage:
    """The same store, as another process sees it."""
    return store.others
