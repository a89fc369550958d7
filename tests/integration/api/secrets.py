"""A day with a canary in every field that could betray something."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

from orchestrator.adapters.storage import SqlStorage
from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.day import ChaosDay, PinnedExperiment
from orchestrator.domain.identity import EntryId, IncidentId, Role, RunId
from orchestrator.domain.incident import Status
from orchestrator.domain.plan import AbortCondition, Cluster, Expectation, Person, Service
from orchestrator.domain.run import Phase
from orchestrator.domain.timeline import Kind, Lane, TimelineEntry, VisibleAfter
from orchestrator.domain.verbs import WriteVerb
from tests.builders import (
    a_box,
    a_day,
    a_facilitator,
    a_halt,
    a_link,
    a_plan,
    a_run,
    a_sample,
    a_word,
    an_entry,
    an_incident,
    at,
)

RUN = RunId("run-feed")
SHADOW = f"shadow of {RUN}"

_numbers = itertools.count(1)


def canary(field: str) -> str:
    """A word that stands nowhere else."""
    return f"canary{field}{next(_numbers)}".lower()


def _radius(field: str) -> BlastRadius:
    return BlastRadius(
        namespaces=frozenset({canary(field + "namespace")}),
        selectors={canary(field + "label"): canary(field + "value")},
        kinds=frozenset({canary(field + "kind")}),
        verbs={canary(field + "limited"): frozenset({WriteVerb.SCALE})},
    )


def a_secret_day() -> ChaosDay:
    """A day that is open, with one box that tells nothing to those who don't see it."""
    box = a_box(
        name=canary("box"),
        title=canary("title"),
        experiment=canary("experiment"),
        service=canary("service"),
        team=canary("team"),
        configuration={canary("key"): canary("setting")},
        expects=(Expectation(what=canary("expectation"), within=timedelta(minutes=1)),),
        blast_radius=_radius("own"),
    )
    plan = a_plan(
        agenda=(box,),
        cluster=Cluster(kubeconfig=canary("kubeconfig"), context=canary("context")),
        blast_radius=_radius("days"),
        abort_when=(AbortCondition(out_for=timedelta(minutes=1), probe=canary("abort")),),
        people=(*a_plan().people, Person(name=canary("agent"), role=Role.AGENT)),
        services=(
            Service(
                name=canary("planned"),
                team=canary("owner"),
                namespace=canary("place"),
                runbook=canary("runbook"),
                dashboard=canary("dashboard"),
            ),
        ),
        channels={"incident": "#inc-chaos"},
    )
    document = {
        "title": canary("document"),
        "description": canary("description"),
        "method": [{"type": "action", "name": canary("action"), "provider": {}}],
    }
    pinned = PinnedExperiment(
        name=box.experiment, document=document, digest=canary("digest"), card=canary("card")
    )
    return a_day(plan=plan, plan_source=canary("source"), experiments={box.experiment: pinned})


async def plant(storage: SqlStorage) -> None:
    """Store the day with everything secret that can happen on one."""
    day = a_secret_day()
    box = day.plan.agenda[0]
    run = a_run(
        id=RUN,
        box=box.name,
        experiment=box.experiment,
        title=box.title,
        reason=canary("reason"),
        phase=Phase.CONCLUDED,
        started_at=at(10),
        rolled_back_at=at(30),
        ended_at=at(40),
    )
    await storage.add_day(day, [run], _entries())
    await storage.add_samples(
        [a_sample(run=RUN, probe=canary("probe"), value=canary("seen"), problem=canary("trouble"))]
    )
    shadow = an_incident(
        id=IncidentId(canary("shadowid")),
        key=SHADOW,
        title=canary("shadow"),
        status=Status.LATENT,
        opened_by=canary("opener"),
        service=canary("hit"),
        run=RUN,
        visible_after=VisibleAfter.REVEAL,
    )
    await storage.add_incident(shadow, [], [])
    await storage.add_incident(an_incident(), [], [])
    link = a_link(run=RUN, because=canary("because"), decided_by=canary("decider"))
    linked = _hidden("linked", kind=Kind.LINKED, incident=IncidentId("incident-1"))
    await storage.link(link, [linked])
    await _halt(storage)


def _entries() -> list[TimelineEntry]:
    """What anybody sees, each followed by something that only those in the know do."""
    openly = [
        an_entry(id=EntryId("e1"), run=RUN, details={canary("detail"): canary("fact")}),
        a_word(id=EntryId("e2"), run=RUN, corrects=EntryId(canary("corrected"))),
        an_entry(id=EntryId("e3"), kind=Kind.NOTE, incident=IncidentId("incident-1")),
    ]
    kinds = [Kind.MOVED, Kind.INJECTED, Kind.SHADOW]
    hidden = [_hidden(kind, kind=kind) for kind in kinds]
    return [entry for pair in zip(hidden, openly, strict=True) for entry in pair]


def _hidden(field: str, **changes: Any) -> TimelineEntry:
    entry = an_entry(
        id=EntryId(canary(field + "id")),
        lane=Lane.MECHANICS,
        text=canary(field),
        visible_after=VisibleAfter.REVEAL,
        run=RUN,
        source=canary("way"),
        details={"evidence": canary("evidence")},
    )
    return replace(entry, **changes)


async def _halt(storage: SqlStorage) -> None:
    """A facilitator halts the day, for a reason that betrays."""
    reason = canary("halt")
    entry = an_entry(
        id=EntryId("e4"),
        kind=Kind.HALTED,
        text="the day is halted",
        actor=a_facilitator(),
        details={"reason": reason},
    )
    await storage.engage(a_halt(reason=reason), [entry])
