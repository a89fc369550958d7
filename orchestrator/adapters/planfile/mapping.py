"""A plan as it is written, turned into the domain's plan.

It checks nothing: only plans without a fault come here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from orchestrator.adapters.planfile.limits import (
    WrittenAbortCondition,
    WrittenLimits,
    WrittenNarrower,
)
from orchestrator.adapters.planfile.models import (
    WrittenBox,
    WrittenExpectation,
    WrittenPlan,
    WrittenService,
)
from orchestrator.adapters.planfile.moments import AfterOpening
from orchestrator.adapters.planfile.powers import WrittenRequirement, made_of, verbs_of_kinds
from orchestrator.adapters.planfile.times import starts_at, window_of
from orchestrator.domain.abort import HttpAnswer, KubernetesCondition, PrometheusQuery
from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.day_budget import DayBudget
from orchestrator.domain.labels import Requirement
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
        abort_when=tuple(_abort_condition(condition) for condition in written.abort_when),
        day_budget=DayBudget(**dict(written.day_budget)) if written.day_budget else None,
        approved_preview=written.approved_preview,
        containment=written.containment,
        may_reach=None if written.may_reach is None else tuple(written.may_reach),
        channels=dict(written.channels),
    )


def _abort_condition(written: WrittenAbortCondition) -> AbortCondition:
    http, prometheus, kubernetes = written.http, written.prometheus, written.kubernetes
    return AbortCondition(
        probe=written.probe,
        out_for=written.out_for,
        http=HttpAnswer(**dict(http)) if http else None,
        prometheus=PrometheusQuery(**dict(prometheus)) if prometheus else None,
        kubernetes=KubernetesCondition(**dict(kubernetes)) if kubernetes else None,
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
        by_hand=box.by_hand,
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
        expressions=_expressions(limits.expressions),
        kinds=frozenset(limits.kinds),
        verbs=verbs_of_kinds(limits.kinds),
        creates=frozenset(limits.creates) | made_of(limits.kinds),
        fields=_fields(limits.fields),
        most_objects=limits.most_objects,
        most_share=limits.most_share,
        most_node_share=limits.most_node_share,
        longest=limits.longest,
        disruption_budgets=limits.disruption_budgets,
        irreversible=frozenset(limits.irreversible),
        reads_secrets=limits.reads_secrets,
    )


def _expressions(written: Iterable[WrittenRequirement]) -> tuple[Requirement, ...]:
    return tuple(
        Requirement(key=each.key, operator=each.operator, values=tuple(each.values))
        for each in written
    )


def _fields(written: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    return {kind: frozenset(fields) for kind, fields in written.items()}


def _narrower(own: WrittenNarrower, day: BlastRadius) -> BlastRadius:
    """The day's limits, with those replaced that the box writes."""
    return replace(
        day,
        namespaces=frozenset(own.namespaces) or day.namespaces,
        selectors={**day.selectors, **own.selectors},
        expressions=(*day.expressions, *_expressions(own.expressions)),
        kinds=frozenset(own.kinds) or day.kinds,
        verbs={**day.verbs, **verbs_of_kinds(own.kinds)},
        creates=(frozenset(own.creates) or day.creates) | made_of(own.kinds),
        fields={**day.fields, **_fields(own.fields)},
        most_objects=own.most_objects or day.most_objects,
        most_share=own.most_share or day.most_share,
        most_node_share=own.most_node_share or day.most_node_share,
        longest=own.longest or day.longest,
    )
