"""Which pods a fault of Chaos Mesh may hit by what it selects."""

from typing import Any

import pytest

from orchestrator.domain.undo import Verb
from orchestrator.guard.impact.chaos_mesh import of_chaos
from orchestrator.guard.impact.values import Impact
from orchestrator.guard.refusals import NotLetThrough
from tests.unit.guard.small_cluster import (
    SmallCluster,
    a_pod,
    a_workload,
    an_object,
    owned_by,
)
from tests.unit.guard.test_rules import a_draft

Document = dict[str, Any]
CART = {"namespaces": ["shop"], "labelSelectors": {"app": "cart"}}
STOCK = {"namespaces": ["shop"], "labelSelectors": {"app": "stock"}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def the_shop() -> SmallCluster:
    """Three pods of the cart on three nodes, and one of the stock."""
    cart = owned_by("StatefulSet", "uid of one")
    stock = owned_by("StatefulSet", "uid of stock", "stock")
    pods = [a_pod(f"cart-{i}", cart, nodeName=f"node-{i}") for i in (1, 2, 3)]
    pods.append(a_pod("stock-1", stock, labels={"app": "stock"}, nodeName="node-1"))
    cluster = SmallCluster().add("statefulsets", a_workload(), a_workload("stock"))
    return cluster.add("pods", *pods)


def a_fault(selector: Document, mode: str = "all", **parts: Any) -> Document:
    return an_object(selector=selector, mode=mode, **parts)


async def impact_of(verb: Verb, before: Document | None, after: Document | None) -> Impact:
    return await of_chaos(a_draft(verb, before, after, kind="podchaos"), the_shop().around())


async def hit_by(fault: Document) -> list[tuple[str, str]]:
    """The pods that count as lost, each with its workload's name."""
    impact = await impact_of(Verb.CREATE, None, fault)
    return [(each.name, each.workload.rpartition("/")[2]) for each in impact.lost]


ALL = [(f"cart-{i}", "one") for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (CART, ALL),
        ({**CART, "nodes": []}, ALL),
        ({**CART, "nodes": ["node-2", "node-3", "node-9"]}, ALL[1:]),
        ({"pods": {"shop": ["cart-2", "stock-1"]}}, [ALL[1], ("stock-1", "stock")]),
    ],
)
async def test_a_fault_for_all_hits_whatever_its_selector_finds(
    selector: Document, expected: list[tuple[str, str]]
) -> None:
    assert await hit_by(a_fault(selector)) == expected


@pytest.mark.parametrize(
    ("mode", "value", "carts"),
    [("one", None, 1), ("fixed", "2", 2), ("fixed-percent", "50", 2)],
)
async def test_a_fault_for_some_may_hit_so_many_of_each_workload_and_no_more_than_it_has(
    mode: str, value: str | None, carts: int
) -> None:
    fault = a_fault({"namespaces": ["shop"]}, mode, value=value)

    assert await hit_by(fault) == [
        *((f"one#{number}", "one") for number in range(1, carts + 1)),
        ("one#1", "stock"),
    ]


async def test_both_sides_of_a_fault_between_two_are_hit() -> None:
    fault = a_fault(CART, target={"selector": STOCK, "mode": "all"})

    assert await hit_by(fault) == [*ALL, ("stock-1", "stock")]


async def test_a_fault_that_is_taken_back_concerns_whom_it_hits_and_a_changed_one_nobody() -> None:
    gone = await impact_of(Verb.DELETE, a_fault(CART), None)
    changed = await impact_of(Verb.CHANGE, a_fault(CART), a_fault(CART, duration="30s"))

    assert [each.name for each in gone.lost] == ["cart-1", "cart-2", "cart-3"]
    assert (changed.lost, changed.candidates, changed.namespaces) == ((), (), frozenset())


async def test_a_fault_that_hits_nobody_yet_is_not_made_and_may_be_taken_back() -> None:
    nobody = a_fault({**CART, "nodes": ["node-9"]})

    with pytest.raises(NotLetThrough, match="it selects no pod now"):
        await impact_of(Verb.CREATE, None, nobody)
    assert (await impact_of(Verb.DELETE, nobody, None)).lost == ()


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (a_fault(CART, remoteCluster="far"), "it would hit another cluster"),
        (a_fault(CART, target={"selector": STOCK, "remoteCluster": "far"}), "another cluster"),
        (a_fault(CART, target="stock"), "its target is no object"),
        (a_fault(CART, scheduler={"cron": "@hourly"}), "whom it hits each time"),
        (a_fault({}), "it has no selector"),
        (a_fault({**CART, "moods": ["bad"]}), "the selector's moods is not known here"),
        (a_fault({"labelSelectors": {"app": "cart"}}), "its selector names no namespace"),
        (a_fault(CART, "most"), "its mode 'most' is not known here"),
        (a_fault(CART, "fixed", value="many"), "has no number: 'many'"),
        (a_fault(CART, annotations={"experiment.chaos-mesh.org/pause": "true"}), "after a pause"),
    ],
)
async def test_a_fault_of_which_nobody_can_tell_whom_it_hits_is_not_made(
    fault: Document, why: str
) -> None:
    with pytest.raises(NotLetThrough, match=why) as refusal:
        await impact_of(Verb.CREATE, None, fault)

    assert refusal.value.rule == "expansion"


@pytest.mark.parametrize(
    ("expression", "hits"),
    [
        ({"key": "app", "operator": "In", "values": ["stock"]}, [("stock-1", "stock")]),
        ({"key": "app", "operator": "In", "values": ["cart"]}, ALL),
    ],
)
async def test_a_fault_finds_its_pods_by_expressions_as_well(
    expression: Document, hits: list[tuple[str, str]]
) -> None:
    selector = {"namespaces": ["shop"], "expressionSelectors": [expression]}

    assert await hit_by(a_fault(selector)) == hits


async def test_a_fault_that_goes_beyond_the_namespaces_of_the_run_says_so() -> None:
    fault = a_fault({"namespaces": ["shop", "bank"]})

    assert (await impact_of(Verb.CREATE, None, fault)).namespaces == {"shop", "bank"}
