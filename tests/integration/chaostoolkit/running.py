"""A runner's process as the tests see it, and experiments to give to it."""

import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

ROOT = Path(__file__).parents[3]
RUNNER = "orchestrator.adapters.chaostoolkit.runner"
ACTIVITIES = "tests.integration.chaostoolkit.activities"
PATIENCE = 20.0

Line = Mapping[str, Any]


def calling(func: str, **arguments: Any) -> dict[str, Any]:
    """A provider that calls one of the tests' activities."""
    return {"type": "python", "module": ACTIVITIES, "func": func, "arguments": arguments}


def action(name: str, func: str = "mark", /, **said: Any) -> dict[str, Any]:
    """An action; `pauses` and `secrets` are its own, all else are arguments."""
    own = {key: said.pop(key) for key in ("pauses", "background") if key in said}
    secrets = {key: said.pop(key) for key in ("secrets",) if key in said}
    return {"type": "action", "name": name, "provider": calling(func, **said) | secrets} | own


def probe(name: str, func: str, tolerance: Any = True, /, **arguments: Any) -> dict[str, Any]:
    provider = calling(func, **arguments)
    return {"type": "probe", "name": name, "tolerance": tolerance, "provider": provider}


def experiment(*method: Mapping[str, Any], **parts: Any) -> dict[str, Any]:
    return {
        "title": "an experiment",
        "description": "of the tests",
        "method": list(method),
        "rollbacks": [],
        **parts,
    }


def hypothesis(*probes: Mapping[str, Any]) -> dict[str, Any]:
    return {"title": "all is well", "probes": list(probes)}


def proof(by: Mapping[str, Any], deadline: str) -> list[dict[str, Any]]:
    return [{"name": "chaosday", "proof": {"deadline": deadline, "probe": by}}]


@dataclass(kw_only=True)
class Running:
    """A runner's process, and what it said."""

    process: Process
    heard: list[Line] = field(default_factory=list)
    strays: list[bytes] = field(default_factory=list)
    """What it wrote that is no line of ours."""
    gives_word: bool = True
    """Whether it is told at once that its rollbacks may begin."""
    news: anyio.Condition = field(default_factory=anyio.Condition)

    async def say(self, **line: Any) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(json.dumps(line).encode() + b"\n")

    async def begin(self, *hidden: str) -> None:
        await self.say(do="begin", hidden=list(hidden))

    async def hang_up(self) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    async def listen(self) -> None:
        assert self.process.stdout is not None
        stream = BufferedByteReceiveStream(self.process.stdout)
        while True:
            try:
                raw = await stream.receive_until(b"\n", 10_000_000)
            except (anyio.IncompleteRead, anyio.EndOfStream, anyio.ClosedResourceError):
                return
            async with self.news:
                try:
                    self.heard.append(json.loads(raw))
                except ValueError:
                    self.strays.append(raw)
                self.news.notify_all()
            if self.gives_word and self.heard and self.heard[-1]["event"] == "rolling_back":
                with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    await self.say(do="roll_back")

    async def until(self, condition: Callable[[], bool]) -> None:
        with anyio.fail_after(PATIENCE):
            async with self.news:
                while not condition():
                    await self.news.wait()

    async def event(self, name: str, count: int = 1) -> Line:
        await self.until(lambda: len(self.all(name)) >= count)
        return self.all(name)[count - 1]

    def all(self, name: str) -> Sequence[Line]:
        return [line for line in self.heard if line["event"] == name]

    async def ended(self) -> Line:
        """Wait for the end of the process; returns the one line that says so."""
        with anyio.fail_after(PATIENCE):
            await self.process.wait()
            await self.until(lambda: bool(self.all("ended")))
        assert len(self.all("ended")) == 1
        assert self.heard[-1]["event"] == "ended"
        return self.heard[-1]

    def told(self) -> list[tuple[str, str]]:
        """What was said of actions: the event, and the action's name."""
        return [(str(line["event"]), str(line["name"])) for line in self.heard if "name" in line]


@asynccontextmanager
async def running(
    folder: Path,
    mode: str,
    document: Mapping[str, Any],
    *,
    configuration: Mapping[str, Any] | None = None,
    interval: float = 0.05,
) -> AsyncIterator[Running]:
    """A runner's process; killed when the scope is left."""
    file = folder / f"{mode}.json"
    assignment = {
        "experiment": document,
        "configuration": configuration or {},
        "interval": interval,
    }
    await anyio.Path(file).write_text(json.dumps(assignment))
    process = await anyio.open_process(
        [sys.executable, "-s", "-m", RUNNER, mode, str(file)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "HOME": str(folder), "PATH": ""},
        stderr=None,
        start_new_session=True,
    )
    runner = Running(process=process)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.listen)
            yield runner
            if process.returncode is None:
                process.kill()
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.aclose()
