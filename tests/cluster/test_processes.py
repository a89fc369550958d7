"""What a household promises, shown with programs that every machine has."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from tests.cluster.processes import Ended, household

ROOT = Path(__file__).parents[2]
# Serves till the life-line ends, then says so in a file.
SERVING = 'cat >/dev/null; echo ended >"$1"'
PARENT = f"""
import sys, anyio
from tests.cluster.processes import household

async def main():
    async with household() as home:
        await home.start("serving", "/bin/sh", "-c", {SERVING!r}, "serving", sys.argv[1])
        print(home.folder, flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def within_seconds(seconds: float, look: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not look() and time.monotonic() < deadline:
        time.sleep(0.02)
    return look()


async def test_household_is_gone_after_its_scope(tmp_path: Path) -> None:
    said = tmp_path / "said"

    async with household() as home:
        await home.start("serving", "/bin/sh", "-c", SERVING, "serving", str(said))
        folder = home.folder
        lived = folder.is_dir()

    assert lived
    assert not folder.exists()
    assert said.read_text() == "ended\n"


def test_household_of_a_killed_parent_is_gone(tmp_path: Path) -> None:
    said = tmp_path / "said"
    command = [sys.executable, "-c", PARENT, str(said)]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        folder = Path(parent.stdout.readline().strip())
        lived = folder.is_dir()
        parent.kill()

    assert lived
    assert within_seconds(5, lambda: said.exists() and not folder.exists())


async def test_process_that_does_not_last_ends_the_scope() -> None:
    async def live() -> None:
        async with household() as home:
            await home.start("broken", "/bin/sh", "-c", "echo no such thing; exit 3")
            await anyio.sleep(10)

    with pytest.raises(Ended, match="broken ended with 3; it said:\nno such thing"):
        await live()
