"""What real nodes need is told by name where the machine lacks it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NOBODY = 65534
ASK = """
import sys
sys.path.insert(0, {root!r})
import os
from tests.cluster.containers.machine import what_is_missing
os.setuid({nobody})
print("\\n".join(what_is_missing()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has what real nodes need")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_who_is_not_root_is_told_so() -> None:
    script = ASK.format(root=str(ROOT), nobody=NOBODY)

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert "they need root" in done.stdout.splitlines()
    assert "no writable cgroup controller: cpu, memory, pids" in done.stdout
