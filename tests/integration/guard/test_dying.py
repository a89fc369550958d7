"""Guards and conductors that die, at any moment: what the run changed is put back all the same."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import SocketAttribute

from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.identity import WorkerId
from orchestrator.domain.undo import UndoState
from tests.builders import a_run
from tests.integration.guard.conducting import Cluster, deployment, records, until
from tests.integration.guard.conftest import StartGuard

CONFIG = "/api/v1/namespaces/shop/configmaps"
MERGE = {"Content-Type": "application/merge-patch+json"}

Request = tuple[str, str, Any, dict[str, str]]

WRITES: list[Request] = [
    ("PATCH", deployment("payment"), {"spec": {"replicas": 0}}, MERGE),
    ("POST", CONFIG, {"metadata": {"name": "made"}, "data": {"a": "b"}}, {}),
    ("DELETE", f"{CONFIG}/kept", None, {}),
    ("DELETE", deployment("cart"), None, {}),
]


@pytest.fixture
async def as_before(cluster: Cluster) -> None:
    await cluster.raw("POST", CONFIG, {"metadata": {"name": "kept"}, "data": {"k": "v"}})


async def state(cluster: Cluster) -> dict[str, Any]:
    payment = await cluster.read(deployment("payment"))
    cart = await cluster.read(deployment("cart"))
    config = await cluster.read(CONFIG)
    return {
        "payment": payment["spec"]["replicas"],
        "cart": cart.get("spec"),
        "config": {item["metadata"]["name"]: item.get("data") for item in config["items"]},
    }


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("dies_at", ["intend", "settle"])
@pytest.mark.parametrize("write", WRITES, ids=lambda write: f"{write[0]} {write[1][-10:]}")
async def test_guard_killed_on_the_way_of_a_write_is_made_good_by_the_next(
    *, start: StartGuard, cluster: Cluster, database: Path, dies_at: str, write: Request
) -> None:
    method, path, body, headers = write
    before = await state(cluster)
    async with start(dies_at=dies_at) as guard:
        behind = await guard.begin()
        with pytest.raises((OSError, IndexError, ValueError)):
            await behind.raw(method, path, body, headers)
        await guard.ended()
        assert guard.process.returncode == -signal.SIGKILL

    assert [each.state for each in await records(database)] == [UndoState.INTENT]
    assert (await state(cluster) == before) is (dies_at == "intend")
    async with start(recovering=True) as guard:
        await guard.undo()
        restoration = await guard.verify()
        assert restoration.is_proven, restoration
        assert restoration.kept == ()

    assert await state(cluster) == before
    # A create of which nothing was seen may be made yet: whoever undoes again looks again.
    is_unseen = method == "POST" and dies_at == "intend"
    left = UndoState.INTENT if is_unseen else UndoState.UNDONE
    assert [each.state for each in await records(database)] == [left]


async def test_recovering_guard_never_plays(start: StartGuard) -> None:
    async with start(recovering=True) as guard:
        behind = await guard.cluster()
        answer = await guard.ask("play")
        status, _ = await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        await guard.do("restrain")

        assert not answer["ok"]
        assert status == 403
        assert not (await guard.ask("play"))["ok"]


@pytest.mark.parametrize("how", ["hang up", "terminate"])
async def test_guard_alone_puts_everything_back_and_ends(
    start: StartGuard, cluster: Cluster, database: Path, how: str
) -> None:
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        if how == "terminate":
            guard.process.send_signal(signal.SIGTERM)
            await guard.ended()
        else:
            await guard.hang_up()

    assert (await cluster.read(deployment("payment")))["spec"]["replicas"] == 2
    assert [each.state for each in await records(database)] == [UndoState.UNDONE]


async def test_guard_whose_run_was_taken_over_lets_nothing_through_and_puts_everything_back(
    start: StartGuard, cluster: Cluster, database: Path
) -> None:
    """Its conductor is frozen: the pipe stays open, and nobody says anything."""
    async with start() as guard:
        behind = await guard.begin()
        assert (await behind.patch(deployment("payment"), {"spec": {"replicas": 0}}))[0] == 200
        await take_over(database)
        status, answer = await behind.patch(deployment("cart"), {"spec": {"replicas": 0}})
        await guard.ended()

    assert status == 403
    assert answer["details"]["causes"][0]["field"] == "lease"
    assert (await cluster.read(deployment("payment")))["spec"]["replicas"] == 2
    assert (await cluster.read(deployment("cart")))["spec"]["replicas"] == 2
    assert [each.state for each in await records(database)] == [UndoState.UNDONE]


async def test_guard_puts_everything_back_by_itself_when_the_lease_of_its_conductor_is_over(
    start: StartGuard, cluster: Cluster, database: Path
) -> None:
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        await let_lease_end(database)
        await guard.ended()

    assert (await cluster.read(deployment("payment")))["spec"]["replicas"] == 2


async def test_guard_puts_everything_back_while_its_database_is_out(
    start: StartGuard, cluster: Cluster, database: Path
) -> None:
    """Somebody holds the lock of the file for ever, as a frozen conductor may."""
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        with locked(database):
            assert guard.process.stdin is not None
            await guard.process.stdin.aclose()

            await until(lambda: has_replicas(cluster, "payment", 2))


@pytest.mark.slow
async def test_no_write_is_made_that_cannot_be_journalled(
    start: StartGuard, cluster: Cluster, database: Path
) -> None:
    async with start() as guard:
        behind = await guard.begin()
        with locked(database):
            status, _ = await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})

    assert status == 503
    assert (await cluster.read(deployment("payment")))["spec"]["replicas"] == 2


async def has_replicas(cluster: Cluster, name: str, count: int) -> bool:
    return bool((await cluster.read(deployment(name)))["spec"]["replicas"] == count)


async def take_over(database: Path) -> None:
    async with Database(f"sqlite+aiosqlite:///{database}") as opened:
        lease = timedelta(seconds=60)
        await SqlStorage(opened).take(a_run(), worker=WorkerId("another"), lease=lease)


async def let_lease_end(database: Path) -> None:
    """As if the conductor had stopped renewing it long ago."""
    with sqlite3.connect(database) as connection:
        connection.execute("update runs set held_until = 1")
    connection.close()


@contextmanager
def locked(database: Path) -> Iterator[None]:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("begin immediate")
    try:
        yield
    finally:
        connection.close()


async def test_no_write_slips_in_behind_the_undo(start: StartGuard, cluster: Cluster) -> None:
    """Many clients write at full speed while the conductor dies."""
    statuses: list[int] = []

    async with start() as guard:
        behind = await guard.begin()

        async def write(name: str) -> None:
            for count in range(200):
                body = {"metadata": {"annotations": {"run": f"{name} {count}"}}}
                try:
                    statuses.append((await behind.patch(deployment(name), body))[0])
                except (OSError, IndexError, ValueError):
                    return

        async with anyio.create_task_group() as tasks:
            for name in ("payment", "cart", "stock", "checkout"):
                tasks.start_soon(write, name)
            await guard.until(lambda: len(guard.events("write")) > 12)
            await guard.hang_up()

    assert 200 in statuses
    for name in ("payment", "cart", "stock", "checkout"):
        metadata = (await cluster.read(deployment(name)))["metadata"]
        assert "run" not in metadata.get("annotations", {})


async def test_two_guards_undo_at_once(start: StartGuard, cluster: Cluster, database: Path) -> None:
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        await behind.raw("DELETE", deployment("cart"))
        await behind.raw("POST", CONFIG, {"metadata": {"name": "made"}})
        guard.kill()
        await guard.ended()

    async with start(recovering=True) as one, start(recovering=True) as other:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.undo)
            tasks.start_soon(other.undo)
        assert (await one.verify()).is_proven
        assert (await other.verify()).kept == ()

    assert (await cluster.read(deployment("payment")))["spec"]["replicas"] == 2
    assert (await cluster.raw("GET", f"{CONFIG}/made"))[0] == 404
    assert {each.state for each in await records(database)} == {UndoState.UNDONE}


async def test_end_is_an_end_in_order(start: StartGuard, cluster: Cluster) -> None:
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(deployment("cart"), {"metadata": {"annotations": {"run": "x"}}})
        assert (await guard.ask("end"))["ok"]
        await guard.ended()

    annotations = (await cluster.read(deployment("cart")))["metadata"]["annotations"]
    assert annotations["run"] == "x"
    await cluster.patch(deployment("cart"), {"metadata": {"annotations": {"run": None}}})


async def test_cluster_that_comes_back_late_is_still_put_back(
    start: StartGuard, cluster: Cluster, tmp_path: Path
) -> None:
    """The way to the API server is cut while the conductor dies, and mended a moment later."""
    async with Way(cluster) as way:
        kubeconfig = tmp_path / "cut"
        await way.write(kubeconfig)
        async with start(kubeconfig=kubeconfig) as guard:
            behind = await guard.begin()
            await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
            way.is_cut = True
            assert guard.process.stdin is not None
            await guard.process.stdin.aclose()
            await until(way.was_tried)
            assert (await cluster.read(deployment("payment")))["spec"]["replicas"] == 0
            way.is_cut = False
            await guard.ended()

    assert (await cluster.read(deployment("payment")))["spec"]["replicas"] == 2


class Way:
    """A way to the API server that can be cut: connections end as soon as they begin."""

    def __init__(self, cluster: Cluster) -> None:
        host, _, port = cluster.url.removeprefix("http://").partition(":")
        self._host, self._port = host, int(port)
        self._tasks = anyio.create_task_group()
        self._tried = 0
        self.is_cut = False

    async def __aenter__(self) -> "Way":
        self._listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._listener.serve, self._relay)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._listener.aclose()

    async def write(self, kubeconfig: Path) -> None:
        port = self._listener.extra(SocketAttribute.local_port)  # noqa: S610 - no database
        server = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
        context = {"name": "x", "context": {"cluster": "c", "user": ""}}
        document = {"clusters": [server], "contexts": [context], "current-context": "x"}
        await anyio.Path(kubeconfig).write_text(str(document), encoding="utf-8")

    async def was_tried(self) -> bool:
        return self._tried > 0

    async def _relay(self, client: anyio.abc.SocketStream) -> None:
        async with client:
            if self.is_cut:
                self._tried += 1
                return
            async with (
                await anyio.connect_tcp(self._host, self._port) as server,
                anyio.create_task_group() as tasks,
            ):
                tasks.start_soon(self._pump, client, server, tasks.cancel_scope)
                tasks.start_soon(self._pump, server, client, tasks.cancel_scope)

    async def _pump(
        self,
        source: anyio.abc.SocketStream,
        sink: anyio.abc.SocketStream,
        end: anyio.CancelScope,
    ) -> None:
        try:
            async for chunk in source:
                if self.is_cut:
                    self._tried += 1
                    break
                await sink.send(chunk)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        end.cancel()
