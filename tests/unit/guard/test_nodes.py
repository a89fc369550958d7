"""A node that takes no more pods is lost, and with it those that may not stay."""

from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import pytest

from orchestrator.domain.blast_radius import NODES, Target
from orchestrator.domain.undo import Verb
from orchestrator.guard.impact.nodes import of_node
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import Impact
from tests.unit.guard.test_rules import a_draft

Document = dict[str, Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Around:
    """A node with one pod on it."""

    tolerations: list[Document] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def pods(self, namespace: str, *, fields: str) -> list[Document]:
        await anyio.lowlevel.checkpoint()
        self.asked.append(namespace + fields)
        metadata = {"name": "cart", "namespace": "bank"}
        return [{"metadata": metadata, "spec": {"tolerations": self.tolerations}}]

    async def tagged(self, pods: list[Document]) -> list[Target]:
        await anyio.lowlevel.checkpoint()
        return [
            Target(kind="pods", namespace="bank", name=each["metadata"]["name"]) for each in pods
        ]


def a_node(*taints: Document, **spec: Any) -> Document:
    return {"metadata": {"name": "one"}, "spec": {"taints": list(taints), **spec}}


def a_taint(effect: str = "NoExecute", **fields: str) -> Document:
    return {"key": "broken", "effect": effect, **fields}


async def impact_of(before: Document, after: Document, *tolerations: Document) -> Impact:
    around = Around(tolerations=list(tolerations))
    draft = a_draft(Verb.CHANGE, before, after, kind="nodes")
    return await of_node(draft, cast("Surroundings", around))


async def lost(before: Document, after: Document, *tolerations: Document) -> list[str]:
    impact = await impact_of(before, after, *tolerations)
    assert all(each.workload == NODES for each in impact.lost if each.kind == "nodes")
    return [f"{each.kind}/{each.name}" for each in impact.lost]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (a_node(), a_node(unschedulable=True), ["nodes/one"]),
        (a_node(unschedulable=True), a_node(), []),
        (a_node(), a_node(a_taint("NoSchedule")), ["nodes/one"]),
        (a_node(), a_node(a_taint()), ["nodes/one", "pods/cart"]),
        (a_node(a_taint()), a_node(), []),
        (a_node(a_taint()), a_node(a_taint()), []),
        (a_node(a_taint()), a_node(a_taint(), unschedulable=True), ["nodes/one"]),
        (a_node(a_taint()), a_node(a_taint(), a_taint("NoSchedule", key="x")), ["nodes/one"]),
    ],
)
async def test_what_a_change_of_a_node_takes_away(
    before: Document, after: Document, expected: list[str]
) -> None:
    assert await lost(before, after) == expected


@pytest.mark.parametrize(
    ("after", "tolerated", "is_shown"),
    [
        (a_node(unschedulable=True), [], True),
        (a_node(a_taint("NoSchedule")), [], True),
        (a_node(a_taint("PreferNoSchedule")), [], True),
        (a_node(a_taint()), [], False),
        (a_node(a_taint()), [{"operator": "Exists"}], True),
        (a_node(), [], False),
    ],
)
async def test_pods_that_stay_on_a_lost_node_are_shown_and_not_judged(
    after: Document, tolerated: list[Document], is_shown: bool
) -> None:
    impact = await impact_of(a_node(), after, *tolerated)

    assert [each.key for each in impact.staying] == ["pods/bank/cart"] * is_shown
    assert (impact.reached, impact.candidates) == ((), ())


@pytest.mark.parametrize(
    ("toleration", "may_stay"),
    [
        ({"operator": "Exists"}, True),
        ({"operator": "Exists", "key": "broken"}, True),
        ({"operator": "Exists", "key": "other"}, False),
        ({"operator": "Exists", "effect": "NoSchedule"}, False),
        ({"operator": "Exists", "effect": "NoExecute"}, True),
        ({"operator": "Exists", "tolerationSeconds": 300}, False),
        ({"operator": "Exists", "tolerationSeconds": 0}, False),
        ({"key": "broken", "value": "very"}, True),
        ({"key": "broken", "value": "little"}, False),
        ({"key": "broken"}, False),
        ({"key": "other", "value": "very"}, False),
    ],
)
async def test_a_pod_stays_only_where_it_tolerates_the_taint_for_good(
    toleration: Document, may_stay: bool
) -> None:
    found = await lost(a_node(), a_node(a_taint(value="very")), toleration)

    assert found == ["nodes/one"] + ["pods/cart"] * (not may_stay)


async def test_what_says_nothing_of_taints_has_none_and_tolerates_none() -> None:
    bare: Document = {"metadata": {"name": "one"}, "spec": {}}

    assert await lost(bare, a_node(a_taint())) == ["nodes/one", "pods/cart"]
    assert await lost(a_node(a_taint()), bare) == []


@pytest.mark.parametrize(("taint", "toleration"), [({}, {"value": ""}), ({"value": ""}, {})])
async def test_a_value_that_is_empty_is_as_good_as_none(
    taint: dict[str, str], toleration: Document
) -> None:
    found = await lost(a_node(), a_node(a_taint(**taint)), {"key": "broken", **toleration})

    assert found == ["nodes/one"]


async def test_a_pod_stays_only_where_it_tolerates_every_taint() -> None:
    tainted = a_node(a_taint(), a_taint(key="other"))

    assert "pods/cart" in await lost(a_node(), tainted, {"operator": "Exists", "key": "broken"})
    assert "pods/cart" not in await lost(a_node(), tainted, {"operator": "Exists"})
