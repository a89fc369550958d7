"""Plays the tour on one cluster: every command in a shell, as a person types it.

What it changes stays changed: the cluster is for the tour alone.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.contract.tour.script import Answer, Step

PATIENCE_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.2


def played(step: Step, kubeconfig: Path, home: Path) -> Answer:
    """What a cluster answers to a command."""
    done = _run(step.text, step.stdin, kubeconfig, home)
    return Answer(done.stdout, done.returncode)


def awaited(step: Step, kubeconfig: Path, home: Path) -> Answer:
    """Repeat a command until it succeeds; what it printed at last, if it never does."""
    last = time.monotonic() + PATIENCE_SECONDS
    while True:
        done = _run(step.text, "", kubeconfig, home)
        if done.returncode == 0 or time.monotonic() > last:
            return Answer(done.stdout, done.returncode)
        time.sleep(PAUSE_SECONDS)


def _run(
    command: str, stdin: str, kubeconfig: Path, home: Path
) -> subprocess.CompletedProcess[str]:
    beside = str(Path(sys.executable).parent)
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail\n{command}"],
        input=stdin,
        env={
            "PATH": f"{beside}:{os.environ['PATH']}", "HOME": str(home), "LC_ALL": "C.UTF-8",
            "KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": str(home / "cache"),
        },
        cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=120, check=False,
    )  # fmt: skip


def own_copy(kubeconfig: Path) -> tuple[Path, Path]:
    """A home folder with a copy of a kubeconfig that the tour may change."""
    home = Path(tempfile.mkdtemp(prefix="tour-"))
    copy = home / "kubeconfig"
    copy.write_bytes(kubeconfig.read_bytes())
    copy.chmod(0o600)
    return home, copy
