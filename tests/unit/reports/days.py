"""Whole days as they could have been: the compressed one of a demo, and one of eight hours."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from orchestrator.domain.day import DayState, PinnedExperiment
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import Actor, ActorKind, EntryId, IncidentId, Role, RunId
from orchestrator.domain.incident import Incident, RunLink, Status
from orchestrator.domain.plan import Expectation, Person, TimeBox, Window
from orchestrator.domain.record import DayRecord
from orchestrator.domain.run import Finding, Injection, Phase, Run
from orchestrator.domain.timeline import Kind, Lane, Precision, TimelineEntry
from tests.builders import (
    a_concluded_run,
    a_day,
    a_facilitator,
    a_link,
    a_plan,
    a_sample,
    an_entry,
    an_experiment,
    an_incident,
    at,
)

PEOPLE = (
    Person(name="Kim", role=Role.FACILITATOR, team="platform"),
    Person(name="Eve", role=Role.AGENT, team="platform"),
    Person(name="Ada", role=Role.RESPONDER, team="payments"),
    Person(name="Ben", role=Role.RESPONDER, team="storefront"),
)
GUARD = Actor(kind=ActorKind.GUARD, name="guard")
ADA = Actor(kind=ActorKind.SCRIPT, name="Ada", role=Role.RESPONDER)
BEN = Actor(kind=ActorKind.SCRIPT, name="Ben", role=Role.RESPONDER)

HOME = "home page answers"
CHECKOUT = "checkout succeeds"
LATENCY = "seconds to answer"
TOLERANCES: dict[str, Any] = {
    HOME: {"type": "range", "range": [1.0, 1.0]},
    CHECKOUT: {"type": "range", "range": [0.9, 1.0]},
    LATENCY: {"type": "range", "range": [0, 0.4]},
}


class Scene:
    """Writes one day, moment by moment."""

    def __init__(self, *, seed: int = 7) -> None:
        self.chance = random.Random(seed)
        self.runs: list[Run] = []
        self.entries: list[TimelineEntry] = []
        self.incidents: list[Incident] = []
        self.links: list[RunLink] = []
        self.samples: list[Sample] = []
        self.boxes: list[TimeBox] = []
        self.experiments: dict[str, PinnedExperiment] = {}

    def run(
        self,
        slug: str,
        title: str,
        *,
        service: str,
        team: str,
        start: float,
        end: float,
        action: str,
        write: str,
        bad: dict[str, tuple[float, float]],
        every: float,
        expects: tuple[Expectation, ...] = (),
        **changes: Any,
    ) -> Run:
        lead = min(every * 6, (end - start) / 2)
        run = a_concluded_run(
            id=RunId(f"run-{slug}"), box=slug, experiment=slug, title=title,
            planned_at=at(start - 1), started_at=at(start), injected_at=at(start + every * 0.4),
            proven_at=at(start + every * 0.7), rolled_back_at=at(end),
            ended_at=at(end + every * 2.5), finding=Finding.DEVIATED if bad else Finding.HELD,
        )  # fmt: skip
        run = replace(run, **changes)
        self.runs.append(run)
        self.boxes.append(
            TimeBox(
                name=slug, experiment=slug, lasts=timedelta(seconds=end - start), at=at(start),
                title=title, service=service, team=team, expects=expects,
            )
        )  # fmt: skip
        self.experiments[slug] = _experiment(slug, title, action)
        if run.started_at:
            self._machinery(run, start, end, every, write)
            self._sample(run, start - lead, end + lead, every, bad)
        return run

    def say(
        self, seconds: float, kind: Kind, text: str, who: Actor, *,
        incident: str = "", recorded: float = 0.2, source: str = "cli",
    ) -> None:  # fmt: skip
        lane = Lane.PEOPLE if kind in {Kind.SAW, Kind.THOUGHT, Kind.DID, Kind.NOTE} else (
            Lane.INCIDENT
        )  # fmt: skip
        self._entry(
            seconds, lane=lane, kind=kind, text=text, actor=who, source=source,
            incident=IncidentId(incident) if incident else None,
            recorded_at=at(seconds + recorded),
            precision=Precision.RECALLED if recorded > 1 else Precision.EXACT,
        )  # fmt: skip

    def incident(
        self, key: str, title: str, seconds: float, *, run: Run | None, service: str = "",
        status: Status = Status.RESOLVED, by: str = "Ada",
    ) -> None:  # fmt: skip
        self.incidents.append(
            an_incident(
                id=IncidentId(key), key=key, title=title, opened_at=at(seconds),
                recorded_at=at(seconds), service=service, status=status, opened_by=by,
            )
        )  # fmt: skip
        if run:
            because = "its fault was active then, and it is about the same service"
            self.links.append(
                a_link(run=run.id, incident=IncidentId(key), decided_by="chaosday",
                       decided_at=at(seconds), because=because)
            )  # fmt: skip

    def halt(self, seconds: float, released: float, reason: str) -> None:
        kim = a_facilitator()
        self._entry(seconds, lane=Lane.DAY, kind=Kind.HALTED, text="the day is halted",
                    actor=kim, source="web", details={"reason": reason})  # fmt: skip
        self._entry(released, lane=Lane.DAY, kind=Kind.RELEASED, text="the halt is released",
                    actor=kim, source="web")  # fmt: skip

    def record(self, *, closes: float, is_scripted: bool, name: str) -> DayRecord:
        self._entry(0, kind=Kind.OPENED, text="the day opened")
        self._entry(closes, kind=Kind.CLOSED, text="the day closed")
        plan = a_plan(
            name=name, agenda=tuple(self.boxes), people=PEOPLE,
            window=Window(zone="Europe/Vienna", opens_at=at(0), closes_at=at(closes)),
        )  # fmt: skip
        day = a_day(
            plan=plan, experiments=self.experiments, state=DayState.CLOSED,
            closed_at=at(closes), revealed_at=at(closes), is_scripted=is_scripted,
        )  # fmt: skip
        entries = sorted(self.entries, key=lambda entry: entry.recorded_at)
        return DayRecord(
            day=day, runs=self.runs, incidents=self.incidents, links=self.links,
            entries=[
                replace(entry, seq=seq, id=EntryId(f"entry-{seq}"))
                for seq, entry in enumerate(entries, start=1)
            ],
            samples={
                run.id: [sample for sample in self.samples if sample.run == run.id]
                for run in self.runs
            },
        )  # fmt: skip

    def _entry(self, seconds: float, **changes: Any) -> None:
        self.entries.append(an_entry(occurred_at=at(seconds), **changes))

    def _machinery(self, run: Run, start: float, end: float, every: float, write: str) -> None:
        fault = {"lane": Lane.FAULT, "run": run.id}
        mechanics = {"lane": Lane.MECHANICS, "run": run.id, "actor": GUARD, "source": "guard"}
        self._entry(start, kind=Kind.MOVED, text=f"{run.title}: injecting", **fault)
        self._entry(start + every * 0.2, kind=Kind.WRITE, text=write,
                    details={"verb": "change", "target": write}, **mechanics)  # fmt: skip
        self._entry(start + every * 0.4, kind=Kind.INJECTED, text="the method was made", **fault)
        if run.injection is Injection.PROVEN:
            self._entry(start + every * 0.7, kind=Kind.PROOF, text="proof of injection: proven",
                        details={"evidence": f"{write}: seen"}, **fault)  # fmt: skip
        self._entry(end + every * 0.3, kind=Kind.WRITE, text=write, **mechanics)
        if run.ended_at:
            self._entry(
                end + every * 2.4, kind=Kind.RESTORED, text="restored and verified",
                details={"undone": [write], "kept": [], "pending": []}, **fault,
            )  # fmt: skip

    def _sample(
        self, run: Run, start: float, end: float, every: float,
        bad: dict[str, tuple[float, float]],
    ) -> None:  # fmt: skip
        for offset, probe in enumerate((HOME, CHECKOUT, LATENCY)):
            moment = start + offset * every / 4
            low, high = bad.get(probe, (0.0, 0.0))
            while moment < end:
                self.samples.append(self._observe(run, probe, moment, low <= moment < high))
                moment += every

    def _observe(self, run: Run, probe: str, moment: float, out: bool) -> Sample:
        if probe == LATENCY:
            took = self.chance.uniform(0.5, 2.0) if out else self.chance.uniform(0.02, 0.12)
            value = f"{took:.3f}"
        else:
            took = 0.02
            value = f"{self.chance.choice([0.0, 0.2, 0.4]):.1f}" if out else "1.0"
        return a_sample(run=run.id, probe=probe, at=at(moment), within=not out, value=value,
                        took=timedelta(seconds=took))  # fmt: skip


def _experiment(slug: str, title: str, action: str) -> PinnedExperiment:
    document = {
        "title": title,
        "description": f"What customers notice when we {action}.",
        "steady-state-hypothesis": {
            "title": "The shop sells",
            "probes": [
                {"type": "probe", "name": name, "tolerance": tolerance}
                for name, tolerance in TOLERANCES.items()
            ],
        },
        "method": [{"type": "action", "name": action}],
        "extensions": [
            {
                "name": "chaosday",
                "expects": [
                    {"what": "The team on call notices", "within": "10s"},
                    {"what": "Customers see a friendly message"},
                ],
            }
        ],
    }
    return an_experiment(name=slug, document=document)


def a_compressed_day() -> DayRecord:
    """Ninety seconds, four runs, a scripted team that leaves one fault unnoticed."""
    scene = Scene()
    team_notices = Expectation(what="payments acknowledges", within=timedelta(seconds=8))
    scene.run(
        "pod-killed", "One pod of checkout killed", service="checkout", team="storefront",
        start=6, end=18, every=0.8, action="terminate one pod of checkout",
        write="pods/shop/checkout-7d9c5b-x2x8k", bad={},
    )  # fmt: skip
    gone = scene.run(
        "scaled-to-zero", "Payment scaled to zero", service="payment", team="payments",
        start=26, end=41, every=0.8, action="scale payment to zero",
        write="deployments/shop/payment", bad={CHECKOUT: (26.5, 38), LATENCY: (26.4, 29)},
        expects=(team_notices,),
    )  # fmt: skip
    scene.incident("INC-1", "Checkout answers 503", 31.5, run=gone, service="checkout")
    scene.say(30.0, Kind.SAW, "checkout answers 503 <for everybody>", ADA, recorded=2.5)
    scene.say(31.5, Kind.DECLARED, "Checkout answers 503", ADA, incident="INC-1")
    scene.say(32.6, Kind.ACKNOWLEDGED, "INC-1 acknowledged", BEN, incident="INC-1", source="api")
    scene.say(34.0, Kind.ESCALATED, "payments needs to look", BEN, incident="INC-1")
    scene.say(37.5, Kind.DID, "scaled payment back up to 2", ADA, incident="INC-1")
    scene.say(38.2, Kind.MITIGATED, "payment is back", ADA, incident="INC-1")
    scene.say(40.1, Kind.RESOLVED, "checkout sells again", ADA, incident="INC-1")
    broken = scene.run(
        "selector-broken", "Catalog's Service selects nothing", service="catalog",
        team="storefront", start=48, end=62, every=0.8, action="break the selector of catalog",
        write="services/shop/catalog", bad={HOME: (48.5, 63), CHECKOUT: (48.5, 63)},
    )  # fmt: skip
    scene.incident("INC-2", "Home page is empty", 53.0, run=broken, by="Ben")
    scene.say(53.0, Kind.DECLARED, "Home page is empty", BEN, incident="INC-2")
    scene.say(54.5, Kind.ACKNOWLEDGED, "INC-2 acknowledged", BEN, incident="INC-2")
    scene.say(58.0, Kind.THOUGHT, "endpoints of catalog are gone?", BEN, incident="INC-2")
    scene.say(64.5, Kind.RESOLVED, "home page has products again", BEN, incident="INC-2")
    scene.run(
        "bad-image", "A bad image of stock rolled out", service="stock", team="storefront",
        start=70, end=84, every=0.8, action="roll out a bad image of stock",
        write="deployments/shop/stock", bad={LATENCY: (72, 84)},
    )  # fmt: skip
    return scene.record(closes=92, is_scripted=True, name="Demo: a compressed Chaos Day")


def a_long_day() -> DayRecord:
    """Eight hours, eight runs of every kind, a halt, and an incident that nobody injected."""
    scene = Scene(seed=11)
    ada, ben = (replace(actor, kind=ActorKind.HUMAN) for actor in (ADA, BEN))
    hour = 3600
    common: dict[str, Any] = {"every": 15}
    scene.run(
        "pod-kill", "Pod kill: checkout", service="checkout", team="storefront",
        start=0.5 * hour, end=0.75 * hour, action="terminate one pod",
        write="pods/shop/checkout-1", bad={CHECKOUT: (0.51 * hour, 0.52 * hour)}, **common,
    )  # fmt: skip
    slow = scene.run(
        "latency", "Network latency between payment and its bank", service="payment",
        team="payments", start=1.25 * hour, end=1.75 * hour, action="delay packets",
        write="pods/shop/payment-1", bad={LATENCY: (1.27 * hour, 1.7 * hour)}, **common,
    )  # fmt: skip
    scene.incident("INC-1", "Payments are slow", 1.4 * hour, run=slow)
    steps = (Kind.DECLARED, Kind.ACKNOWLEDGED, Kind.ESCALATED, Kind.MITIGATED)
    for place, kind in enumerate(steps):
        scene.say((1.4 + place * 0.02) * hour, kind, "Payments are slow", ada, incident="INC-1")
    scene.say(1.72 * hour, Kind.RESOLVED, "fast again", ada, incident="INC-1")
    scene.run(
        "dns", "DNS of catalog does not answer", service="catalog", team="storefront",
        start=2.25 * hour, end=2.5 * hour, action="break DNS", write="configmaps/shop/dns",
        bad={}, finding=Finding.INEFFECTIVE, injection=Injection.NOT_EFFECTIVE,
        proven_at=None, **common,
    )  # fmt: skip
    drained = scene.run(
        "drain", "Node drain: zone b", service="stock", team="platform",
        start=3.2 * hour, end=3.5 * hour, action="drain a node", write="pods/shop/stock-1",
        bad={HOME: (3.22 * hour, 3.6 * hour)}, finding=Finding.ABORTED,
        reason="halted: a real incident", **common,
    )  # fmt: skip
    scene.halt(3.5 * hour, 4.0 * hour, "a real incident in production")
    scene.incident("INC-2", "Home page slow", 3.3 * hour, run=drained)
    scene.say(3.3 * hour, Kind.DECLARED, "Home page slow", ben, incident="INC-2", recorded=240)
    scene.incident("INC-3", "Certificate of the bank expires today", 4.4 * hour, run=None)
    scene.say(
        4.4 * hour, Kind.DECLARED, "Certificate of the bank expires today", ada, incident="INC-3"
    )
    scene.run(
        "cpu", "CPU stress: search", service="search", team="storefront", start=5 * hour,
        end=5.3 * hour, action="burn CPU", write="pods/shop/search-1", bad={}, **common,
    )  # fmt: skip
    scene.say(5.1 * hour, Kind.SAW, "search pods are hot on the dashboard", ben)
    scene.run(
        "bad-image", "A bad image of stock rolled out", service="stock", team="storefront",
        start=6 * hour, end=6.3 * hour, action="roll out", write="deployments/shop/stock",
        bad={CHECKOUT: (6.1 * hour, 6.3 * hour)}, **common,
    )  # fmt: skip
    scene.run(
        "region", "Loss of the object store", service="media", team="platform",
        start=6.8 * hour, end=7 * hour, action="cut", write="", bad={}, finding=Finding.UNFIT,
        injection=None, started_at=None, injected_at=None, proven_at=None, rolled_back_at=None,
        phase=Phase.CANCELLED, reason="the steady state did not hold", **common,
    )  # fmt: skip
    scene.run(
        "stranded", "Volume full on cart", service="cart", team="payments", start=7.2 * hour,
        end=7.5 * hour, action="fill", write="pods/shop/cart-1",
        bad={CHECKOUT: (7.25 * hour, 7.9 * hour)}, finding=Finding.STRANDED,
        phase=Phase.STRANDED, reason="pods/shop/cart-1 is not ready", **common,
    )  # fmt: skip
    return scene.record(closes=8 * hour, is_scripted=False, name="Autumn Chaos Day of the shop")
