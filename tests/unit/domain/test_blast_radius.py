"""The verdict on writes: whatever is asked in whatever order, the limits hold."""

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import (
    NODES,
    Allowed,
    BlastRadius,
    Budgets,
    Denied,
    Found,
    Left,
    Target,
    Write,
)
from orchestrator.domain.changeable import DEFAULT_FIELDS
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.labels import Operator, Requirement
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


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease"])
def test_protected_namespaces_cannot_be_allowed(namespace: str) -> None:
    with pytest.raises(InvalidValue, match=namespace):
        a_radius(namespaces=frozenset({namespace}))


def a_write(**changes: Any) -> Write:
    written = Target(kind="services", namespace="shop", name="web", labels={"app": "cart"})
    return replace(Write(verb="change", kind="services", written=written), **changes)


def test_conditions_hold_for_every_target() -> None:
    condition = Requirement(key="tier", operator=Operator.NOT_IN, values=("ledger",))
    radius = a_radius(expressions=(condition,))
    ledger = a_pod(2, labels={"tier": "ledger"})

    assert rule(radius, a_kill(a_pod())) == ""
    assert rule(radius, a_kill(a_pod(), ledger)) == "selectors"
    assert rule(radius, a_write(reached=(ledger,))) == "selectors"
    assert rule(radius, a_write(candidates=(ledger,))) == "selectors"


@pytest.mark.parametrize("field", ["reached", "candidates"])
def test_what_stands_behind_a_write_lies_inside_as_well(field: str) -> None:
    outside: dict[str, Any] = {field: (a_pod(namespace="bank"),)}

    assert rule(a_radius(), a_write(**outside)) == "namespaces"


def test_what_a_write_finds_later_is_of_the_kinds_and_has_the_labels() -> None:
    web = Requirement(key="app", operator=Operator.IN, values=("web",))
    either = Requirement(key="app", operator=Operator.IN, values=("web", "cart"))
    tier = Requirement(key="tier", operator=Operator.NOT_IN, values=("ledger",))
    narrow = a_radius(selectors={"app": "web"}, expressions=(tier,))
    written = Target(kind="pods", namespace="shop", name="one", labels={"app": "web"})

    def finding(radius: BlastRadius, kind: str, *conditions: Requirement) -> str:
        found = Found(kind=kind, conditions=conditions)
        write = Write(verb="create", kind="pods", written=written, finds=(found,))
        return rule(radius, write)

    assert finding(a_radius(), "pods") == ""
    assert finding(a_radius(), "secrets") == "kinds"
    assert finding(narrow, "pods", web, tier) == ""
    assert finding(narrow, "pods", either, tier) == "selectors"
    assert finding(narrow, "pods", web) == "selectors"
    assert finding(narrow, "pods") == "selectors"


def test_write_that_extends_to_another_namespace_is_denied_though_nothing_is_there() -> None:
    assert rule(a_radius(), a_write(namespaces=frozenset({"shop"}))) == ""
    assert rule(a_radius(), a_write(namespaces=frozenset({"shop", "bank"}))) == "namespaces"
    assert rule(a_radius(), a_write(namespaces=frozenset({"kube-system"}))) == "namespaces"


def test_what_is_reached_counts_and_candidates_do_not() -> None:
    radius = a_radius(most_objects=2)
    pods = (a_pod(1), a_pod(2))

    assert rule(radius, a_write(candidates=pods)) == ""
    assert rule(radius, a_write(reached=pods)) == "most_objects"


def test_only_kinds_that_are_named_are_made() -> None:
    radius = a_radius(creates=frozenset({"services"}))

    assert rule(radius, a_write(creates=True)) == ""
    assert rule(a_radius(), a_write(creates=True)) == "creates"
    assert rule(a_radius(), a_write(creates=False)) == ""


def test_only_what_carries_a_fault_may_lack_the_labels() -> None:
    radius = a_radius(selectors={"app": "web"}, creates=frozenset({"services"}))

    assert rule(radius, a_write(creates=True)) == "selectors"
    assert rule(radius, a_write(creates=True, is_carrier=True)) == ""
    assert rule(radius, a_write(creates=True, is_carrier=True, lost=(a_pod(),))) == "selectors"


def test_what_cannot_be_put_back_is_done_only_where_the_plan_says_so() -> None:
    radius = a_radius(irreversible=frozenset({"exec"}))

    assert rule(radius, a_write(irreversible="exec")) == ""
    assert rule(radius, a_write(irreversible="jobs")) == "irreversible"
    assert rule(a_radius(), a_write(irreversible="exec")) == "irreversible"
    with pytest.raises(InvalidValue, match="namespaces"):
        a_radius(irreversible=frozenset({"namespaces"}))


def test_fields_are_changed_only_where_they_may_be() -> None:
    changed = frozenset({("spec", "selector", "app"), ("metadata", "labels", "a")})
    only_labels = a_radius(fields={"services": frozenset({"metadata.labels"})})

    assert rule(a_radius(), a_write(changed=changed)) == ""
    assert rule(only_labels, a_write(changed=changed)) == "fields"
    assert rule(a_radius(), a_write(changed=frozenset({("spec", "type")}))) == "fields"


def test_share_of_the_nodes_adds_up_over_the_run() -> None:
    radius = a_radius(kinds=frozenset({"nodes"}), most_node_share=Fraction(1, 2))
    node = Target(kind="nodes", namespace="", name="two", workload=NODES)
    write = Write(verb="change", kind="nodes", written=node, lost=(node,), sizes={NODES: 3})

    first = radius.verdict(write, touched=set(), lost={})
    second = radius.verdict(write, touched=set(), lost={NODES: {"nodes//one"}})

    assert first == Allowed()
    assert isinstance(second, Denied)
    assert second.rule == "most_node_share"


def test_share_counts_each_workload_by_itself() -> None:
    radius = a_radius(most_share=Fraction(1, 2))
    stock = a_pod(3, name="stock-3", workload="deployments/shop/stock")
    sizes = {"deployments/shop/cart": 2, "deployments/shop/stock": 2}

    assert rule(radius, a_write(lost=(a_pod(), stock), sizes=sizes)) == ""
    assert rule(radius, a_write(lost=(a_pod(), a_pod(2)), sizes=sizes)) == "most_share"


def test_workload_that_the_preview_did_not_name_loses_nothing() -> None:
    radius = a_radius(shares={"deployments/shop/stock": Fraction(1)})
    named = a_radius(shares={"deployments/shop/cart": Fraction(1, 2)})

    assert rule(radius, a_kill(a_pod())) == "most_share"
    assert rule(named, a_kill(a_pod(), a_pod(2))) == ""
    assert rule(named, a_kill(a_pod(), a_pod(2), a_pod(3))) == "most_share"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(4, 3, ""), (4, 2, "disruption_budgets"), (2, 1, "disruption_budgets"), (2, 2, "")],
)
def test_budget_is_left_with_what_it_needs(before: int, after: int, expected: str) -> None:
    left = (Left(budget="poddisruptionbudgets/shop/web", before=before, after=after, needed=3),)
    loose = a_radius(disruption_budgets=Budgets.MAY_BE_VIOLATED)

    assert rule(a_radius(), a_write(left=left)) == expected
    assert rule(loose, a_write(left=left)) == ""


def test_budget_is_weakened_only_where_it_may_be_violated() -> None:
    loose = a_radius(disruption_budgets=Budgets.MAY_BE_VIOLATED)
    weakening = a_write(weakened="poddisruptionbudgets/shop/web")

    assert (rule(a_radius(), weakening), rule(loose, weakening)) == ("disruption_budgets", "")


def test_a_plan_that_names_no_kinds_may_touch_the_usual_ones() -> None:
    assert a_radius().kinds == {"pods", "deployments", "services", "configmaps"}


@pytest.mark.parametrize(
    ("namespaces", "said"), [(set(), "none"), ({"shop", "bank"}, "bank, shop")], ids=["0", "2"]
)
def test_a_refusal_names_the_namespaces_that_are_allowed(namespaces: set[str], said: str) -> None:
    radius = a_radius(namespaces=frozenset(namespaces))

    verdict = radius.verdict(a_kill(a_pod(namespace="other")), touched=set(), lost={})

    assert isinstance(verdict, Denied)
    assert verdict.reason.endswith(f"outside the namespaces allowed: {said}")


@pytest.mark.parametrize(("creates", "said"), [(set(), "none"), ({"jobs"}, "jobs")])
def test_a_refusal_names_the_kinds_that_may_be_made(creates: set[str], said: str) -> None:
    radius = a_radius(creates=frozenset(creates))

    verdict = radius.verdict(a_write(creates=True), touched=set(), lost={})

    assert isinstance(verdict, Denied)
    assert verdict.reason.endswith(f"the kinds that may be made: {said}")


def test_narrowing_keeps_the_shares_of_whichever_has_them() -> None:
    shares = {"deployments/shop/cart": Fraction(1, 2)}
    without, having = a_radius(), a_radius(shares=shares)

    assert without.narrowed_to(having).shares == shares
    assert having.narrowed_to(without).shares == shares
    assert without.narrowed_to(without).shares is None


def test_narrowing_takes_the_stricter_of_all_limits() -> None:
    one = a_radius(
        longest=timedelta(minutes=5),
        creates=frozenset({"jobs", "pods"}),
        irreversible=frozenset({"exec"}),
        disruption_budgets=Budgets.MAY_BE_VIOLATED,
        reads_secrets=True,
        most_node_share=Fraction(1, 3),
        shares={"a": Fraction(1), "b": Fraction(1, 2)},
    )
    other = a_radius(
        creates=frozenset({"jobs"}),
        fields={"services": frozenset({"spec.selector", "spec.type"})},
        shares={"b": Fraction(1, 3)},
    )

    for both in (one.narrowed_to(other), other.narrowed_to(one)):
        assert both.creates == {"jobs"}
        assert both.irreversible == frozenset()
        assert both.disruption_budgets is Budgets.RESPECTED
        assert not both.reads_secrets
        assert both.most_node_share == Fraction(1, 3)
        assert both.longest == timedelta(minutes=5)
        assert both.shares == {"b": Fraction(1, 3)}
        # Fields that the other day does not name are its usual ones, without the type.
        assert both.fields["services"] == {"spec.selector"} & DEFAULT_FIELDS["services"]


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


@pytest.mark.parametrize("namespace", ["", "shop"])
def test_a_node_that_a_write_reaches_is_inside_only_where_nodes_may_be_written(
    namespace: str,
) -> None:
    node = Target(kind="nodes", namespace=namespace, name="a")
    written = Target(kind="deployments", namespace="shop", name="a")
    write = Write(verb="change", kind="deployments", written=written, reached=(node,))
    without = a_radius(kinds=frozenset({"deployments"}))
    among = a_radius(kinds=frozenset({"deployments", "nodes"}))

    verdicts = [each.verdict(write, touched=set(), lost={}) for each in (without, among)]

    assert [verdict == Allowed() for verdict in verdicts] == [False, True]


@st.composite
def writes(draw: st.DrawFn) -> Write:
    written = draw(OBJECTS | PODS)
    owner = draw(PODS)
    numbers = draw(st.sets(st.integers(1, 6), max_size=4))
    stem = owner.name.rpartition("-")[0]
    lost = tuple(replace(owner, name=f"{stem}-{number}") for number in numbers)
    sizes = {owner.workload: 6} if lost else {}
    reached = tuple(draw(st.lists(OBJECTS, max_size=2)))
    candidates = tuple(draw(st.lists(PODS, max_size=2)))
    return Write(
        verb="change",
        kind=written.kind,
        written=written,
        lost=lost,
        reached=reached,
        candidates=candidates,
        sizes=sizes,
        creates=draw(st.booleans()),
        irreversible=draw(st.sampled_from(["", "exec"])),
    )


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
            targets += [*write.touched, *write.candidates]
            touched |= {target.key for target in write.touched}
            for workload in write.sizes:
                lost[workload] |= write.lost_of(workload)
            assert not write.irreversible
            assert not write.creates

    assert len(touched) <= most_objects
    assert all(Fraction(len(keys), 6) <= most_share for keys in lost.values())
    assert {target.namespace for target in targets} <= {"shop"}
    assert not {target.kind for target in targets} & {"nodes"}
    assert all(selectors.items() <= target.labels.items() for target in targets)
