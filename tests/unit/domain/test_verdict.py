"""The verdict on whole sequences of writes: fields, nodes and PodDisruptionBudgets.

What is written is played on a small world, and the world is held against the limits.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import (
    NODES,
    Allowed,
    BlastRadius,
    Budgets,
    Denied,
    Left,
    Target,
    Write,
)
from orchestrator.domain.undo import Path
from tests.builders import a_radius

PODS: Final = 6
CLUSTER: Final = 5
FIELDS: Final[list[Path]] = [
    ("spec", "replicas"),
    ("spec", "paused"),
    ("spec", "template", "spec", "hostNetwork"),
    ("metadata", "labels", "app"),
]
NAMED: Final = frozenset({"spec.replicas", "metadata.labels"})
"""The fields that the plan names, where it names some; what it covers is beneath them."""
COVERED: Final = {FIELDS[0], FIELDS[3]}


@dataclass(frozen=True)
class Deed:
    """What is asked: which pods and nodes it takes, what it changes, whether it weakens."""

    pods: frozenset[int]
    nodes: frozenset[int]
    changed: frozenset[Path]
    is_weakening: bool


DEEDS = st.builds(
    Deed,
    st.frozensets(st.integers(1, PODS), max_size=2),
    st.frozensets(st.integers(1, CLUSTER), max_size=2),
    st.frozensets(st.sampled_from(FIELDS), max_size=2),
    st.booleans(),
)


@dataclass
class World:
    """Pods under a budget, nodes, and what the run has done to them."""

    healthy: set[int]
    needed: int
    touched: set[str] = field(default_factory=set)
    lost: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    changed: set[Path] = field(default_factory=set)
    weakened: int = 0

    def write(self, deed: Deed) -> Write:
        pods = tuple(a_pod(number) for number in sorted(deed.pods))
        nodes = tuple(a_node(number) for number in sorted(deed.nodes))
        written = Target(kind="deployments", namespace="shop", name="cart")
        sizes = {pods[0].workload: PODS} if pods else {}
        left = Left(
            budget="poddisruptionbudgets/shop/cart",
            before=len(self.healthy),
            after=len(self.healthy - deed.pods),
            needed=self.needed,
        )
        return Write(
            verb="change",
            kind="deployments",
            written=written,
            lost=pods + nodes,
            sizes=sizes | ({NODES: CLUSTER} if nodes else {}),
            left=(left,) if pods else (),
            changed=deed.changed,
            weakened=left.budget if deed.is_weakening else "",
        )

    def make(self, deed: Deed) -> None:
        write = self.write(deed)
        self.healthy -= deed.pods
        self.touched |= {target.key for target in write.touched}
        for workload in write.sizes:
            self.lost[workload] |= write.lost_of(workload)
        self.changed |= deed.changed
        self.weakened += deed.is_weakening


def a_pod(number: int) -> Target:
    return Target(
        kind="pods", namespace="shop", name=f"cart-{number}", workload="deployments/shop/cart"
    )


def a_node(number: int) -> Target:
    return Target(kind="nodes", namespace="", name=f"node-{number}", workload=NODES)


RADII = st.builds(
    lambda share, budgets, fields: a_radius(
        kinds=frozenset({"pods", "deployments", "nodes"}),
        most_objects=50,
        most_share=Fraction(1),
        most_node_share=share,
        disruption_budgets=budgets,
        fields=fields,
    ),
    st.sampled_from([Fraction(1, 5), Fraction(1, 2), Fraction(3, 5), Fraction(1)]),
    st.sampled_from(Budgets),
    st.sampled_from([{}, {"deployments": NAMED}, {"deployments": frozenset()}]),
)
WORLDS = st.builds(World, st.sets(st.integers(1, PODS), min_size=1), st.integers(0, PODS))


@given(st.lists(DEEDS, max_size=25), RADII, WORLDS)
def test_no_sequence_of_allowed_writes_passes_nodes_budgets_and_fields(
    asked: list[Deed], radius: BlastRadius, world: World
) -> None:
    floor = min(world.needed, len(world.healthy))
    for deed in asked:
        verdict = radius.verdict(world.write(deed), touched=world.touched, lost=world.lost)
        if verdict == Allowed():
            world.make(deed)

    assert Fraction(len(world.lost[NODES]), CLUSTER) <= radius.most_node_share
    if radius.disruption_budgets is Budgets.RESPECTED:
        assert len(world.healthy) >= floor
        assert world.weakened == 0
    if "deployments" in radius.fields:
        assert world.changed <= (COVERED if radius.fields["deployments"] else set())
    # What gives a pod the powers of its node is among no plan's usual fields.
    assert FIELDS[2] not in world.changed


@given(DEEDS, RADII, WORLDS)
def test_what_is_denied_is_denied_for_what_it_does_and_by_that_rule(
    deed: Deed, radius: BlastRadius, world: World
) -> None:
    verdict = radius.verdict(world.write(deed), touched=set(), lost={})

    is_short = len(world.healthy - deed.pods) < min(world.needed, len(world.healthy))
    harms = {
        "most_node_share": Fraction(len(deed.nodes), CLUSTER) > radius.most_node_share,
        "disruption_budgets": radius.disruption_budgets is Budgets.RESPECTED
        and (deed.is_weakening or (bool(deed.pods) and is_short)),
    }
    if isinstance(verdict, Denied):
        assert verdict.rule == "fields" or harms[verdict.rule]
    else:
        assert not any(harms.values())


@given(DEEDS, RADII, WORLDS)
def test_wider_limits_deny_nothing_that_narrower_ones_allow(
    deed: Deed, radius: BlastRadius, world: World
) -> None:
    write = world.write(deed)
    wider = replace(radius, most_node_share=Fraction(1), disruption_budgets=Budgets.MAY_BE_VIOLATED)

    if radius.verdict(write, touched=set(), lost={}) == Allowed():
        assert wider.verdict(write, touched=set(), lost={}) == Allowed()
