"""What every test may use: one event loop's kind, and a PostgreSQL server of the tests' own."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.doubles.postgres import PostgresServer, postgres_server

# A shell starts what runs in its background with SIGINT ignored, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test fails because the machine is busy: each has pytest's own time limit.
settings.register_profile("chaosday", deadline=None)
settings.load_profile("chaosday")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what a run without Kubernetes' own control plane has not shown."""
    if "not kubernetes" in config.getoption("markexpr", ""):
        terminalreporter.write_line(
            "not run: Kubernetes' own control plane. The contract was asked of the practice "
            "cluster alone; `make test-kubernetes` and `make contract CLUSTER=kubernetes` ask it"
        )


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
