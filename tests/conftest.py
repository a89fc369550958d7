"""What every test may use: one event loop's kind, and a PostgreSQL server of the tests' own."""

from collections.abc import Iterator

import pytest

from tests.doubles.postgres import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The loop that everything runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A private PostgreSQL server on a unix socket, started once and ended with the session."""
    with postgres_server() as server:
        if server is None:
            pytest.skip(
                "no PostgreSQL server found; on Debian or Ubuntu: apt-get install postgresql"
            )
        yield server
