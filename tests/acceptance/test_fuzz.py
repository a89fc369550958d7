"""Random experiments whose processes are killed and frozen at random moments.

Whatever dies or sleeps, and in whatever pairs: in the end the shop is as before but for what
others changed, nothing was injected twice, no process is left, and the run has one end. Each
seed makes one run; `CHAOSDAY_FUZZ_SEEDS` names others, such as `7` or `1-200`.
"""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
import yaml
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.run import Phase, Run
from orchestrator.domain.timeline import Kind, TimelineEntry
from tests.acceptance.deeds import COUNTED, SHOP
from tests.acceptance.stage import Stage, until
from tests.acceptance.test_kill import runs_of
from tests.doubles.postgres import PostgresServer

DEEDS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("scale", {"name": COUNTED, "replicas": 0}),
    ("scale", {"name": COUNTED, "replicas": 1}),
    ("break_service", {"name": "catalog"}),
    ("change_image", {"name": "stock"}),
    ("delete_pod", {"name": "cart"}),
    ("create_config_map", {"name": "ours"}),
    ("delete_service", {"name": "cart"}),
]
WORDS: Final[Mapping[str, bytes]] = {
    "guard": b"guard",
    "observer": b"observe",
    "runner": b"play",
}
CREWS: Final = [
    ("orchestrator",),
    ("guard",),
    ("runner",),
    ("observer",),
    ("orchestrator", "guard"),
    ("orchestrator", "runner"),
    ("guard", "runner"),
    (),
]
PATIENCE: Final = 90.0
"""Seconds within which a run ends after the last harm."""


def seeds() -> list[Any]:
    """Each seed, every third of which wants PostgreSQL."""
    said = os.environ.get("CHAOSDAY_FUZZ_SEEDS", "1-8")
    first, _, last = said.partition("-")
    return [
        pytest.param(seed, marks=() if seed % 3 else pytest.mark.postgres)
        for seed in range(int(first), int(last or first) + 1)
    ]


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, seed: int, cluster: dict[str, Any], tmp_path: Path
) -> Iterator[Stage]:
    url = f"sqlite+aiosqlite:///{tmp_path}/chaosday.db"
    stage = Stage(tmp_path, url if seed % 3 else _fresh(request), cluster)
    yield stage
    stage.end()


def _fresh(request: pytest.FixtureRequest) -> str:
    postgres: PostgresServer = request.getfixturevalue("postgres")
    return postgres.fresh()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done in one run, and what is done to it."""

    deeds: tuple[tuple[str, dict[str, Any]], ...]
    pauses: tuple[float, ...]
    hold: float
    victims: tuple[str, ...]
    is_frozen: bool
    at: float
    """Seconds from the start of injecting to the harm; below zero from the start of the command."""
    frozen_for: float
    is_mended: bool

    @classmethod
    def of(cls, seed: int) -> "Plan":
        dice = random.Random(seed)
        deeds = tuple(dice.sample(DEEDS, dice.randint(1, 3)))
        return cls(
            deeds=deeds,
            pauses=tuple(dice.uniform(0, 0.6) for _ in deeds),
            hold=dice.uniform(1, 3),
            # Each in turn, so that a handful of seeds meets all of them.
            victims=CREWS[seed % len(CREWS)],
            is_frozen=dice.random() < 0.4,
            at=dice.choice([dice.uniform(-2, 0), dice.uniform(0, 1), dice.uniform(0, 4)]),
            frozen_for=dice.uniform(2, 8),
            is_mended=dice.random() < 0.3,
        )


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", seeds())
def test_whatever_dies_the_shop_is_as_before(stage: Stage, seed: int) -> None:
    plan = Plan.of(seed)
    shop = Shop(stage)
    before = shop.seen()
    print(seed, plan)  # noqa: T201

    with shop.others_at_work(mending=plan.is_mended):
        first = stage.start("run", str(write(plan, stage.folder)), "--longest", "60")
        harm(plan, stage, first)
        second = None
        if plan.victims[:1] == ("orchestrator",):
            second = stage.start("serve", "--port", "0")
        run = ended(stage, first if second is None else second)

    assert run is None or run.phase in {Phase.CONCLUDED, Phase.CANCELLED}, run
    check_record(stage)
    assert set(counted(stage.folder).values()) <= {1}
    until(lambda: first.poll() is not None, within=60)
    if second is not None:
        second.terminate()
        second.wait(timeout=60)
    until(lambda: not stage.leftovers(), within=75)
    until(lambda: shop.is_as(before, mended=plan.is_mended), within=30)
    shop.tidy()


def write(plan: Plan, folder: Path) -> Path:
    """The experiment: each deed is counted before it is done."""
    method = []
    for number, (name, arguments) in enumerate(plan.deeds):
        method.append(_calling("count", path=str(folder / f"count-{number}")))
        method.append(_calling(name, **arguments) | {"pauses": {"after": plan.pauses[number]}})
    method[-1]["pauses"] = {"after": plan.hold}
    well: dict[str, Any] = {"type": "process", "path": "true"}
    probe = {"type": "probe", "name": "well", "tolerance": 0, "provider": well}
    document = {
        "title": "Anything",
        "description": "at random",
        "steady-state-hypothesis": {"title": "All is well", "probes": [probe]},
        "method": method,
        "rollbacks": [_calling("scale", name=COUNTED, replicas=2)],
    }
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def _calling(func: str, **arguments: Any) -> dict[str, Any]:
    module = "tests.acceptance.deeds"
    provider = {"type": "python", "module": module, "func": func, "arguments": arguments}
    return {"type": "action", "name": func, "provider": provider}


def counted(folder: Path) -> Mapping[str, int]:
    return {path.name: len(path.read_text().split()) for path in folder.glob("count-*")}


# Harm


def harm(plan: Plan, stage: Stage, first: "subprocess.Popen[str]") -> None:
    """Kill or freeze the victims at the moment planned; what was frozen wakes up later."""
    begun = time.monotonic()
    if plan.at >= 0:
        with suppress(AssertionError):
            until(lambda: _is_injecting(stage) or first.poll() is not None)
        begun = time.monotonic()
    _sleep_until(begun + (plan.at if plan.at >= 0 else 3 + plan.at))
    sign = signal.SIGSTOP if plan.is_frozen else signal.SIGKILL
    hit = [number for victim in plan.victims for number in _found(stage, first, victim)]
    for number in hit:
        with suppress(ProcessLookupError):
            os.kill(number, sign)
    if plan.is_frozen:
        threading.Timer(plan.frozen_for, _wake, [hit]).start()
    elif "orchestrator" in plan.victims:
        first.wait(timeout=10)


def _is_injecting(stage: Stage) -> bool:
    return any(run.phase not in {Phase.PLANNED, Phase.ARMED} for run in runs_of(stage))


def _wake(numbers: list[int]) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGCONT)


def _sleep_until(moment: float) -> None:
    time.sleep(max(moment - time.monotonic(), 0))


def _found(stage: Stage, first: "subprocess.Popen[str]", victim: str) -> list[int]:
    if victim == "orchestrator":
        return [first.pid] if first.poll() is None else []
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_near = str((path / "cwd").readlink()).startswith(str(stage.folder))
            if is_near and WORDS[victim] in (path / "cmdline").read_bytes().split(b"\0"):
                found.append(int(path.name))
    return found


# What came of it


def ended(stage: Stage, conductor: "subprocess.Popen[str]") -> Run | None:
    """The run at its end; None when its conductor was gone before there was one."""

    def is_over() -> list[Run] | None:
        runs = runs_of(stage)
        if runs and all(run.phase.is_final or run.phase is Phase.PLANNED for run in runs):
            return runs
        # Of what was never planned or armed nobody hears again.
        return [] if not runs and conductor.poll() is not None else None

    runs = until(lambda: (found,) if (found := is_over()) is not None else None, within=PATIENCE)[0]
    return runs[0] if runs and runs[0].phase is not Phase.PLANNED else None


def check_record(stage: Stage) -> None:
    """The timeline has no gap, and tells of one start and one end at the most."""

    async def read() -> list[TimelineEntry]:
        async with Database(stage.database) as database:
            storage = SqlStorage(database)
            return [e for day in await storage.days() for e in await storage.timeline(day.id)]

    entries = anyio.run(read)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    phases = Counter(str(e.details["phase"]) for e in entries if e.kind is Kind.MOVED)
    assert phases["injecting"] <= 1
    assert phases["concluded"] + phases["cancelled"] <= 1
    assert phases["stranded"] == 0


class Shop:
    """The shop, as everybody sees it."""

    def __init__(self, stage: Stage) -> None:
        self._api = client.ApiClient(stage._configuration())
        self._apps = client.AppsV1Api(self._api)
        self._core = client.CoreV1Api(self._api)

    def seen(self) -> dict[str, Any]:
        """What is wanted of each object, and how much of it is ready."""
        found: dict[str, Any] = {}
        for each in self._items(self._apps.list_namespaced_deployment(SHOP)):
            spec, ready = each["spec"], each["status"].get("readyReplicas")
            image = spec["template"]["spec"]["containers"][0]["image"]
            found[f"deployment {each['metadata']['name']}"] = (spec["replicas"], image, ready)
        for each in self._items(self._core.list_namespaced_service(SHOP)):
            found[f"service {each['metadata']['name']}"] = each["spec"]["selector"]
        for each in self._items(self._core.list_namespaced_config_map(SHOP)):
            found[f"config map {each['metadata']['name']}"] = each["data"]
        return found

    def _items(self, found: object) -> list[dict[str, Any]]:
        plain: Any = self._api.sanitize_for_serialization(found)  # type: ignore[no-untyped-call]
        items: list[dict[str, Any]] = plain["items"]
        return items

    def is_as(self, before: dict[str, Any], *, mended: bool) -> bool:
        now = self.seen()
        if mended:
            key = f"deployment {COUNTED}"
            assert now[key][0] in {2, 3}, "neither as before nor as mended"
            before, now = {**before, key: None}, {**now, key: None}
        return now == before

    @contextmanager
    def others_at_work(self, *, mending: bool) -> Iterator[None]:
        """Others change what is not ours, all the time; and one mends what is, once."""
        over = threading.Event()

        def work() -> None:
            for turn in range(10_000):
                if over.wait(0.1):
                    return
                body: dict[str, Any] = {"metadata": {"annotations": {"others": str(turn)}}}
                with suppress(ApiException):
                    self._apps.patch_namespaced_deployment(COUNTED, SHOP, body)
                    self._core.patch_namespaced_service("catalog", SHOP, body)
                if mending and self.seen()[f"deployment {COUNTED}"][0] == 0:
                    self._scale(3)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _scale(self, replicas: int) -> None:
        with suppress(ApiException):
            self._apps.patch_namespaced_deployment(COUNTED, SHOP, {"spec": {"replicas": replicas}})

    def tidy(self) -> None:
        """As before for the next run, also where others mended."""
        self._scale(2)
        until(lambda: self.seen()[f"deployment {COUNTED}"][2] == 2)
        self._api.close()  # type: ignore[no-untyped-call]
