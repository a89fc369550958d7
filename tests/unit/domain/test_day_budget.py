from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import NODES
from orchestrator.domain.day_budget import DayBudget, Reservation, asked_by, within
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.identity import RunId
from tests.builders import RUN, a_radius

HALF = Fraction(1, 2)
PAYMENT, CHECKOUT = "deployments/shop/payment", "deployments/shop/checkout"
keys = st.frozensets(st.sampled_from([f"pods/shop/{letter}" for letter in "abcdef"]))


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


@pytest.mark.parametrize(
    "limits", [{"most_runs": 0}, {"most_objects": 0}, {"most_share": Fraction(0)}]
)
def test_a_budget_under_which_nothing_could_run_is_refused(limits: dict[str, Fraction]) -> None:
    with pytest.raises(InvalidValue, match="day_budget"):
        DayBudget(**limits)  # type: ignore[arg-type]
