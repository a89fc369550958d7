"""Whether a changed PodDisruptionBudget protects its pods less than it did."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.undo import UndoState, Verb
from orchestrator.guard.impact.protection import of_budget
from orchestrator.guard.ledger import Ledger
from tests.builders import an_undo_record
from tests.unit.guard.small_cluster import CART, SmallCluster, a_pod, an_object
from tests.unit.guard.test_rules import a_draft

Document = dict[str, Any]
ALWAYS = {"unhealthyPodEvictionPolicy": "AlwaysAllow"}
USUAL = {"unhealthyPodEvictionPolicy": "IfHealthyBudget"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def a_budget(**parts: Any) -> Document:
    return an_object(**({"selector": {"matchLabels": CART}} | parts))


async def is_weakened(
    before: Document | None, after: Document | None, verb: Verb = Verb.CHANGE
) -> bool:
    draft = a_draft(verb, before, after, kind="poddisruptionbudgets")
    impact = await of_budget(draft, SmallCluster().add("pods", a_pod()).around())
    assert [each.name for each in impact.reached] == ["cart-1"]
    assert impact.weakened in {"", "poddisruptionbudgets/shop/one"}
    return bool(impact.weakened)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"minAvailable": 2}, {"minAvailable": 3}, False),
        ({"minAvailable": 2}, {"minAvailable": 1}, True),
        ({"minAvailable": "50%"}, {"minAvailable": "60%"}, False),
        ({"minAvailable": "50%"}, {"minAvailable": 9}, True),
        ({"minAvailable": 2}, {"minAvailable": "100%"}, False),
        ({"minAvailable": 2}, {"maxUnavailable": 1}, True),
        ({"minAvailable": 2}, {"maxUnavailable": 0}, False),
        ({"maxUnavailable": 2}, {"maxUnavailable": 1}, False),
        ({"maxUnavailable": 1}, {"maxUnavailable": 2}, True),
        ({"minAvailable": 2}, {}, True),
        ({"minAvailable": 2}, {"minAvailable": 2, **ALWAYS}, True),
        ({"minAvailable": 2}, {"minAvailable": 2, **USUAL}, False),
        ({"minAvailable": 2, **ALWAYS}, {"minAvailable": 3, **ALWAYS}, False),
        ({"minAvailable": 2, **ALWAYS}, {"minAvailable": 1, **ALWAYS}, True),
        ({"minAvailable": 2, **ALWAYS}, {"minAvailable": 2, **USUAL}, False),
        ({"minAvailable": 2}, {"minAvailable": 2, "selector": {}}, True),
        ({"minAvailable": 2}, {"minAvailable": 3, "selector": {}}, True),
        ({"minAvailable": 2}, {"maxUnavailable": "0%"}, False),
        ({"minAvailable": 9}, {"minAvailable": "50%"}, True),
    ],
)
async def test_a_budget_that_asks_for_less_or_for_what_cannot_be_compared_is_weaker(
    before: Document, after: Document, *, expected: bool
) -> None:
    assert await is_weakened(a_budget(**before), a_budget(**after)) is expected


async def test_a_budget_that_is_taken_away_is_weaker_and_a_new_one_is_not() -> None:
    assert await is_weakened(a_budget(minAvailable=1), None, Verb.DELETE)
    assert not await is_weakened(None, a_budget(minAvailable=1), Verb.CREATE)


async def test_a_budget_may_go_back_to_what_it_was_before_the_run() -> None:
    was, ours = a_budget(minAvailable=1), a_budget(minAvailable=2)
    draft = a_draft(Verb.CHANGE, ours, was, kind="poddisruptionbudgets")
    record = an_undo_record(ref=draft.ref, before=was, after=ours)
    ledger = Ledger([replace(record, seq=1, state=UndoState.DONE)])

    assert not (await of_budget(draft, SmallCluster().around(ledger))).weakened


async def test_a_budget_without_a_selector_protects_nobody() -> None:
    nobodys = an_object(minAvailable=1)
    draft = a_draft(Verb.CREATE, None, nobodys, kind="poddisruptionbudgets")

    assert (await of_budget(draft, SmallCluster().add("pods", a_pod()).around())).reached == ()


async def test_a_budget_that_gets_a_label_concerns_nobody() -> None:
    draft = a_draft(
        Verb.CHANGE, a_budget(), a_budget(labels={"a": "b"}), kind="poddisruptionbudgets"
    )

    assert (await of_budget(draft, SmallCluster().add("pods", a_pod()).around())).reached == ()
