"""Processes that end with whoever started them, however that one ends.

All of them read one pipe, the life-line, whose other end this process holds. Closing it is the
way to end them, and the kernel closes it for a process that was killed.
"""

import fcntl
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from subprocess import STDOUT
from tempfile import mkdtemp
from typing import Final

import anyio
from anyio.abc import Process, TaskGroup

from orchestrator.practice.nodes.lone_errors import lone_errors

PATIENCE_SECONDS: Final = 5
SWEEP_PATIENCE_SECONDS: Final = 20
SWEEPER: Final = "sweep"
# Waits for the end of the life-line, then takes the folder away; others may still be writing
# there for a moment.
SWEEP: Final = 'cat >/dev/null; for _ in 1 2 3 4 5; do rm -rf -- "$1"; sleep 0.1; done'
LAST_LINES: Final = 12


class Ended(Exception):
    """A process that should serve has ended."""


class Household:
    """A folder and the processes that live in it."""

    def __init__(self, folder: Path, lifeline: int, tasks: TaskGroup) -> None:
        self.folder = folder
        self._lifeline = lifeline
        self._tasks = tasks
        self._processes: dict[str, Process] = {}

    async def start(self, name: str, *command: str, descriptors: Sequence[int] = ()) -> None:
        """Start a process that serves to the end; what it says goes to `NAME.log`.

        It gets the descriptors under their own numbers.
        """
        with self._log(name).open("wb") as output:
            process = await anyio.open_process(
                command,
                stdin=self._lifeline,
                stdout=output,
                stderr=STDOUT,
                cwd=self.folder,
                env={**os.environ, "CHAOSDAY_LIFELINE": "stdin"},
                # Ctrl-C is for the parent alone, which then ends the others in its own way.
                start_new_session=True,
                pass_fds=descriptors,
            )
        self._processes[name] = process
        self._tasks.start_soon(self._must_last, name, process)

    def last_lines(self, name: str) -> str:
        """The end of what a process said."""
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-LAST_LINES:])

    async def ended(self) -> None:
        """Wait till all have ended, the sweep last, and kill those that take too long."""
        others = [process for name, process in self._processes.items() if name != SWEEPER]
        await _ended(others, PATIENCE_SECONDS)
        await _ended([self._processes[SWEEPER]], SWEEP_PATIENCE_SECONDS)

    async def _must_last(self, name: str, process: Process) -> None:
        code = await process.wait()
        raise Ended(f"{name} ended with {code}; it said:\n{self.last_lines(name)}")

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


async def _ended(processes: Sequence[Process], patience: float) -> None:
    with anyio.move_on_after(patience):
        for process in processes:
            await process.wait()
    for process in processes:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Lock a folder as one that somebody lives in; the kernel ends the lock with this process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def household(
    *, prefix: str = "chaosday-cluster-", sweep: str = SWEEP
) -> AsyncIterator[Household]:
    """A new folder for processes; both are gone after the scope, and if this process is killed.

    The sweep is a shell script that gets the folder, waits for the end of its input and then
    takes away the folder and whatever else belongs to it.

    Raises: Ended: one of the processes did not last.
    """
    folder = Path(mkdtemp(prefix=prefix))
    theirs, ours = os.pipe()
    with lone_errors(), held(folder):
        async with anyio.create_task_group() as tasks:
            home = Household(folder, theirs, tasks)
            try:
                await home.start(SWEEPER, "/bin/sh", "-c", sweep, SWEEPER, str(folder))
                yield home
            finally:
                tasks.cancel_scope.cancel()
                os.close(ours)
                os.close(theirs)
                with anyio.CancelScope(shield=True):
                    await home.ended()
                shutil.rmtree(folder, ignore_errors=True)
