import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from orchestrator.adapters.planfile import PlanFile
from orchestrator.adapters.planfile.tree import tree_of
from orchestrator.domain.blast_radius import DEFAULT_KINDS, BlastRadius, Budgets
from orchestrator.domain.errors import InvalidPlan
from orchestrator.domain.identity import Role
from orchestrator.domain.plan import (
    AbortCondition,
    Cluster,
    Environment,
    Expectation,
    Person,
    Plan,
    Service,
    Theme,
    TimeBox,
    Window,
)
from orchestrator.ports import PlanFormat
from tests.unit.adapters.planfile.plans import SMALL, edited

WHOLE = """\
version: 1
day: {name: Checkout   under pressure, theme: share knowledge}
environment: production
cluster: {kubeconfig: /etc/kubeconfig, context: shop}
window: {zone: Europe/Vienna, opens: 2026-12-01T09:00, closes: 2026-12-01T15:00+00:00}
people:
  - {name: Fay, role: facilitator}
  - {name: Ada, role: responder, team: payments}
services:
  - {name: checkout, team: payments, namespace: shop, runbook: docs/checkout.md}
blast_radius:
  namespaces: [shop, stock]
  selectors: {part-of: shop}
  most_objects: 4
  most_share: 34%
  longest: 20m
abort_when:
  - {probe: answers, out_for: 30s}
  - {out_for: 1m}
channels: {incident: "#inc-chaos"}
agenda:
  - box: first
    at: +10s
    lasts: 15m
    experiment: pod-killed
    title: A pod dies
    service: checkout
    configuration: {hold: 60, deep: {list: [1, null, true, "x"]}}
    expects:
      - {what: the team is alerted, within: 5m}
      - what: nobody else is
    blast_radius: {namespaces: [stock], selectors: {app: checkout}, kinds: [pods], most_share: 1/3}
  - {box: second, at: 09:30, lasts: 1h, experiment: files/own.yaml, team: sre, beside_others: true}
  - {box: third, at: 2026-12-01T10:00, lasts: 30s, experiment: bad-image, beside_others: true}
"""

LIMITS = BlastRadius(
    namespaces=frozenset({"shop", "stock"}),
    selectors={"part-of": "shop"},
    kinds=DEFAULT_KINDS,
    most_objects=4,
    most_share=Fraction(34, 100),
    longest=timedelta(minutes=20),
)

EXPECTED = Plan(
    name="Checkout under pressure",
    theme=Theme.SHARE_KNOWLEDGE,
    environment=Environment.PRODUCTION,
    cluster=Cluster(kubeconfig="/etc/kubeconfig", context="shop"),
    window=Window(
        zone="Europe/Vienna",
        opens_at=datetime(2026, 12, 1, 8, 0, tzinfo=UTC),
        closes_at=datetime(2026, 12, 1, 15, 0, tzinfo=UTC),
    ),
    people=(
        Person(name="Fay", role=Role.FACILITATOR),
        Person(name="Ada", role=Role.RESPONDER, team="payments"),
    ),
    services=(
        Service(name="checkout", team="payments", namespace="shop", runbook="docs/checkout.md"),
    ),
    blast_radius=LIMITS,
    abort_when=(
        AbortCondition(probe="answers", out_for=timedelta(seconds=30)),
        AbortCondition(out_for=timedelta(minutes=1)),
    ),
    channels={"incident": "#inc-chaos"},
    agenda=(
        TimeBox(
            name="first",
            experiment="pod-killed",
            after=timedelta(seconds=10),
            lasts=timedelta(minutes=15),
            title="A pod dies",
            service="checkout",
            team="payments",
            configuration={"hold": 60, "deep": {"list": [1, None, True, "x"]}},
            expects=(
                Expectation(what="the team is alerted", within=timedelta(minutes=5)),
                Expectation(what="nobody else is"),
            ),
            blast_radius=BlastRadius(
                namespaces=frozenset({"stock"}),
                selectors={"part-of": "shop", "app": "checkout"},
                kinds=frozenset({"pods"}),
                most_objects=4,
                most_share=Fraction(1, 3),
                longest=timedelta(minutes=20),
            ),
        ),
        TimeBox(
            name="second",
            experiment="files/own.yaml",
            at=datetime(2026, 12, 1, 8, 30, tzinfo=UTC),
            lasts=timedelta(hours=1),
            team="sre",
            beside_others=True,
        ),
        TimeBox(
            name="third",
            experiment="bad-image",
            at=datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
            lasts=timedelta(seconds=30),
            beside_others=True,
        ),
    ),
)


def test_every_field_of_a_plan_arrives() -> None:
    assert PlanFile().read(WHOLE, source="plan.yaml") == EXPECTED


def test_yaml_and_json_are_one_format() -> None:
    reader: PlanFormat = PlanFile()
    text = json.dumps(tree_of(SMALL).value, indent=2)

    assert reader.read(text, source="body") == reader.read(SMALL, source="plan.yaml")


def test_errors_in_json_have_lines_too() -> None:
    text = json.dumps(tree_of(SMALL).value, indent=2).replace('"15m"', "15")

    with pytest.raises(InvalidPlan, match=r"body: line \d+: agenda\[0\]\.lasts = 15: has no unit"):
        PlanFile().read(text, source="body")


def test_what_is_left_out_has_the_domains_defaults() -> None:
    text = """\
version: 1
day: {name: Small}
environment: test
window: {zone: UTC, opens: 2026-12-01T09:00, closes: 2026-12-01T17:00}
people: [{name: Fay, role: facilitator}]
agenda: [{box: first, at: 09:30, lasts: 15m, experiment: pod-killed}]
blast_radius: {namespaces: [shop]}
"""
    opens_at = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)

    assert PlanFile().read(text, source="plan.yaml") == Plan(
        name="Small",
        environment=Environment.TEST,
        cluster=Cluster(),
        window=Window(zone="UTC", opens_at=opens_at, closes_at=opens_at + timedelta(hours=8)),
        people=(Person(name="Fay", role=Role.FACILITATOR),),
        blast_radius=BlastRadius(namespaces=frozenset({"shop"})),
        agenda=(
            TimeBox(
                name="first",
                experiment="pod-killed",
                at=opens_at + timedelta(minutes=30),
                lasts=timedelta(minutes=15),
            ),
        ),
    )


def test_a_night_is_a_window_too() -> None:
    text = edited("opens: 2026-12-01T09:00", "opens: 2026-12-01T22:00")
    text = edited("closes: 2026-12-01T17:00", "closes: 2026-12-02T12:00", text=text)

    plan = PlanFile().read(text, source="plan.yaml")

    assert plan.agenda[0].at == datetime(2026, 12, 2, 8, 30, tzinfo=UTC)


def test_boxes_that_touch_do_not_overlap() -> None:
    text = edited("at: 10:30", "at: 09:45")

    assert len(PlanFile().read(text, source="plan.yaml").agenda) == 2


def test_boxes_that_both_may_can_overlap() -> None:
    text = edited("at: 10:30", "at: 09:40\n    beside_others: true")
    text = edited("box: first", "beside_others: true\n    box: first", text=text)

    assert [box.beside_others for box in PlanFile().read(text, source="x").agenda] == [True, True]


def test_a_box_may_fill_the_window_to_both_ends() -> None:
    text = edited("at: 09:30", "at: 09:00")
    text = edited("at: 10:30\n    lasts: 15m", "at: 16:45\n    lasts: 15m", text=text)

    assert len(PlanFile().read(text, source="plan.yaml").agenda) == 2


def test_a_box_may_repeat_the_limits_of_the_day() -> None:
    same = "kinds: [deployments, pods], most_objects: 4, most_share: 1/2, longest: 20m"
    text = edited("service: checkout", f"blast_radius: {{{same}, selectors: {{part-of: shop}}}}")

    plan = PlanFile().read(text, source="plan.yaml")

    assert plan.agenda[0].blast_radius == plan.blast_radius


POWERS = """
version: 1
day: {name: Powers}
environment: test
window: {zone: UTC, opens: 2026-12-01T09:00, closes: 2026-12-01T17:00}
people: [{name: Fay, role: facilitator}]
blast_radius:
  namespaces: [shop]
  expressions: [{key: tier, operator: NotIn, values: [ledger]}, {key: app, operator: Exists}]
  kinds: [pods, jobs, deployments]
  creates: [jobs, pods]
  fields: {deployments: [spec.replicas]}
  most_node_share: 1/3
  disruption_budgets: may be violated
  irreversible: [exec]
  reads_secrets: true
agenda:
  - box: first
    at: 09:30
    lasts: 15m
    experiment: pod-killed
    blast_radius: {creates: [jobs], fields: {pods: [metadata.labels]}, most_node_share: 1/4}
"""


def test_what_is_allowed_beyond_pods_is_read_and_narrowed() -> None:
    plan = PlanFile().read(POWERS, source="plan.yaml")
    day, box = plan.blast_radius, plan.radius_of(plan.agenda[0])

    assert [str(each) for each in day.expressions] == ["tier notin (ledger)", "app"]
    assert (day.creates, day.irreversible) == (frozenset({"jobs", "pods"}), frozenset({"exec"}))
    assert day.fields == {"deployments": {"spec.replicas"}}
    assert (day.disruption_budgets, day.reads_secrets) == (Budgets.MAY_BE_VIOLATED, True)
    assert (box.creates, box.most_node_share) == (frozenset({"jobs"}), Fraction(1, 4))
    assert box.fields == {"deployments": {"spec.replicas"}, "pods": {"metadata.labels"}}
    assert (box.expressions, box.reads_secrets) == (day.expressions, True)
