"""An empty database of each kind, without any schema yet."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.postgres import PostgresServer


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database in which nothing is yet."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'not' / 'yet' / 'there' / 'chaosday.db'}"
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    yield postgres.fresh()
