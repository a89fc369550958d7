"""A halt stops what writes without the help of whoever conducts."""

import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import yaml
from kubernetes import client

from orchestrator.domain.run import Finding, Phase
from tests.acceptance.database import runs_of
from tests.acceptance.deeds import SHOP
from tests.acceptance.harming import ORCHESTRATOR, hit
from tests.acceptance.stage import AT_ANY_TIME, Stage, until

PLAN = (
    AT_ANY_TIME
    + """\
blast_radius: {namespaces: [shop], kinds: [configmaps], most_objects: 2}
agenda:
  - {box: insisting, at: +1s, lasts: 5m, experiment: insisting.yaml}
"""
)
LATER = """\
  - {box: later, at: +30m, lasts: 5m, experiment: insisting.yaml}
"""
NAME = "written"
BEFORE = "before"
MANY = 20
"""So many refused writes show that it was tried, and that nothing gets through."""


@contextmanager
def written(stage: Stage) -> Iterator[client.CoreV1Api]:
    """A ConfigMap to be written."""
    with client.ApiClient(stage._configuration()) as api:
        core = client.CoreV1Api(api)
        metadata = client.V1ObjectMeta(name=NAME)
        body = client.V1ConfigMap(metadata=metadata, data={"turn": BEFORE})
        core.create_namespaced_config_map(SHOP, body)
        try:
            yield core
        finally:
            core.delete_namespaced_config_map(NAME, SHOP)


def turn_of(core: client.CoreV1Api) -> str:
    found = core.read_namespaced_config_map(NAME, SHOP)
    return str((found.data or {})["turn"])


def write_plan(stage: Stage) -> Path:
    """A day on which one run writes as fast as it can, and goes on when it is refused."""
    arguments = {"name": NAME, "refusals": MANY, "path": str(stage.folder / "refused")}
    provider = {
        "type": "python",
        "module": "tests.acceptance.deeds",
        "func": "insist_on_writing",
        "arguments": arguments,
    }
    action = {"type": "action", "name": "insist", "provider": provider}
    document = {"title": "Insists", "description": "As fast as it can.", "method": [action]}
    (stage.folder / "insisting.yaml").write_text(yaml.safe_dump(document))
    plan = stage.folder / "plan.yaml"
    plan.write_text(PLAN)
    return plan


def is_frozen_between_transactions(stage: Stage, conductor: "subprocess.Popen[str]") -> bool:
    """Freeze it, unless it has locked the database: then no guard could write anyway."""
    assert hit(stage, conductor, [ORCHESTRATOR], signal.SIGSTOP)
    try:
        with closing(sqlite3.connect(stage.folder / "chaosday.db", timeout=2)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
    except sqlite3.OperationalError:
        hit(stage, conductor, [ORCHESTRATOR], signal.SIGCONT)
        return False
    return True


def test_nothing_is_written_after_a_halt_although_the_conductor_is_frozen(
    sqlite_stage: Stage,
) -> None:
    stage = sqlite_stage
    # Long enough for its guard not to put everything back alone before it was looked at.
    stage.lease_seconds = 60
    with written(stage) as core:
        first = stage.start("conduct", str(write_plan(stage)), "--output", str(stage.folder))
        until(lambda: turn_of(core) != BEFORE)
        until(lambda: is_frozen_between_transactions(stage, first))
        try:
            said = json.loads(stage.call("halt", "--direct", "--json", "a real fire").stdout)
            when_halted = turn_of(core)
            until(lambda: stage.refusals >= MANY)
            afterwards = turn_of(core)
        finally:
            hit(stage, first, [ORCHESTRATOR], signal.SIGCONT)
        first.wait(timeout=60)

        assert list(said["states"].values()) == ["engaged"]
        assert when_halted == afterwards != BEFORE
        assert turn_of(core) == BEFORE
    (run,) = runs_of(stage)
    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)
    assert "a real fire" in run.reason


@pytest.mark.slow
def test_the_service_halts_what_it_conducts_and_goes_on_when_it_is_told(
    sqlite_stage: Stage,
) -> None:
    stage = sqlite_stage
    with written(stage) as core:
        token = stage.folder / "token"
        stage.start("serve", "--port", "0", "--token-file", str(token))
        way = ("--url", until(stage.service_url), "--token", token.read_text().strip())
        plan = write_plan(stage)
        # The day goes on when its first run is over.
        plan.write_text(plan.read_text() + LATER)
        stage.start("conduct", str(plan), "--by-service", *way)
        until(lambda: turn_of(core) != BEFORE)

        halted = stage.call("halt", "a real fire", *way)
        until(lambda: runs_of(stage)[0].phase is Phase.CONCLUDED)
        afterwards = turn_of(core)
        released = stage.call("halt", "--release", "--json", *way)

        assert halted.returncode == 0, halted.stderr
        assert halted.stdout.startswith("halted: ")
        assert afterwards == BEFORE
        assert released.returncode == 0, released.stderr
        assert json.loads(released.stdout)["released_at"]
    run, _ = runs_of(stage)
    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)
    assert "a real fire" in run.reason
