"""How soon a halt stops the last write, and how soon what was broken is whole again.

Each is seen from the outside: by a watch on the cluster, not by what our processes say.
"""

import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import yaml
from kubernetes import client
from kubernetes.watch import Watch

from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.run import Phase
from orchestrator.settings import PaceSettings
from tests.acceptance.database import phase_is, runs_of
from tests.acceptance.deeds import SHOP
from tests.acceptance.harming import ORCHESTRATOR, hit
from tests.acceptance.stage import AT_ANY_TIME, Stage, practice, until
from tests.benchmarks.rows import Told

CHAOS: Final = str(Path(sys.executable).with_name("chaos"))
BEFORE: Final = "before"
LEASE: Final = PaceSettings().lease
PATIENCE: Final = 15.0
"""Seconds after which what is still broken is said to stay so."""
CREWS: Final = (
    ("runner",),
    ("guard",),
    (ORCHESTRATOR,),
    ("runner", "guard"),
    (ORCHESTRATOR, "runner"),
    (ORCHESTRATOR, "guard"),
    (ORCHESTRATOR, "guard", "runner"),
)
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)

PLAN: Final = (
    AT_ANY_TIME
    + """\
blast_radius: {namespaces: [shop], kinds: [configmaps], most_objects: 2}
agenda:
"""
)
BOX: Final = "  - {box: b%d, at: +1s, lasts: 5m, experiment: w%d.yaml, beside_others: true}\n"


def measure(times: int = 3) -> list[Told]:
    """Minutes; fewer times are for trying this out."""
    with tempfile.TemporaryDirectory() as name, practice(Path(name)) as cluster:
        return [
            *_halts(Path(name), cluster, times),
            *_kills(Path(name), cluster, times),
            *_signals(Path(name), cluster),
        ]


@contextmanager
def _stage(folder: Path, cluster: Any) -> Iterator[Stage]:
    """A stage with a database of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        stage = Stage(Path(name), f"sqlite+aiosqlite:///{name}/chaosday.db", cluster)
        # What an installation has, if it says nothing else; the tests' own is for killing fast.
        stage.lease_seconds = LEASE
        try:
            yield stage
        finally:
            stage.end()


# A halt, while every run writes as fast as it can


@dataclass(kw_only=True)
class Seen:
    """What a watch on the ConfigMaps of some runs saw: when, which, and its turn."""

    events: list[tuple[float, str, str]] = field(default_factory=list)

    def last_write(self) -> float:
        return max(at for at, _, turn in self.events if turn != BEFORE)

    def restored(self) -> float:
        return max(at for at, _, turn in self.events if turn == BEFORE)

    def turns(self) -> dict[str, str]:
        return {name: turn for _, name, turn in self.events}


@contextmanager
def _watching(stage: Stage, names: Sequence[str]) -> Iterator[Seen]:
    """ConfigMaps of these names, made for the scope, and what happens to them."""
    with client.ApiClient(stage._configuration()) as api:
        core, seen, over = client.CoreV1Api(api), Seen(), threading.Event()
        watcher: Any = Watch()  # type: ignore[no-untyped-call]
        for name in names:
            body = client.V1ConfigMap(
                metadata=client.V1ObjectMeta(name=name), data={"turn": BEFORE}
            )
            core.create_namespaced_config_map(SHOP, body)

        def look() -> None:
            for event in watcher.stream(core.list_namespaced_config_map, SHOP):
                if over.is_set():
                    return
                found: Any = event["object"]
                if found.metadata.name in names:
                    turn = (found.data or {}).get("turn", "")
                    seen.events.append((time.time(), found.metadata.name, turn))

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            until(lambda: len(seen.turns()) == len(names))
            yield seen
        finally:
            over.set()
            for name in names:
                # Its event wakes the watch, so that it sees that it is over.
                core.delete_namespaced_config_map(name, SHOP)
            thread.join(timeout=10)


def _halts(folder: Path, cluster: Any, times: int) -> list[Told]:
    plain = [_plain_stop(folder, cluster) for _ in range(times)]
    one = [_halt(folder, cluster, 1) for _ in range(times)]
    eight = [_halt(folder, cluster, 8) for _ in range(times)]
    return [
        Told(what="halt to the last write let through, 1 run", ours=_in_ms([a for a, _ in one]),
             beside="`chaos run`, SIGTERM to its last write", theirs=_in_ms(plain)),
        Told(what="halt to the last write let through, 8 runs at once",
             ours=_in_ms([a for a, _ in eight]),
             beside="`chaos run`, SIGTERM to its last write", theirs=_in_ms(plain)),
        Told(what="halt to all restored, 8 runs at once", ours=_in_ms([b for _, b in eight]),
             beside="1 run", theirs=_in_ms([b for _, b in one])),
    ]  # fmt: skip


def _in_ms(values: Sequence[float]) -> str:
    """Shape: a last write before the moment that is counted from is at 0."""
    seen = sorted(max(value, 0) for value in values)
    middle = f"{statistics.median(seen):,.0f} ms"
    return f"{middle} ({seen[0]:,.0f} to {seen[-1]:,.0f})" if len(seen) > 1 else middle


def _halt(folder: Path, cluster: Any, count: int) -> tuple[float, float]:
    """Milliseconds from the halt on record to the last write, and to the last restoration."""
    names = [f"written-{number}" for number in range(count)]
    with _stage(folder, cluster) as stage, _watching(stage, names) as seen:
        for number, name in enumerate(names):
            _write_experiment(stage.folder / f"w{number}.yaml", name)
        plan = stage.folder / "plan.yaml"
        plan.write_text(PLAN + "".join(BOX % (each, each) for each in range(count)))
        first = stage.start("conduct", str(plan), "--output", str(stage.folder))
        until(lambda: all(turn != BEFORE for turn in seen.turns().values()), within=60)

        stage.call("halt", "--direct", "measured")

        until(lambda: all(turn == BEFORE for turn in seen.turns().values()), within=60)
        halted_at = _halted_at(stage)
        first.wait(timeout=60)
        assert len(runs_of(stage)) == count
        assert all(run.phase is Phase.CONCLUDED for run in runs_of(stage))
        return (seen.last_write() - halted_at) * 1000, (seen.restored() - halted_at) * 1000


def _halted_at(stage: Stage) -> float:
    async def read() -> float:
        async with Database(stage.database) as database:
            storage = SqlStorage(database)
            (day,) = await storage.days()
            halt = await storage.halt(day.id)
            assert halt is not None
            return halt.engaged_at.timestamp()

    return anyio.run(read)


def _plain_stop(folder: Path, cluster: Any) -> float:
    """Milliseconds from SIGTERM to the last write of plain `chaos run`."""
    with _stage(folder, cluster) as stage, _watching(stage, ["written-0"]) as seen:
        path = stage.folder / "w0.yaml"
        _write_experiment(path, "written-0")
        with _plain(stage, path) as process:
            until(lambda: seen.turns()["written-0"] != BEFORE, within=60)
            sent_at = time.time()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
        return (seen.last_write() - sent_at) * 1000


def _write_experiment(path: Path, name: str) -> None:
    provider = {
        "type": "python",
        "module": "tests.acceptance.deeds",
        "func": "keep_writing",
        "arguments": {"name": name, "seconds": 60},
    }
    action = {"type": "action", "name": "write", "provider": provider}
    document = {"title": f"Writes {name}", "description": "As fast as it can.", "method": [action]}
    path.write_text(yaml.safe_dump(document))


# A kill, while a Deployment is scaled to zero


def _kills(folder: Path, cluster: Any, times: int) -> list[Told]:
    rows: list[Told] = []
    for crew in CREWS:
        samples = [_restored_after(folder, cluster, crew) for _ in range(times)]
        rows.append(
            Told(
                what=f"SIGKILL of {' and '.join(crew)}, to restored",
                ours=_told([wanted for wanted, _ in samples]),
                beside="and its pods ready",
                theirs=_told([ready for _, ready in samples]),
            )
        )
    return rows


def _told(values: Sequence[float]) -> str:
    middle = f"{statistics.median(values):.2f} s"
    return f"{middle} ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else middle


def _restored_after(folder: Path, cluster: Any, crew: Sequence[str]) -> tuple[float, float]:
    """Seconds from a kill to the field as before, and to the pods as before."""
    with _stage(folder, cluster) as stage:
        first = stage.start("run", str(stage.write_experiment()), "--longest", "90")
        until(lambda: phase_is(stage, Phase.HOLDING) and stage.replicas("payment")[1] == 0)
        killed_at = time.monotonic()
        assert hit(stage, first, crew, signal.SIGKILL)
        if ORCHESTRATOR in crew:
            first.wait(timeout=10)
            stage.start("serve", "--port", "0")
        wanted = _after(killed_at, lambda: stage.replicas("payment")[0] == 2)
        ready = _after(killed_at, lambda: stage.replicas("payment") == (2, 2))
        until(lambda: phase_is(stage, Phase.CONCLUDED), within=60)
        assert stage.injections == 1
        return wanted, ready


def _after(begun: float, is_so: Callable[[], bool]) -> float:
    until(is_so, within=60, every=0.01)
    return time.monotonic() - begun


# A signal: plain `chaos run` beside ours


def _signals(folder: Path, cluster: Any) -> list[Told]:
    return [
        Told(
            what=f"scaled to zero, then {sign.name}: afterwards",
            ours=_with_us(folder, cluster, sign),
            beside=f"`chaos run`, rollbacks {strategy}",
            theirs=_with_plain(folder, cluster, sign, strategy),
        )
        for sign in SIGNALS
        for strategy in ("default", "always")
    ]


def _with_us(folder: Path, cluster: Any, sign: signal.Signals) -> str:
    with _stage(folder, cluster) as stage:
        first = stage.start("run", str(stage.write_experiment()), "--longest", "90")
        until(lambda: phase_is(stage, Phase.HOLDING) and stage.replicas("payment")[1] == 0)
        return _outcome(stage, first, sign)


def _with_plain(folder: Path, cluster: Any, sign: signal.Signals, strategy: str) -> str:
    with _stage(folder, cluster) as stage:
        path = stage.write_experiment()
        with _plain(stage, path, f"--rollback-strategy={strategy}") as process:
            until(lambda: stage.replicas("payment") == (0, 0), within=60)
            return _outcome(stage, process, sign)


def _outcome(stage: Stage, process: "subprocess.Popen[str]", sign: signal.Signals) -> str:
    """What the shop is like after a signal, and that it is whole before the next."""
    begun = time.monotonic()
    process.send_signal(sign)
    try:
        took = until(lambda: stage.replicas("payment")[0] == 2 and time.monotonic() - begun,
                     within=PATIENCE, every=0.01)  # fmt: skip
        return f"restored after {took:.2f} s"
    except AssertionError:
        still = "runs on" if process.poll() is None else "has ended"
        return f"**broken**, 0 of 2 pods {PATIENCE:.0f} s later; it {still}"
    finally:
        stage.scale("payment", 2)
        until(lambda: stage.replicas("payment") == (2, 2))


@contextmanager
def _plain(stage: Stage, path: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """`chaos run`, ended with the scope."""
    command = [CHAOS, "--no-version-check", "run", *options, str(path)]
    environment = stage.environment | {"HOME": str(stage.folder), "PYTHONPATH": str(Path.cwd())}
    with (stage.folder / "chaos.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=stage.folder, stdout=log, stderr=log, text=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=10)
