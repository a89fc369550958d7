"""World-builders, one per noun: a valid value, of which a test changes what it is about.

Instants count from `DAWN`, the opening of the builders' day; `at(90)` is 90 seconds later.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.day import ChaosDay, DayState, PinnedExperiment
from orchestrator.domain.halt import Halt
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import (
    ORCHESTRATOR,
    Actor,
    ActorKind,
    DayId,
    EntryId,
    IncidentId,
    Role,
    RunId,
)
from orchestrator.domain.incident import Incident, RunLink, Status
from orchestrator.domain.plan import Cluster, Environment, Person, Plan, Service, TimeBox, Window
from orchestrator.domain.record import DayRecord
from orchestrator.domain.run import Finding, Injection, Phase, Run
from orchestrator.domain.timeline import Kind, Lane, TimelineEntry, VisibleAfter
from orchestrator.domain.undo import ObjectRef, UndoRecord, Verb

DAWN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DAY = DayId("day-1")
RUN = RunId("run-1")


def at(seconds: float) -> datetime:
    """The instant so many seconds after the day opened."""
    return DAWN + timedelta(seconds=seconds)


def a_facilitator(**changes: Any) -> Actor:
    """The human who runs the day."""
    return replace(Actor(kind=ActorKind.HUMAN, name="Kim", role=Role.FACILITATOR), **changes)


def a_responder(**changes: Any) -> Actor:
    """A human on call."""
    return replace(Actor(kind=ActorKind.HUMAN, name="Ada", role=Role.RESPONDER), **changes)


def a_radius(**changes: Any) -> BlastRadius:
    """Limits that let a run touch the shop."""
    return replace(BlastRadius(namespaces=frozenset({"shop"})), **changes)


def a_box(**changes: Any) -> TimeBox:
    """A time box at the opening of the day."""
    box = TimeBox(
        name="payment-gone",
        experiment="scaled-to-zero",
        lasts=timedelta(minutes=1),
        after=timedelta(),
        title="Payment scaled to zero",
        service="payment",
        team="payments",
    )
    return replace(box, **changes)


def a_plan(**changes: Any) -> Plan:
    """A plan with one time box."""
    plan = Plan(
        name="Checkout Chaos Day",
        environment=Environment.TEST,
        cluster=Cluster(),
        window=Window(zone="UTC", opens_at=at(0), closes_at=at(8 * 3600)),
        blast_radius=a_radius(),
        agenda=(a_box(),),
        people=(
            Person(name="Kim", role=Role.FACILITATOR, team="platform"),
            Person(name="Eve", role=Role.AGENT, team="platform"),
            Person(name="Ada", role=Role.RESPONDER, team="payments"),
        ),
        services=(Service(name="payment", team="payments", namespace="shop"),),
    )
    return replace(plan, **changes)


def an_experiment(**changes: Any) -> PinnedExperiment:
    """A pinned experiment with one probe and one action."""
    document: Mapping[str, Any] = {
        "title": "Payment scaled to zero",
        "description": "Checkout says so when payment is gone.",
        "steady-state-hypothesis": {
            "title": "Checkout succeeds",
            "probes": [
                {
                    "type": "probe",
                    "name": "checkout succeeds",
                    "tolerance": {"type": "range", "range": [0.9, 1.0]},
                    "provider": {"type": "http", "url": "http://127.0.0.1:8480/checkout"},
                }
            ],
        },
        "method": [{"type": "action", "name": "scale payment to zero", "provider": {}}],
        "rollbacks": [],
    }
    experiment = PinnedExperiment(name="scaled-to-zero", document=document, digest="0" * 64)
    return replace(experiment, **changes)


def a_day(**changes: Any) -> ChaosDay:
    """A day that is open."""
    day = ChaosDay(
        id=DAY,
        plan=a_plan(),
        plan_source="version: 1\n",
        experiments={"scaled-to-zero": an_experiment()},
        state=DayState.OPEN,
        created_at=at(-3600),
        opened_at=at(0),
    )
    return replace(day, **changes)


def a_run(**changes: Any) -> Run:
    """A run that is planned and nothing more."""
    run = Run(
        id=RUN,
        day=DAY,
        box="payment-gone",
        experiment="scaled-to-zero",
        title="Payment scaled to zero",
        planned_at=at(0),
    )
    return replace(run, **changes)


def a_concluded_run(**changes: Any) -> Run:
    """A run that injected at 10 s, held until 30 s, and was verified at 33 s."""
    run = a_run(
        phase=Phase.CONCLUDED,
        finding=Finding.DEVIATED,
        injection=Injection.PROVEN,
        started_at=at(10),
        injected_at=at(11),
        proven_at=at(12),
        rolled_back_at=at(30),
        ended_at=at(33),
    )
    return replace(run, **changes)


def an_entry(**changes: Any) -> TimelineEntry:
    """An entry that the orchestrator made at the opening, recorded when it occurred."""
    when = changes.get("occurred_at", at(0))
    entry = TimelineEntry(
        id=EntryId(f"entry-{changes.get('seq', 1)}"),
        day=DAY,
        occurred_at=when,
        recorded_at=when,
        lane=Lane.DAY,
        kind=Kind.OPENED,
        text="the day opened",
        actor=ORCHESTRATOR,
        source="orchestrator",
        visible_after=VisibleAfter.NOW,
        seq=1,
    )
    return replace(entry, **changes)


def a_word(**changes: Any) -> TimelineEntry:
    """An entry in which a responder says what they saw."""
    defaults: dict[str, Any] = {
        "lane": Lane.PEOPLE,
        "kind": Kind.SAW,
        "text": "checkout answers 503",
        "actor": a_responder(),
        "source": "cli",
    }
    return an_entry(**(defaults | changes))


def an_incident(**changes: Any) -> Incident:
    """An incident that a responder declared."""
    incident = Incident(
        id=IncidentId("incident-1"),
        day=DAY,
        key="INC-1",
        title="Checkout answers 503",
        status=Status.DECLARED,
        opened_at=at(15),
        recorded_at=at(15),
        opened_by="Ada",
        visible_after=VisibleAfter.NOW,
        service="checkout",
    )
    return replace(incident, **changes)


def a_link(**changes: Any) -> RunLink:
    """The facilitator's belief that the incident belongs to the run."""
    link = RunLink(
        run=RUN,
        incident=IncidentId("incident-1"),
        decided_by="Kim",
        decided_at=at(40),
        because="it was declared while the fault was active",
    )
    return replace(link, **changes)


def a_halt(**changes: Any) -> Halt:
    """A halt that is engaged."""
    halt = Halt(day=DAY, by=a_facilitator(), reason="a real incident", engaged_at=at(20))
    return replace(halt, **changes)


def a_sample(**changes: Any) -> Sample:
    """A sample within its tolerance."""
    sample = Sample(
        run=RUN,
        probe="checkout succeeds",
        at=at(0),
        within=True,
        value="1.0",
        took=timedelta(milliseconds=20),
    )
    return replace(sample, **changes)


def samples_at(seconds: Iterable[float], **changes: Any) -> list[Sample]:
    """One sample for each moment, otherwise alike."""
    return [a_sample(at=at(moment), **changes) for moment in seconds]


def a_record(
    *,
    day: ChaosDay | None = None,
    runs: Sequence[Run] = (),
    entries: Sequence[TimelineEntry] = (),
    incidents: Sequence[Incident] = (),
    links: Sequence[RunLink] = (),
    samples: Mapping[RunId, Sequence[Sample]] | Sequence[Sample] = (),
) -> DayRecord:
    """What is known of a day. Entries are numbered in the order given; samples go to their runs."""
    numbered = [
        replace(entry, seq=seq, id=EntryId(f"entry-{seq}"))
        if entry.id == EntryId(f"entry-{entry.seq}")
        else replace(entry, seq=seq)
        for seq, entry in enumerate(entries, start=1)
    ]
    return DayRecord(
        day=day or a_day(),
        runs=runs,
        entries=numbered,
        incidents=incidents,
        links=links,
        samples=samples if isinstance(samples, Mapping) else _by_run(samples),
    )


def _by_run(samples: Sequence[Sample]) -> Mapping[RunId, Sequence[Sample]]:
    runs = dict.fromkeys(sample.run for sample in samples)
    return {run: [sample for sample in samples if sample.run == run] for run in runs}


def an_object(name: str) -> ObjectRef:
    """A Deployment of the shop, as the undo journal names it."""
    path = f"/apis/apps/v1/namespaces/shop/deployments/{name}"
    return ObjectRef(path=path, kind="deployments", namespace="shop", name=name, uid="u-1")


def an_undo_record(**changes: Any) -> UndoRecord:
    """A write to an object that no other run writes to, if no other is named."""
    run = changes.get("run", RUN)
    record = UndoRecord(
        run=run,
        seq=0,
        at=at(1),
        verb=Verb.CHANGE,
        ref=an_object(f"of {run}"),
        before={"spec": {"replicas": 2, "ä": None, "list": [1, {"x": "y"}]}},
        after={"spec": {"replicas": 0}},
    )
    return replace(record, **changes)
