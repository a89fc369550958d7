"""A practice cluster in a process of its own, and Chaos Toolkit as people run it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """Where the practice cluster is."""

    front_door: str
    kubeconfig: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosRun:
    """A `chaos run` that was started."""

    process: subprocess.Popen[str]
    journal: Path

    def end(self) -> dict[str, Any]:
        """Wait for its end, and read its journal."""
        said, _ = self.process.communicate(timeout=90)
        assert self.journal.exists(), said
        journal: dict[str, Any] = json.loads(self.journal.read_text("utf-8"))
        return journal


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """A practice cluster without traffic of its own, for all tests here."""
    kubeconfig = tmp_path_factory.mktemp("practice") / "kubeconfig"
    command = [sys.executable, "-m", "orchestrator.practice", "--no-traffic"]
    with subprocess.Popen(
        [*command, "--kubeconfig", str(kubeconfig)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        doors = [process.stdout.readline() for _ in range(3)]
        found = re.search(r"shop (\S+)", "".join(doors))
        assert found, doors
        yield Practice(front_door=found[1], kubeconfig=kubeconfig)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)


@pytest.fixture
def environment(practice: Practice, tmp_path: Path) -> Environment:
    """What `chaos` gets to see, with a HOME of its own."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "KUBECONFIG": str(practice.kubeconfig),
        "CHAOSDAY_FRONT_DOOR": practice.front_door,
    }


@pytest.fixture
def chaos_run(environment: Environment, tmp_path: Path) -> Iterator[Callable[..., ChaosRun]]:
    """Starts `chaos run`, unmodified, on a file."""
    started: list[subprocess.Popen[str]] = []

    def start(file: Path, *options: str) -> ChaosRun:
        journal = tmp_path / "journal.json"
        chaos = [str(Path(sys.executable).with_name("chaos")), "--no-version-check"]
        places = [
            "--log-file",
            str(tmp_path / "log"),
            "--settings",
            str(tmp_path / "settings.yaml"),
        ]
        process = subprocess.Popen(
            [*chaos, *places, "run", "--journal-path", str(journal), *options, str(file)],
            cwd=tmp_path,
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return ChaosRun(process=process, journal=journal)

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()
