"""What the guard adds to a request: the same one made directly and through it, in turn.

Client, guard and cluster are three processes or more. On the practice cluster the guard speaks
plain HTTP, on Kubernetes' own control plane TLS; that one is left out where it is not compiled.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import anyio

from orchestrator.practice.nodes.client import Access
from tests.benchmarks.rows import Row
from tests.cluster.building import GoMissing, are_built, built_programs
from tests.cluster.nodes import access_by, practice_nodes
from tests.cluster.starting import real_cluster
from tests.integration.guard.conducting import guard_at, loose, prepare
from tests.integration.guard.places import Place, a_place

TIMES: Final = 300
LISTED: Final = 500
SECONDS: Final = 3.0
"""Of each measurement of throughput."""
AT_ONCE: Final = 4
PATCHED: Final = "patched"
MERGE: Final = "application/merge-patch+json"
V5: Final = "v5.channel.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to the API: direct, or through the guard."""

    name: str
    session: aiohttp.ClientSession
    root: str
    place: Place

    async def ask(self, method: str, path: str, body: Any = None, media: str = "") -> Any:
        """One request, answered with success."""
        headers = {"Content-Type": media} if media else None
        url = self.root + path
        async with self.session.request(method, url, json=body, headers=headers) as response:
            found = await response.read()
            if response.status >= 400:
                raise SystemExit(f"{self.name}: {method} {path}: {found.decode()}")
            return found


Step = Callable[[Way, int], Awaitable[float]]
"""Makes one request, and says how many seconds it took."""


async def _timed(way: Way, method: str, path: str, body: Any = None, media: str = "") -> float:
    begun = time.perf_counter()
    await way.ask(method, path, body, media)
    return time.perf_counter() - begun


async def _get(way: Way, _number: int) -> float:
    return await _timed(way, "GET", way.place.path("apps/v1/deployments", "web"))


async def _list(way: Way, _number: int) -> float:
    return await _timed(way, "GET", way.place.path("configmaps"))


async def _patch(way: Way, number: int) -> float:
    """Of an object that nobody else writes."""
    body = {"data": {"turn": f"{way.name}-{number}"}}
    return await _timed(way, "PATCH", way.place.path("configmaps", PATCHED), body, MERGE)


async def _patch_beside(way: Way, number: int) -> float:
    """Of an object whose controller answers each write with one of its own."""
    body = {"metadata": {"annotations": {"turn": f"{way.name}-{number}"}}}
    return await _timed(way, "PATCH", way.place.path("apps/v1/deployments", "web"), body, MERGE)


async def _create(way: Way, number: int) -> float:
    body = {"metadata": {"name": f"{way.name}-{number}"}, "data": {"a": "1"}}
    return await _timed(way, "POST", way.place.path("configmaps"), body)


async def _delete(way: Way, number: int) -> float:
    """Of what `_create` left."""
    return await _timed(way, "DELETE", way.place.path("configmaps", f"{way.name}-{number}"))


async def _exec(way: Way, _number: int) -> float:
    """From asking for a command to its end."""
    pods = await anyio.to_thread.run_sync(way.place.pods, "web")
    path = way.place.path("pods", pods[0], "exec") + "?command=hostname&stdout=true&stderr=true"
    begun = time.perf_counter()
    async with way.session.ws_connect(way.root + path, protocols=(V5,)) as socket:
        said = b"".join([message.data[1:] async for message in socket])
    if pods[0].encode() not in said:
        raise SystemExit(f"{way.name}: the command said {said!r}")
    return time.perf_counter() - begun


async def _watch(way: Way, number: int) -> float:
    """From a write of somebody else's to its event; the watch is open by then."""
    name = f"watched-{way.name}-{number}"
    path = f"{way.place.path('configmaps')}?watch=true&fieldSelector=metadata.name%3D{name}"
    async with way.session.get(way.root + path) as response:
        begun = time.perf_counter()
        body = {"metadata": {"name": name}}
        await anyio.to_thread.run_sync(way.place.make, "configmaps", body)
        await response.content.readline()
        return time.perf_counter() - begun


STEPS: Final[dict[str, tuple[Step, int]]] = {
    "get": (_get, TIMES),
    "watch: a write to its event": (_watch, TIMES // 6),
    "patch": (_patch, TIMES),
    "patch beside its controller": (_patch_beside, TIMES),
    "create": (_create, TIMES),
    "delete": (_delete, TIMES),
    f"list of {LISTED}": (_list, TIMES // 6),
    "exec": (_exec, TIMES // 10),
}


def measure(share: float = 1.0) -> list[Row]:
    """The rows; a smaller share of the repetitions is for trying this out."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, _practice(Path(folder)) as kubeconfig:
        rows += anyio.run(partial(_measure, "practice", kubeconfig, Path(folder), share))
    if _is_compiled():
        rows += anyio.run(_measure_real, share)
    return rows


def _is_compiled() -> bool:
    try:
        return are_built()
    except GoMissing:
        return False


@contextmanager
def _practice(folder: Path) -> Iterator[Path]:
    """A practice cluster that nobody visits."""
    path = folder / "kubeconfig"
    command = [sys.executable, "-m", "orchestrator.practice", "--no-traffic", "--port", "0"]
    ports = ["--front-door-port", "0", "--metrics-port", "0", "--kubeconfig", str(path)]
    with subprocess.Popen([*command, *ports], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(4):
            process.stdout.readline()
        try:
            yield path
        finally:
            process.terminate()
            process.communicate(timeout=20)


async def _measure_real(share: float) -> list[Row]:
    async with (
        real_cluster(built_programs()) as cluster,
        practice_nodes(cluster.admin, shop=False),
    ):
        with tempfile.TemporaryDirectory() as folder:
            return await _measure("Kubernetes", cluster.admin, Path(folder), share)


async def _measure(where: str, kubeconfig: Path, folder: Path, share: float) -> list[Row]:
    async with _two_ways(kubeconfig, folder) as (direct, guarded):
        rows = []
        for name, (step, times) in STEPS.items():
            if name.startswith("list"):
                await _fill(direct)
            taken = await _in_turn(guarded, direct, step, max(int(times * share), 2))
            rows += _percentiles(f"guard on {where}: {name}", *taken)
        for name, step in (("get", _get), ("patch", _patch)):
            ours, theirs = [await _rate(way, step, share) for way in (guarded, direct)]
            what = f"guard on {where}: {name}, {AT_ONCE} at once"
            rows.append(_row(what, [ours], [theirs], "/s"))
    return rows


@asynccontextmanager
async def _two_ways(kubeconfig: Path, folder: Path) -> AsyncIterator[tuple[Way, Way]]:
    """Both ways to a namespace of our own."""
    async with AsyncExitStack() as stack:
        place = a_place(kubeconfig)
        here = await anyio.to_thread.run_sync(place.__enter__)
        stack.push_async_callback(anyio.to_thread.run_sync, place.__exit__, None, None, None)
        await prepare(folder / "journal.db")
        radius = loose(
            namespaces=frozenset({here.namespace}),
            most_objects=100_000,
            irreversible=frozenset({"exec"}),
        )
        guard = await stack.enter_async_context(
            guard_at(folder / "journal.db", kubeconfig=kubeconfig, radius=radius)
        )
        root = (await guard.begin()).url
        here.make("configmaps", {"metadata": {"name": PATCHED}, "data": {"turn": ""}})
        access = access_by(kubeconfig)
        direct = await stack.enter_async_context(_session(access))
        plain = await stack.enter_async_context(_session(Access(url=root)))
        yield (
            Way(name="direct", session=direct, root=access.url.rstrip("/"), place=here),
            Way(name="guarded", session=plain, root=root, place=here),
        )


def _session(access: Access) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(ssl=access.tls or True)
    return aiohttp.ClientSession(
        connector=connector,
        headers={"Accept": "application/json", **access.headers},
        timeout=aiohttp.ClientTimeout(total=60),
    )


async def _fill(way: Way) -> None:
    """As many ConfigMaps as are listed, of a usual size."""
    for number in range(LISTED):
        body = {"metadata": {"name": f"listed-{number}"}, "data": {"a": "x" * 400}}
        await way.ask("POST", way.place.path("configmaps"), body)


async def _in_turn(
    ours: Way, theirs: Way, step: Step, times: int
) -> tuple[list[float], list[float]]:
    """Milliseconds of each; the first of each warms up and does not count."""
    taken: tuple[list[float], list[float]] = [], []
    for number in range(times + 1):
        for way, into in zip((ours, theirs), taken, strict=True):
            into.append(await step(way, number) * 1000)
    return taken[0][1:], taken[1][1:]


async def _rate(way: Way, step: Step, share: float) -> float:
    """Requests a second by some who ask at the same time."""
    made = 0
    last = time.perf_counter() + SECONDS * share

    async def ask() -> None:
        nonlocal made
        while time.perf_counter() < last:
            await step(way, made)
            made += 1

    begun = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(ask)
    return made / (time.perf_counter() - begun)


def _percentiles(what: str, ours: Sequence[float], theirs: Sequence[float]) -> list[Row]:
    return [
        _row(f"{what}, p{part}", [_part(ours, part)], [_part(theirs, part)], "ms")
        for part in (50, 99)
    ]


def _row(what: str, ours: list[float], theirs: list[float], unit: str) -> Row:
    return Row(
        what=what,
        ours=ours,
        beside="direct",
        theirs=theirs,
        unit=unit,
        budget=_BUDGETS.get(what.partition(": ")[2], ""),
    )


_BUDGETS: Final = {"get, p50": "1 ms more", "patch, p50": "4 ms more"}


def _part(values: Sequence[float], part: int) -> float:
    return sorted(values)[min(len(values) * part // 100, len(values) - 1)]
