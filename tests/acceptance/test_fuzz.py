"""The crash fuzz: each seed makes one run of a random experiment, and does it random harm.

`CHAOSDAY_FUZZ_SEEDS` names other seeds, such as `7` or `1-200`; after `CHAOSDAY_FUZZ_MINUTES`
no other seed is begun. `make fuzz SEEDS=7 MINUTES=30` says so.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.acceptance.fuzzing import DEEDS, check_calm, check_whole
from tests.acceptance.stage import Stage
from tests.doubles.postgres import PostgresServer

BEGUN: Final = time.monotonic()
QUICK: Final = frozenset({1, 8})
"""The seeds that are not left to the slow tests: a guard is frozen, conductor and runner are
killed, and, with the runner kept in, guard and observer."""


def seeds() -> list[Any]:
    """Each seed, every third of which wants PostgreSQL."""
    said = os.environ.get("CHAOSDAY_FUZZ_SEEDS", "1-11")
    first, _, last = said.partition("-")
    return [
        pytest.param(seed, marks=marks(seed)) for seed in range(int(first), int(last or first) + 1)
    ]


def marks(seed: int) -> list[pytest.MarkDecorator]:
    found = [] if seed in QUICK else [pytest.mark.slow]
    return found if seed % 3 else [*found, pytest.mark.postgres]


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, seed: int, cluster: dict[str, Any], tmp_path: Path
) -> Iterator[Stage]:
    url = f"sqlite+aiosqlite:///{tmp_path}/chaosday.db"
    stage = Stage(tmp_path, url if seed % 3 else _fresh(request), cluster)
    yield stage
    stage.end()


def _fresh(request: pytest.FixtureRequest) -> str:
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.fresh()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", seeds())
def test_whatever_dies_the_shop_is_as_before(stage: Stage, seed: int) -> None:
    minutes = os.environ.get("CHAOSDAY_FUZZ_MINUTES", "")
    if minutes and time.monotonic() - BEGUN > float(minutes) * 60:
        pytest.skip(f"{minutes} minutes are over")
    check_whole(stage, seed)


@pytest.mark.timeout(240)
def test_every_deed_of_the_fuzz_succeeds_in_a_calm_run(sqlite_stage: Stage) -> None:
    check_calm(sqlite_stage, DEEDS)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_deed_succeeds_whatever_came_before_it(sqlite_stage: Stage) -> None:
    check_calm(sqlite_stage, DEEDS[::-1])
