"""A process of a run, seen from outside."""

import os
import signal
import sys
from pathlib import Path

import anyio
import pytest

from orchestrator.adapters.chaostoolkit.child import Child, python


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("as_it_seems", [True, False])
async def test_a_process_is_frozen_when_a_signal_stopped_it_and_not_when_it_is_quiet(
    tmp_path: Path, as_it_seems: bool
) -> None:
    child = await Child.start(
        python("-c", "import os; print('{\"pid\":', os.getpid(), '}', flush=True); input()"),
        name="guard",
        log=tmp_path / "log",
        folder=tmp_path,
        environment={},
    )
    try:
        line = await anext(child.lines())
        assert not child.is_frozen(as_it_seems)

        os.kill(line["pid"], signal.SIGSTOP)
        with anyio.fail_after(5):
            while not child.is_frozen(as_it_seems):  # noqa: ASYNC110 - the kernel tells nobody
                await anyio.sleep(0.005)
    finally:
        await child.kill()
        await child.close()
