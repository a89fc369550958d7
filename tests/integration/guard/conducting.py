"""The conductor's side of a guard, as the tests play it."""

import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import anyio
import kubernetes.client as k8s
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from kubernetes.client.exceptions import ApiException

from orchestrator.adapters.storage import Database, SqlStorage, SqlUndoJournal
from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.guarding import (
    GuardAssignment,
    assignment_to_line,
    restoration_from_line,
)
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import Restoration, UndoRecord
from tests.builders import RUN, a_day, a_run

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("guard_process.py")
PATIENCE = 15.0
ANOTHER_RUN = RunId("run-2")

T = TypeVar("T")


def limits(**changes: Any) -> BlastRadius:
    """Limits that let a run touch the whole shop, but for what the test is about."""
    kinds = frozenset({"pods", "deployments", "services", "configmaps", "replicasets"})
    settings: dict[str, Any] = {
        "namespaces": frozenset({"shop"}),
        "kinds": kinds,
        "creates": frozenset({"configmaps"}),
        "most_objects": 20,
    }
    return BlastRadius(**(settings | changes))


EVERYTHING = frozenset(
    {
        "configmaps", "cronjobs", "deployments", "horizontalpodautoscalers", "ingresses", "jobs",
        "networkchaos", "networkpolicies", "nodes", "podchaos", "poddisruptionbudgets", "pods",
        "replicasets", "resourcequotas", "services", "statefulsets",
    }
)  # fmt: skip


def loose(**changes: Any) -> BlastRadius:
    """Limits that let a run do nearly everything, but for what the test is about."""
    settings: dict[str, Any] = {
        "kinds": EVERYTHING,
        "creates": EVERYTHING,
        "most_objects": 50,
        "most_node_share": Fraction(1),
    }
    return BlastRadius(**(settings | changes))


@dataclass(kw_only=True)
class Guard:
    """A guard in a process, and what it said."""

    process: Process
    heard: list[Mapping[str, Any]] = field(default_factory=list)
    answers: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    news: anyio.Condition = field(default_factory=anyio.Condition)
    count: int = 0
    has_ended: bool = False

    async def say(self, line: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        await self.process.stdin.send(json.dumps(line).encode() + b"\n")

    async def listen(self) -> None:
        assert self.process.stdout is not None
        stream = BufferedByteReceiveStream(self.process.stdout)
        while True:
            try:
                raw = await stream.receive_until(b"\n", 10_000_000)
            except (anyio.IncompleteRead, anyio.EndOfStream, anyio.ClosedResourceError):
                break
            line = json.loads(raw)
            async with self.news:
                if "event" in line:
                    self.heard.append(line)
                else:
                    self.answers[line["id"]] = line
                self.news.notify_all()
        async with self.news:
            self.has_ended = True
            self.news.notify_all()

    async def ask(self, command: str, **more: Any) -> Mapping[str, Any]:
        self.count += 1
        number = self.count
        await self.say({"id": number, "do": command, **more})
        await self.until(lambda: number in self.answers)
        return self.answers[number]

    async def until(self, condition: Callable[[], bool]) -> None:
        with anyio.fail_after(PATIENCE):
            async with self.news:
                while not condition():
                    assert not self.has_ended, "the guard has ended"
                    await self.news.wait()

    async def event(self, name: str) -> Mapping[str, Any]:
        await self.until(lambda: bool(self.events(name)))
        return self.events(name)[0]

    def events(self, name: str) -> Sequence[Mapping[str, Any]]:
        return [line for line in self.heard if line["event"] == name]

    async def cluster(self) -> "Cluster":
        """The cluster behind the guard."""
        assert self.heard[0]["event"] == "ready", self.heard[0]
        return Cluster(url=str(self.heard[0]["url"]))

    async def do(self, command: str) -> None:
        answer = await self.ask(command)
        assert answer["ok"], answer

    async def undo(self) -> Restoration:
        answer = await self.ask("undo")
        assert answer["ok"], answer
        return restoration_from_line(answer["restoration"])

    async def verify(self, patience: float = 10) -> Restoration:
        answer = await self.ask("verify", patience_seconds=patience)
        assert answer["ok"], answer
        return restoration_from_line(answer["restoration"])

    async def begin(self) -> "Cluster":
        """Take the baseline and let the method loose; returns the cluster behind the guard."""
        await self.do("baseline")
        await self.do("play")
        return await self.cluster()

    async def ended(self) -> None:
        with anyio.fail_after(PATIENCE):
            await self.process.wait()

    async def hang_up(self) -> None:
        """Go away as a conductor that was killed does."""
        assert self.process.stdin is not None
        await self.process.stdin.aclose()
        await self.ended()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A Kubernetes API through the official client, calls being made in threads."""

    url: str

    async def call(self, work: Callable[[k8s.ApiClient], T]) -> T:
        configuration = k8s.Configuration()
        configuration.host = self.url

        def run() -> T:
            with k8s.ApiClient(configuration) as client:
                return work(client)

        return await anyio.to_thread.run_sync(run)

    async def read(self, path: str) -> dict[str, Any]:
        """The object at a path, as JSON."""
        return (await self.raw("GET", path))[1]

    async def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """One request, as plain as can be; the path goes out as it is."""
        host, _, root = self.url.removeprefix("http://").partition("/")
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {'/' + root if root else ''}{path} HTTP/1.1",
            f"Host: {host}",
            "Connection: close",
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        name, _, port = host.partition(":")
        with anyio.fail_after(PATIENCE):
            async with await anyio.connect_tcp(name, int(port)) as stream:
                await stream.send("\r\n".join([*lines, "", ""]).encode() + content)
                return _answer(b"".join([chunk async for chunk in stream]))

    async def patch(
        self, path: str, body: Any, kind: str = "application/merge-patch+json"
    ) -> tuple[int, dict[str, Any]]:
        return await self.raw("PATCH", path, body, {"Content-Type": kind})

    async def pods(self, app: str) -> list[str]:
        found = await self.read(f"/api/v1/namespaces/shop/pods?labelSelector=app%3D{app}")
        return [
            pod["metadata"]["name"]
            for pod in found["items"]
            if not pod["metadata"].get("deletionTimestamp")
        ]

    async def delete_pod(self, name: str, namespace: str = "shop") -> int:
        """Delete a pod as chaosk8s does; returns the HTTP status."""

        def work(client: k8s.ApiClient) -> int:
            try:
                k8s.CoreV1Api(client).delete_namespaced_pod(
                    name, namespace, body=k8s.V1DeleteOptions(), grace_period_seconds=0
                )
            except ApiException as error:
                return int(error.status or 0)
            return 200

        return await self.call(work)


def _answer(raw: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        body = b"".join(line for line in body.split(b"\r\n")[1::2])
    found = json.loads(body)
    assert isinstance(found, dict)
    return int(head.split()[1]), found


def deployment(name: str) -> str:
    return f"/apis/apps/v1/namespaces/shop/deployments/{name}"


def service(name: str) -> str:
    return f"/api/v1/namespaces/shop/services/{name}"


@asynccontextmanager
async def guard_at(
    database: Path,
    *,
    kubeconfig: Path,
    radius: BlastRadius | None = None,
    recovering: bool = False,
    rehearsing: bool = False,
    approved_in: ClusterIdentity | None = None,
    dies_at: str = "",
    run: RunId = RUN,
) -> AsyncIterator[Guard]:
    """A guard of a run, ready or failed; killed when the scope is left."""
    command = [sys.executable, str(PROGRAM), f"sqlite+aiosqlite:///{database}", dies_at]
    process = await anyio.open_process(
        command, stderr=None, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}
    )
    guard = Guard(process=process)
    assignment = GuardAssignment(
        run=run,
        radius=radius or limits(),
        kubeconfig=str(kubeconfig),
        recovering=recovering,
        rehearsing=rehearsing,
        approved_in=approved_in,
    )
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(guard.listen)
            await guard.say(assignment_to_line(assignment))
            await guard.until(lambda: bool(guard.heard))
            yield guard
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                guard.kill()
            await process.aclose()


async def records(database: Path) -> Sequence[UndoRecord]:
    """The run's journal, as another process reads it."""
    async with Database(f"sqlite+aiosqlite:///{database}") as opened:
        return await SqlUndoJournal(opened).records(RUN)


async def prepare(database: Path) -> None:
    """Make a database that knows of the run, and of another."""
    async with Database(f"sqlite+aiosqlite:///{database}") as opened:
        await SqlStorage(opened).add_day(a_day(), [a_run(), a_run(id=ANOTHER_RUN)], [])


async def until(condition: Callable[[], Awaitable[T]]) -> T:
    """Wait until what is awaited is true, and return it."""
    with anyio.fail_after(PATIENCE):
        while True:
            if found := await condition():
                return found
            await anyio.sleep(0.02)
