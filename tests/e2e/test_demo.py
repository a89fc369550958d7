"""What a newcomer does first: the whole demonstration, and leaving it in the middle."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli", "demo", "--output", str(folder / "out")],
        env={**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def of(folder: Path) -> list[str]:
    """The processes whose command or environment names a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes()
            if str(folder).encode() in words + (path / "environ").read_bytes():
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def test_demonstration_plays_a_day_and_leaves_only_its_debrief(tmp_path: Path) -> None:
    process = start(tmp_path)
    output, _ = process.communicate(timeout=240)

    assert process.returncode == 0, output
    page = (tmp_path / "out" / "debrief.html").read_text()
    assert "played by a script" in page
    for outcome in ("Undetected", "Found by people", "Absorbed", "Early notice"):
        assert outcome in output, output
    assert "Restoration proven for 4 of 4" in output
    assert "Traceback" not in output
    assert not of(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize("moment", ["starting a practice cluster", "listens at", "injecting"])
def test_leaving_the_demonstration_leaves_no_process(tmp_path: Path, moment: str) -> None:
    process = start(tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if moment in line:
            break
    rest: list[str] = []
    reader = threading.Thread(target=lambda: rest.extend(process.stdout or ()))
    reader.start()

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=60) == 130
    reader.join(timeout=10)
    process.stdout.close()
    assert "Traceback" not in "".join(rest)
    assert not of(tmp_path)
    assert not list(tmp_path.glob("chaosday-demo-*"))


def test_killed_demonstration_leaves_no_process(tmp_path: Path) -> None:
    process = start(tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if "injecting" in line:
            break

    process.kill()
    process.wait(timeout=10)
    process.stdout.close()

    last = time.monotonic() + 60
    while of(tmp_path) and time.monotonic() < last:
        time.sleep(0.1)
    assert not of(tmp_path)
