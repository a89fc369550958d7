"""The crash fuzz on Kubernetes' own control plane: a few seeds, `CHAOSDAY_FUZZ_SEEDS` for others.

Skipped where it is not compiled.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.fuzzing import DEEDS, check_calm, check_whole
from tests.acceptance.stage import Stage
from tests.cluster.test_catalogue_on_kubernetes import shop

__all__ = ["shop"]

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(240)]


def seeds() -> range:
    first, _, last = os.environ.get("CHAOSDAY_FUZZ_SEEDS", "101-104").partition("-")
    return range(int(first), int(last or first) + 1)


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    found: Mapping[str, Any] = request.getfixturevalue("shop")
    stage = Stage(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/chaosday.db", found)
    yield stage
    stage.end()


@pytest.mark.parametrize("seed", seeds())
def test_whatever_dies_the_shop_is_as_before(stage: Stage, seed: int) -> None:
    check_whole(stage, seed)


def test_every_deed_of_the_fuzz_succeeds_in_a_calm_run(stage: Stage) -> None:
    check_calm(stage, DEEDS)
