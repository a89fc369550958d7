"""The database hangs or is gone while a fault is in: the fault is taken out all the same, and soon.

Whoever of ours is alive or frozen meanwhile, the journal agrees once the database is back, and a
conductor that lives goes on.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
import yaml

from orchestrator.adapters.storage import Database, SqlUndoJournal
from orchestrator.domain.run import Phase
from orchestrator.domain.undo import UndoState
from tests.acceptance.database import phase_is, runs_of
from tests.acceptance.harming import ORCHESTRATOR, found, hit
from tests.acceptance.stage import Stage, until
from tests.doubles.postgres import PostgresServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc"),
]

SOON: Final = 12.0
"""Seconds; a guard waits for a database for ten at the most, and the machine may be busy."""


@pytest.fixture
def stage(cluster: dict[str, Any], postgres: PostgresServer, tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, postgres.fresh(), cluster)
    yield stage
    stage.end()


def out(postgres: PostgresServer, how: str) -> AbstractContextManager[None]:
    return postgres.frozen() if how == "hangs" else postgres.stopped()


def states(stage: Stage) -> set[UndoState]:
    """What the journal says of all that was written."""

    async def read() -> set[UndoState]:
        (run,) = runs
        async with Database(stage.database) as database:
            return {each.state for each in await SqlUndoJournal(database).records(run.id)}

    runs = runs_of(stage)
    return anyio.run(read)


def is_restored(stage: Stage) -> bool:
    return stage.replicas("payment")[0] == 2


def begun(stage: Stage, experiment: Path) -> "subprocess.Popen[str]":
    """A run whose fault is in."""
    limits = ("--namespace", "shop", "--create", "configmaps", "--longest", "90")
    conductor = stage.start("run", str(experiment), *limits)
    until(lambda: stage.replicas("payment") == (0, 0))
    return conductor


@pytest.mark.parametrize("how", ["hangs", "is gone"])
def test_a_fault_does_not_outlast_its_database_and_the_conductor_goes_on(
    stage: Stage, postgres: PostgresServer, how: str
) -> None:
    conductor = begun(stage, stage.write_experiment())
    until(lambda: phase_is(stage, Phase.HOLDING))

    with out(postgres, how):
        until(lambda: is_restored(stage), within=SOON)
        assert conductor.poll() is None

    until(lambda: phase_is(stage, Phase.CONCLUDED), within=90)
    conductor.wait(timeout=30)
    assert states(stage) == {UndoState.UNDONE}
    assert stage.injections == 1


@pytest.mark.parametrize("how", ["hangs", "is gone"])
def test_a_guard_takes_the_fault_out_while_the_database_is_out_and_the_conductor_is_frozen(
    stage: Stage, postgres: PostgresServer, how: str
) -> None:
    conductor = begun(stage, stage.write_experiment())
    until(lambda: phase_is(stage, Phase.HOLDING))

    hit(stage, conductor, [ORCHESTRATOR], signal.SIGSTOP)
    with out(postgres, how):
        until(lambda: is_restored(stage), within=SOON)

    # It has stayed to say so in the journal.
    until(lambda: not found(stage, conductor, "guard"), within=60)
    assert states(stage) == {UndoState.UNDONE}


def test_a_method_that_writes_all_the_time_does_not_hold_up_a_guard_whose_database_hangs(
    stage: Stage, postgres: PostgresServer
) -> None:
    conductor = begun(stage, write_busy_experiment(stage.folder))
    until(lambda: is_writing(stage), within=20)

    with postgres.frozen():
        until(lambda: is_restored(stage), within=SOON)

    until(lambda: phase_is(stage, Phase.CONCLUDED), within=90)
    conductor.wait(timeout=30)
    assert states(stage) == {UndoState.UNDONE}


def is_writing(stage: Stage) -> bool:
    """Whether the method writes all the time already."""
    return "change configmaps/shop/mine" in (stage.folder / "run-0.log").read_text()


def write_busy_experiment(folder: Path) -> Path:
    document = {
        "title": "Payment is gone, and something is written all the time",
        "description": "Keeps its guard busy.",
        "method": [
            _deed("scale", name="payment", replicas=0),
            _deed("create_config_map", name="mine"),
            _deed("keep_writing", name="mine", seconds=60),
        ],
    }
    path = folder / "busy.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def _deed(name: str, /, **arguments: object) -> dict[str, Any]:
    provider = {
        "type": "python",
        "module": "tests.acceptance.deeds",
        "func": name,
        "arguments": arguments,
    }
    return {"type": "action", "name": name, "provider": provider}
