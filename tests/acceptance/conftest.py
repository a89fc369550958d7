"""Stages for tests that kill."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.stage import Stage, practice


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """One practice cluster for the tests of a module."""
    with practice(tmp_path_factory.mktemp("practice")) as started:
        yield started


@pytest.fixture
def sqlite_stage(cluster: dict[str, Any], tmp_path: Path) -> Iterator[Stage]:
    """A stage whose database is a file."""
    stage = Stage(tmp_path, f"sqlite+aiosqlite:///{tmp_path}/chaosday.db", cluster)
    yield stage
    stage.end()
