"""What a node has to give, and why a pod may have to wait for it."""

from decimal import Decimal

import pytest

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.quantities import quantity, requested
from orchestrator.practice.nodes.kubelet.room import Obstacle, Room


def asking(cpu: str, memory: str = "1Gi") -> list[Json]:
    """The containers of a pod that asks for so much."""
    return [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]


@pytest.mark.parametrize(
    ("text", "number"),
    [("250m", "0.25"), ("2", "2"), ("1.5", "1.5"), ("64Mi", str(64 << 20)), ("1e3", "1000"),
     ("2k", "2000"), ("-1", "-1")],
)  # fmt: skip
def test_quantity_is_the_number_that_it_stands_for(text: str, number: str) -> None:
    assert quantity(text) == Decimal(number)


def test_limit_stands_in_for_a_request_that_is_not_said() -> None:
    assert requested([{"resources": {"limits": {"cpu": "2"}}}, {}], "cpu") == 2


def test_what_exceeds_the_node_is_infeasible() -> None:
    room = Room({"cpu": "4", "memory": "8Gi"})

    refusal = room.refusal("a", asking("5"))

    assert refusal is not None
    assert refusal.obstacle is Obstacle.INFEASIBLE
    assert refusal.message == (
        "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000"
    )


def test_what_others_have_is_waited_for() -> None:
    room = Room({"cpu": "4", "memory": "8Gi"})
    room.give("a", asking("1"))
    room.give("b", asking("2"))

    refusal = room.refusal("a", asking("3"))
    room.take_back("b")

    assert refusal is not None
    assert refusal.obstacle is Obstacle.DEFERRED
    assert room.refusal("a", asking("3")) is None
