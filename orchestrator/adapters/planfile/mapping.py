"""A plan as it is written, turned into the domain's plan.

It checks nothing: only plans without a fault come here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from orchestrator.adapters.planfile.limits import WrittenLimits, WrittenNarrower
from orchestrator.adapters.planfile.models import (
    WrittenBox,
    WrittenExpectation,
    WrittenPlan,
    WrittenService,
)
from orchestrator.adapters.planfile.moments import AfterOpening
from orchestrator.adapters.planfile.times import starts_at, window_of
from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.plan import (
    AbortCondition,
    Cluster,
    Expectation,
    Person,
    Plan,
    Service,
    TimeBox,
    Window,
)


def plan_of(written: WrittenPlan) -> Plan:
    """The domain's plan."""
    window = window_of(written.window)
    radius = _radius(written.blast_radius)
    services = {service.name: service for service in written.services}
    return Plan(
        name=written.day.name,
        theme=written.day.theme,
        environment=written.environment,
        cluster=Cluster(kubeconfig=written.cluster.kubeconfig, context=written.cluster.context),
        window=window,
        blast_radius=radius,
        agenda=tuple(_box(box, window, radius, services) for box in written.agenda),
        people=tuple(
            Person(name=person.name, role=person.role, team=person.team)
            for person in written.people
        ),
        services=tuple(_service(service) for service in written.services),
        abort_when=tuple(
            AbortCondition(probe=condition.probe, out_for=condition.out_for)
            for condition in written.abort_when
        ),
        channels=dict(written.channels),
    )


def _service(service: WrittenService) -> Service:
    return Service(
        name=service.name,
        team=service.team,
        namespace=service.namespace,
        runbook=service.runbook,
        dashboard=service.dashboard,
    )


def _box(
    box: WrittenBox,
    window: Window,
    radius: BlastRadius,
    services: Mapping[str, WrittenService],
) -> TimeBox:
    at, after = _start(box, window)
    return TimeBox(
        name=box.box,
        experiment=box.experiment,
        lasts=box.lasts,
        at=at,
        after=after,
        title=box.title,
        service=box.service,
        team=box.team or (services[box.service].team if box.service else ""),
        configuration=dict(box.configuration),
        expects=tuple(_expectation(expected) for expected in box.expects),
        blast_radius=_narrower(box.blast_radius, radius) if box.blast_radius else None,
        beside_others=box.beside_others,
    )


def _start(box: WrittenBox, window: Window) -> tuple[datetime | None, timedelta | None]:
    if isinstance(box.at, AfterOpening):
        return None, box.at.after
    return starts_at(box, window), None


def _expectation(expected: WrittenExpectation) -> Expectation:
    return Expectation(what=expected.what, within=expected.within)


def _radius(limits: WrittenLimits) -> BlastRadius:
    return BlastRadius(
        namespaces=frozenset(limits.namespaces),
        selectors=dict(limits.selectors),
        kinds=frozenset(limits.kinds),
        most_objects=limits.most_objects,
        most_share=limits.most_share,
        longest=limits.longest,
    )


def _narrower(own: WrittenNarrower, day: BlastRadius) -> BlastRadius:
    """The day's limits, with those replaced that the box writes."""
    return BlastRadius(
        namespaces=frozenset(own.namespaces) or day.namespaces,
        selectors={**day.selectors, **own.selectors},
        kinds=frozenset(own.kinds) or day.kinds,
        most_objects=own.most_objects or day.most_objects,
        most_share=own.most_share or day.most_share,
        longest=own.longest or day.longest,
    )
