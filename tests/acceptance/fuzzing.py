"""Random experiments whose processes are killed and frozen at random moments.

Whatever dies or sleeps, and in whatever pairs: in the end the shop is as before but for what
others changed, nothing was injected twice, no process is left, and the run has one end. The
runners of every other seed are kept in, as on any day.
"""

import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import yaml

from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.cli.exits import BUG, CODES
from orchestrator.domain.errors import Invalid
from orchestrator.domain.run import Finding, Phase, Run
from orchestrator.domain.timeline import Kind, TimelineEntry
from tests.acceptance.counting import counting
from tests.acceptance.database import runs_of
from tests.acceptance.deeds import COUNTED
from tests.acceptance.harming import ORCHESTRATOR, hit, wake_later
from tests.acceptance.shop import Shop
from tests.acceptance.stage import AT_ANY_TIME, Stage, until

DEEDS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("scale", {"name": COUNTED, "replicas": 0}),
    ("scale", {"name": COUNTED, "replicas": 1}),
    ("break_service", {"name": "catalog"}),
    ("change_image", {"name": "stock"}),
    ("delete_pod", {"name": "cart"}),
    ("evict_pod", {"name": "cart"}),
    ("delete_pods", {"name": "stock"}),
    ("create_config_map", {"name": "ours"}),
    ("make_and_remove", {"name": "brief"}),
    ("delete_service", {"name": "cart"}),
    ("delete_deployment", {"name": "checkout"}),
    ("replace_deployment", {"name": "cart"}),
    ("apply_deployment", {"name": "cart"}),
    ("patch_by_steps", {"name": "storefront"}),
    ("replace_scale", {"name": "catalog", "replicas": 1}),
    ("cut_off", {"name": "storefront"}),
    ("cut_off_briefly", {"name": "catalog"}),
    ("cordon", {"position": 0}),
    ("taint", {"position": 0}),
]
"""Each succeeds wherever it comes among the others: what one deletes, no other is about."""
CREWS: Final = [
    (ORCHESTRATOR,),
    ("guard",),
    ("runner",),
    ("observer",),
    (ORCHESTRATOR, "guard"),
    (ORCHESTRATOR, "runner"),
    ("guard", "runner"),
    (),
    ("guard", "observer"),
    ("runner", "observer"),
    (ORCHESTRATOR, "guard", "runner"),
]
PATIENCE: Final = 90.0
"""Seconds within which a run ends after the last harm."""
LATCHED: Final = 5.0
"""Seconds after which a run that is only armed is taken to wait for the release of a halt."""

PLAN: Final = (
    AT_ANY_TIME
    + """\
blast_radius:
  namespaces: [shop]
  kinds: [pods, deployments, services, configmaps, networkpolicies, nodes]
  creates: [configmaps, networkpolicies]
  most_objects: 60
  disruption_budgets: may be violated
  longest: 60s
may_reach: ["{counter}"]
agenda:
  - {box: anything, at: +1s, lasts: 60s, experiment: experiment.yaml}
"""
)


@dataclass(frozen=True, kw_only=True)
class Harm:
    """What is done to whom, and when.

    Units: at in seconds from the start of injecting, below zero from that of the command;
    frozen_for in seconds, 0 for a kill.
    """

    victims: tuple[str, ...]
    at: float
    frozen_for: float

    @classmethod
    def by(cls, dice: random.Random, victims: tuple[str, ...]) -> "Harm":
        return cls(
            victims=victims,
            at=dice.choice([dice.uniform(-2, 0), dice.uniform(0, 1), dice.uniform(0, 4)]),
            frozen_for=dice.uniform(1, 8) if dice.random() < 0.4 else 0,
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done in one run, and what is done to it."""

    deeds: tuple[tuple[str, dict[str, Any]], ...]
    pauses: tuple[float, ...]
    hold: float
    harms: tuple[Harm, ...]
    """One after the other; the second may hit whoever came in the place of the first."""
    halted_after: float
    """Seconds after the first harm; below zero for never."""
    is_mended: bool

    @classmethod
    def of(cls, seed: int) -> "Plan":
        dice = random.Random(seed)
        deeds = tuple(dice.sample(DEEDS, dice.randint(1, 4)))
        # Each in turn, so that a handful of seeds meets all of them.
        harms = [Harm.by(dice, CREWS[seed % len(CREWS)])]
        if dice.random() < 0.3:
            harms.append(Harm.by(dice, dice.choice(CREWS)))
        return cls(
            deeds=deeds,
            pauses=tuple(dice.uniform(0, 0.6) for _ in deeds),
            hold=dice.uniform(1, 3),
            harms=tuple(harms),
            halted_after=dice.uniform(0, 3) if dice.random() < 0.25 else -1,
            is_mended=dice.random() < 0.3,
        )

    @classmethod
    def calm(cls, deeds: Sequence[tuple[str, dict[str, Any]]]) -> "Plan":
        """Everything is done, and nothing to it."""
        return cls(
            deeds=tuple(deeds),
            pauses=(0,) * len(deeds),
            hold=1,
            harms=(),
            halted_after=-1,
            is_mended=False,
        )


def check_whole(stage: Stage, seed: int) -> None:
    """Make one run, do it harm, and hold what is left against what was there before."""
    plan = Plan.of(seed)
    print(f"repeat it with: make fuzz SEEDS={seed}\n{plan}")  # noqa: T201
    stage.is_contained = seed % 2 == 0
    check(stage, plan)


def check_calm(stage: Stage, deeds: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Without harm every deed succeeds: no seed is a run that ends before it began."""
    stage.is_contained = True
    run, told = check(stage, Plan.calm(deeds))
    assert run is not None
    assert run.finding is Finding.HELD, run
    assert list(told.values()) == [1] * len(deeds)


def check(stage: Stage, plan: Plan) -> tuple[Run | None, Mapping[str, int]]:
    """Make the run and do the harm; returns how it ended and how often each deed was begun."""
    shop = Shop(stage)
    before = shop.seen()
    with shop.others_at_work(mending=plan.is_mended), counting() as count:
        write(plan, stage.folder, count.url)
        words = ("conduct", str(stage.folder / "plan.yaml"), "--output", str(stage.folder / "out"))
        conductors = [stage.start(*words)]
        harm_all(plan, stage, conductors)
        run = ended(stage, conductors[0])

    assert run is None or run.phase in {Phase.CONCLUDED, Phase.CANCELLED}, run
    check_record(stage)
    assert set(count.told.values()) <= {1}
    # A plan that is not taken would make every seed pass.
    assert conductors[0].wait(timeout=60) not in {CODES[Invalid], BUG}
    for successor in conductors[1:]:
        successor.terminate()
        successor.wait(timeout=60)
    until(lambda: not stage.leftovers(), within=75)
    until(lambda: shop.is_as(before, mended=plan.is_mended), within=30)
    shop.tidy()
    return run, count.told


def write(plan: Plan, folder: Path, counter: str) -> None:
    """The plan and its experiment: each deed is counted before it is done."""
    method = []
    for number, (name, arguments) in enumerate(plan.deeds):
        method.append(_calling("tell", url=f"{counter}/{number}"))
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
    (folder / "experiment.yaml").write_text(yaml.safe_dump(document))
    counted_at = counter.removeprefix("http://")
    (folder / "plan.yaml").write_text(PLAN.replace("{counter}", counted_at))


def _calling(func: str, **arguments: Any) -> dict[str, Any]:
    module = "tests.acceptance.deeds"
    provider = {"type": "python", "module": module, "func": func, "arguments": arguments}
    return {"type": "action", "name": func, "provider": provider}


# Harm


def harm_all(plan: Plan, stage: Stage, conductors: "list[subprocess.Popen[str]]") -> None:
    """Do all the harm planned; whenever the conductor was killed, a successor is started."""
    for number, harm in enumerate(plan.harms):
        do_harm(harm, stage, conductors[-1])
        if ORCHESTRATOR in harm.victims and not (harm.frozen_for and number):
            conductors.append(stage.start("serve", "--port", "0"))
        if number == 0 and plan.halted_after >= 0:
            time.sleep(plan.halted_after)
            stage.call("halt", "--direct", "enough")


def do_harm(harm: Harm, stage: Stage, conductor: "subprocess.Popen[str]") -> None:
    """Kill or freeze the victims at the moment planned; what was frozen wakes up later."""
    begun = time.monotonic()
    if harm.at >= 0:
        with suppress(AssertionError):
            until(lambda: _is_injecting(stage) or conductor.poll() is not None)
        begun = time.monotonic()
    time.sleep(max(begun + (harm.at if harm.at >= 0 else 3 + harm.at) - time.monotonic(), 0))
    sign = signal.SIGSTOP if harm.frozen_for else signal.SIGKILL
    numbers = hit(stage, conductor, harm.victims, sign)
    if harm.frozen_for:
        wake_later(numbers, harm.frozen_for)
    elif ORCHESTRATOR in harm.victims:
        conductor.wait(timeout=10)


def _is_injecting(stage: Stage) -> bool:
    return any(run.phase not in {Phase.PLANNED, Phase.ARMED} for run in runs_of(stage))


# What came of it


def ended(stage: Stage, conductor: "subprocess.Popen[str]") -> Run | None:
    """The run at its end; None when its conductor was gone before there was one."""
    begun = time.monotonic()

    def is_over() -> list[Run] | None:
        is_gone = conductor.poll() is not None
        runs = runs_of(stage)
        if time.monotonic() - begun > LATCHED and {run.phase for run in runs} == {Phase.ARMED}:
            # What a halt met before its start waits for the release, whoever conducts it then.
            stage.call("halt", "--direct", "--release")
        # Of what was never planned or armed nobody hears again, once its conductor is gone.
        ends = [run.phase.is_final or (is_gone and run.phase is Phase.PLANNED) for run in runs]
        return runs if all(ends) and (runs or is_gone) else None

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
