from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import NODES, Allowed, Denied, Target, Write
from orchestrator.domain.day_budget import DayBudget, Reservation, asked_by, within
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.identity import RunId
from tests.builders import RUN, a_radius

HALF = Fraction(1, 2)
PAYMENT, CHECKOUT = "deployments/shop/payment", "deployments/shop/checkout"
keys = st.frozensets(st.sampled_from([f"pods/shop/{letter}" for letter in "abcdef"]))


PODS = frozenset({"pods"})


def a_write(name: str) -> Write:
    target = Target(kind="pods", namespace="shop", name=name)
    return Write(verb="change", kind="pods", written=target)


def a_part(run: str = "other", objects: int = 2, **changes: object) -> Reservation:
    return Reservation(run=RunId(run), objects=objects, **changes)  # type: ignore[arg-type]


@st.composite
def parts(draw: st.DrawFn) -> list[Reservation]:
    count = draw(st.integers(1, 4))
    return [a_part(f"run-{i}", draw(st.integers(0, 5)), targets=draw(keys)) for i in range(count)]


@given(parts(), st.integers(1, 12))
def test_whatever_is_admitted_cannot_touch_more_than_the_budget(
    wanted: list[Reservation], most: int
) -> None:
    budget = DayBudget(most_objects=most)
    held: list[Reservation] = []
    for part in wanted:
        if not budget.overdrawn(held, part):
            held.append(part)

    # The worst that can come: each touches what it named, and as much again as it may.
    named = {key for part in held for key in part.targets}
    worst = len(named) + sum(max(part.objects - len(part.targets), 0) for part in held)
    assert worst <= most


def test_an_object_that_two_runs_touch_counts_once() -> None:
    same = frozenset({"pods/shop/a", "pods/shop/b"})
    budget = DayBudget(most_objects=2)

    assert not budget.overdrawn([a_part(targets=same)], a_part("mine", targets=same))
    assert budget.overdrawn([a_part(targets=same)], a_part("mine"))


def test_runs_at_once_are_counted_without_the_one_that_asks() -> None:
    budget = DayBudget(most_runs=1)

    assert not budget.overdrawn([a_part("mine")], a_part("mine"))
    said = budget.overdrawn([a_part()], a_part("mine"))
    assert said == "1 runs are under way, 1 are allowed at once"


def test_shares_of_one_workload_add_up() -> None:
    budget = DayBudget(most_share=HALF)
    mine = a_part("mine", shares={PAYMENT: Fraction(1, 3)})

    assert not budget.overdrawn([a_part(shares={CHECKOUT: HALF})], mine)
    said = budget.overdrawn([a_part(shares={PAYMENT: Fraction(1, 3)})], mine)
    assert said == f"67% of {PAYMENT} could be lost at once, 50% are allowed"


def test_a_run_that_names_no_workload_counts_against_each() -> None:
    budget = DayBudget(most_share=HALF)
    named = a_part("mine", shares={PAYMENT: Fraction(1, 3)})
    unnamed = a_part(share=Fraction(1, 3), node_share=Fraction(0))

    assert budget.overdrawn([unnamed], named)
    assert budget.overdrawn([named], unnamed)
    assert budget.overdrawn([unnamed], a_part("mine", share=Fraction(1, 3)))


def test_shares_of_the_nodes_have_a_limit_of_their_own() -> None:
    budget = DayBudget(most_node_share=HALF)
    third = a_part(shares={NODES: Fraction(1, 3)})

    assert budget.overdrawn([third], a_part("mine", shares={NODES: Fraction(1, 3)}))
    assert not budget.overdrawn([third], a_part("mine", shares={PAYMENT: Fraction(1)}))


def test_a_run_without_a_preview_asks_for_its_own_limits_or_what_there_is() -> None:
    radius = a_radius(most_objects=10, most_share=Fraction(1), most_node_share=HALF)

    asked = asked_by(RUN, radius, DayBudget(most_objects=4, most_share=HALF))

    assert asked == Reservation(run=RUN, objects=4, share=HALF, node_share=HALF)


def test_a_run_gets_no_wider_limits_than_it_reserved() -> None:
    part = a_part(objects=3, share=HALF, shares={PAYMENT: Fraction(1, 3)})

    narrowed = within(a_radius(most_objects=10), part)

    assert narrowed.most_objects == 3
    assert narrowed.share_of(PAYMENT) == Fraction(1, 3)
    assert narrowed.share_of(CHECKOUT) == 0
    assert narrowed.share_of(NODES) == 0


@given(
    parts(),
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcdefghij")), max_size=30),
)
def test_runs_that_were_admitted_touch_no_more_together_than_the_budget(
    wanted: list[Reservation], most: int, writes: list[tuple[int, str]]
) -> None:
    budget = DayBudget(most_objects=most)
    held: list[Reservation] = []
    for part in wanted:
        # Each asks for one object at least.
        asked = replace(part, objects=max(part.objects, 1))
        if not budget.overdrawn(held, asked):
            held.append(asked)

    touched: dict[str, set[str]] = {part.run: set() for part in held}
    for position, name in writes if held else ():
        part = held[position % len(held)]
        radius = within(a_radius(most_objects=20, kinds=PODS), part)
        write = a_write(name)
        if radius.verdict(write, touched=touched[part.run], lost={}) == Allowed():
            touched[part.run].add(write.written.key)

    assert len(set().union(*touched.values())) <= most


def test_a_run_touches_what_it_named_and_nothing_in_its_place() -> None:
    part = a_part(objects=2, targets=frozenset({"pods/shop/a"}))
    radius = within(a_radius(kinds=PODS), part)

    def verdict(name: str, *touched: str) -> object:
        return radius.verdict(a_write(name), touched=set(touched), lost={})

    assert verdict("b") == Allowed()
    assert verdict("a", "pods/shop/b") == Allowed()
    denied = verdict("c", "pods/shop/b")
    assert isinstance(denied, Denied)
    assert denied.rule == "most_objects"
    assert denied.reason == (
        "pods/shop/c would make 2 objects touched that its part of the day's budget does not"
        " name; of the 2 that are allowed it names pods/shop/a"
    )


@pytest.mark.parametrize(
    "limits", [{"most_runs": 0}, {"most_objects": 0}, {"most_share": Fraction(0)}]
)
def test_a_budget_under_which_nothing_could_run_is_refused(limits: dict[str, Fraction]) -> None:
    with pytest.raises(InvalidValue, match="day_budget"):
        DayBudget(**limits)  # type: ignore[arg-type]
