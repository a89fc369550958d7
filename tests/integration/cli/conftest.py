"""The command line as people call it: in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Called = subprocess.CompletedProcess[str]
Chaosday = Callable[..., Called]


@pytest.fixture
def chaosday(tmp_path: Path) -> Chaosday:
    """Calls `chaosday` in an empty folder, with a database there and no cluster."""

    def call(*words: str, **variables: str) -> Called:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CHAOSDAY_", "KUBE"))}
        environment = kept | {
            "HOME": str(tmp_path),
            "CHAOSDAY_STORAGE_URL": f"sqlite+aiosqlite:///{tmp_path}/chaosday.db",
        }
        return subprocess.run(
            [sys.executable, "-m", "orchestrator.cli", *words],
            cwd=tmp_path,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return call
