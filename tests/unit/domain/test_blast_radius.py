"""The verdict on writes: whatever is asked in whatever order, the limits hold."""

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import (
    PROTECTED_NAMESPACES,
    Allowed,
    BlastRadius,
    Denied,
    Target,
    Write,
)
from orchestrator.domain.errors import InvalidValue
from tests.builders import a_radius


def a_pod(number: int = 1, **changes: Any) -> Target:
    pod = Target(
        kind="pods",
        namespace="shop",
        name=f"cart-{number}",
        labels={"app": "cart"},
        workload="deployments/shop/cart",
    )
    return replace(pod, **changes)


def a_kill(*pods: Target, size: int = 4) -> Write:
    return Write(
        verb="delete",
        kind="pods",
        written=pods[0],
        lost=pods,
        sizes={pod.workload: size for pod in pods if pod.workload},
    )


def rule(radius: BlastRadius, write: Write, *touched: str) -> str:
    verdict = radius.verdict(write, touched=set(touched), lost={})
    return verdict.rule if isinstance(verdict, Denied) else ""


def test_write_within_every_limit_is_allowed() -> None:
    assert a_radius().verdict(a_kill(a_pod()), touched=set(), lost={}) == Allowed()


@pytest.mark.parametrize("namespace", ["kube-system", "default", ""])
def test_write_outside_the_namespaces_is_denied(namespace: str) -> None:
    assert rule(a_radius(), a_kill(a_pod(namespace=namespace))) == "namespaces"


def test_pod_lost_outside_the_namespaces_is_denied_whatever_is_written() -> None:
    write = a_kill(a_pod(), a_pod(2, namespace="default"))

    assert rule(a_radius(), write) == "namespaces"


def test_kind_counts_for_what_is_written_and_not_for_the_pods_behind_it() -> None:
    radius = a_radius(kinds=frozenset({"deployments"}))
    scaled = Target(kind="deployments", namespace="shop", name="cart")
    write = Write(verb="change", kind="deployments", written=scaled, lost=(a_pod(),), sizes={})

    assert rule(radius, write) == ""
    assert rule(radius, a_kill(a_pod())) == "kinds"


def test_nodes_need_to_be_named_among_the_kinds() -> None:
    node = Target(kind="nodes", namespace="", name="one")
    write = Write(verb="change", kind="nodes", written=node)

    assert rule(a_radius(), write) == "kinds"
    assert rule(a_radius(kinds=frozenset({"nodes"})), write) == ""


def test_every_target_carries_the_labels() -> None:
    radius = a_radius(selectors={"app": "cart"})

    assert rule(radius, a_kill(a_pod())) == ""
    assert rule(radius, a_kill(a_pod(labels={}))) == "selectors"
    assert rule(radius, a_kill(a_pod(), a_pod(2, labels={"app": "other"}))) == "selectors"


def test_what_was_touched_before_counts_once() -> None:
    radius = a_radius(most_objects=2)

    assert rule(radius, a_kill(a_pod()), a_pod().key, "configmaps/shop/x") == ""
    assert rule(radius, a_kill(a_pod()), "configmaps/shop/x", "configmaps/shop/y") == "most_objects"


def test_share_adds_up_over_the_run() -> None:
    radius = a_radius(most_share=Fraction(1, 2))
    lost = {a_pod().workload: {a_pod(1).key}}

    second = radius.verdict(a_kill(a_pod(2)), touched=set(), lost=lost)
    third = radius.verdict(a_kill(a_pod(2), a_pod(3)), touched=set(), lost=lost)

    assert second == Allowed()
    assert isinstance(third, Denied)
    assert third.rule == "most_share"


def test_share_of_one_sets_no_limit() -> None:
    lost = {a_pod().workload: {a_pod(number).key for number in range(4)}}

    assert a_radius().verdict(a_kill(a_pod(9)), touched=set(), lost=lost) == Allowed()


def test_workload_of_unknown_size_loses_nothing_when_shares_are_limited() -> None:
    radius = a_radius(most_share=Fraction(9, 10))

    assert rule(radius, a_kill(a_pod(), size=0)) == "most_share"


def test_narrowed_limits_satisfy_both() -> None:
    one = a_radius(selectors={"app": "cart"}, most_objects=3)
    other = a_radius(selectors={"tier": "web"}, most_share=Fraction(1, 3))

    both = one.narrowed_to(other)

    assert both.selectors == {"app": "cart", "tier": "web"}
    assert (both.most_objects, both.most_share) == (3, Fraction(1, 3))


def test_limits_that_contradict_each_other_allow_nothing() -> None:
    both = a_radius(selectors={"app": "cart"}).narrowed_to(a_radius(selectors={"app": "stock"}))

    assert rule(both, a_kill(a_pod())) == "namespaces"


@pytest.mark.parametrize("namespace", sorted(PROTECTED_NAMESPACES))
def test_protected_namespaces_cannot_be_allowed(namespace: str) -> None:
    with pytest.raises(InvalidValue, match=namespace):
        a_radius(namespaces=frozenset({namespace}))


NAMESPACES = st.sampled_from(["shop", "bank", "kube-system"])
LABELS = st.sampled_from([{}, {"app": "cart"}])
PODS = st.builds(
    lambda namespace, workload, number, labels: Target(
        kind="pods",
        namespace=namespace,
        name=f"{workload}-{number}",
        labels=labels,
        workload=f"deployments/{namespace}/{workload}",
    ),
    NAMESPACES,
    st.sampled_from(["cart", "stock"]),
    st.integers(1, 6),
    LABELS,
)
OBJECTS = st.builds(
    lambda kind, namespace, name, labels: Target(
        kind=kind, namespace=namespace, name=name, labels=labels
    ),
    st.sampled_from(["deployments", "services", "secrets", "nodes"]),
    NAMESPACES | st.just(""),
    st.sampled_from(["a", "b", "c"]),
    LABELS,
)


@st.composite
def writes(draw: st.DrawFn) -> Write:
    written = draw(OBJECTS | PODS)
    owner = draw(PODS)
    numbers = draw(st.sets(st.integers(1, 6), max_size=4))
    stem = owner.name.rpartition("-")[0]
    lost = tuple(replace(owner, name=f"{stem}-{number}") for number in numbers)
    sizes = {owner.workload: 6} if lost else {}
    return Write(verb="change", kind=written.kind, written=written, lost=lost, sizes=sizes)


@given(
    st.lists(writes(), max_size=25),
    st.integers(1, 8),
    st.sampled_from([Fraction(1, 6), Fraction(1, 2), Fraction(5, 6), Fraction(1)]),
    st.sampled_from([{}, {"app": "cart"}]),
)
def test_no_sequence_of_allowed_writes_exceeds_the_limits(
    asked: list[Write], most_objects: int, most_share: Fraction, selectors: dict[str, str]
) -> None:
    radius = a_radius(
        kinds=frozenset({"pods", "deployments", "services"}),
        most_objects=most_objects,
        most_share=most_share,
        selectors=selectors,
    )
    touched: set[str] = set()
    lost: dict[str, set[str]] = defaultdict(set)
    targets: list[Target] = []

    for write in asked:
        if radius.verdict(write, touched=touched, lost=lost) == Allowed():
            targets += [write.written, *write.lost]
            touched |= {target.key for target in (write.written, *write.lost)}
            for workload in write.sizes:
                lost[workload] |= {target.key for target in write.lost}

    assert len(touched) <= most_objects
    assert all(Fraction(len(keys), 6) <= most_share for keys in lost.values())
    assert {target.namespace for target in targets} <= {"shop"}
    assert not {target.kind for target in targets} & {"secrets", "nodes"}
    assert all(selectors.items() <= target.labels.items() for target in targets)
