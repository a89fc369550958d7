"""What a write leaves of the pods that a budget protects, as the budget's controller counts."""

from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import pytest

from orchestrator.domain.blast_radius import Left, Target
from orchestrator.domain.labels import Requirement, are_met
from orchestrator.guard.impact.budgets import left_of
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import Impact
from orchestrator.guard.refusals import NotLetThrough

Document = dict[str, Any]
WEB = {"app": "web"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def a_pod(number: int, *, is_ready: bool = True) -> Document:
    ready = {"type": "Ready", "status": str(is_ready)}
    metadata = {"name": f"web-{number}", "namespace": "shop", "labels": WEB}
    return {"metadata": metadata, "status": {"phase": "Running", "conditions": [ready]}}


def a_target(name: str, namespace: str = "shop", **labels: str) -> Target:
    return Target(
        kind="pods", namespace=namespace, name=name, labels=labels or WEB,
        workload="deployments/shop/web",
    )  # fmt: skip


def a_budget(selector: Document | None, **status: Any) -> Document:
    known = {"desiredHealthy": 2, "observedGeneration": 3}
    return {
        "metadata": {"name": "web", "namespace": "shop", "generation": 3},
        "spec": {"selector": selector},
        "status": known | status,
    }


@dataclass
class Around:
    """A namespace with four pods of one deployment and one budget."""

    budget: Document
    pods_there: list[Document] = field(default_factory=lambda: [a_pod(i) for i in range(4)])
    replicas: int = 4

    async def items(self, collection: str) -> list[Document]:
        await anyio.lowlevel.checkpoint()
        return [self.budget] if "/namespaces/shop/" in collection else []

    async def pods(self, _: str, conditions: tuple[Requirement, ...]) -> list[Document]:
        await anyio.lowlevel.checkpoint()
        return [pod for pod in self.pods_there if are_met(conditions, pod["metadata"]["labels"])]

    async def tagged(self, pods: list[Document]) -> list[Target]:
        await anyio.lowlevel.checkpoint()
        return [a_target(pod["metadata"]["name"]) for pod in pods]

    async def read(self, _: str) -> Document:
        await anyio.lowlevel.checkpoint()
        return {"spec": {"replicas": self.replicas}}

    def most_needed(self, _: str, needed: int) -> int:
        return needed


async def left(around: Around, *lost: Target, at_once: int | None = None) -> tuple[Left, ...]:
    return await left_of(Impact(lost=lost, at_once=at_once), cast("Surroundings", around))


SELECTS_WEB = {"matchLabels": WEB}
TWO = (a_target("web-0"), a_target("web-1"))


async def test_what_is_left_is_counted_among_the_healthy() -> None:
    pods = [a_pod(0), a_pod(1, is_ready=False), a_pod(2), a_pod(3)]

    (found,) = await left(Around(a_budget(SELECTS_WEB), pods), *TWO)

    assert (found.before, found.after, found.needed) == (3, 2, 2)


async def test_no_more_go_at_once_than_a_rollout_lets_go() -> None:
    (found,) = await left(Around(a_budget(SELECTS_WEB)), *TWO, at_once=1)

    assert (found.before, found.after) == (4, 3)


async def test_what_was_asked_of_a_workload_before_is_not_counted_as_there() -> None:
    (found,) = await left(Around(a_budget(SELECTS_WEB), replicas=3), *TWO)

    assert (found.before, found.after) == (3, 1)


async def test_pods_without_a_name_yet_may_be_any() -> None:
    (found,) = await left(Around(a_budget(SELECTS_WEB)), a_target("web#1"), a_target("web#2"))

    assert found.after == 2


@pytest.mark.parametrize(
    "lost",
    [a_target("web-0", "other"), a_target("web-0", app="another")],
    ids=["in another namespace", "of other labels"],
)
async def test_a_budget_protects_its_own_pods_alone(lost: Target) -> None:
    also_in_shop = a_target("other", app="another")

    assert await left(Around(a_budget(SELECTS_WEB)), lost, also_in_shop) == ()


async def test_what_is_no_pod_takes_none_from_a_budget() -> None:
    node = Target(kind="nodes", namespace="shop", name="one", labels=WEB)

    assert await left(Around(a_budget(SELECTS_WEB)), node) == ()


async def test_a_budget_without_a_selector_protects_nothing_and_an_empty_one_everything() -> None:
    assert await left(Around(a_budget(None)), *TWO) == ()
    assert len(await left(Around(a_budget({})), *TWO)) == 1


@pytest.mark.parametrize(
    "status",
    [{"desiredHealthy": 2, "observedGeneration": 2}, {"desiredHealthy": 2}, {}, None],
)
async def test_nothing_goes_while_a_budget_does_not_say_what_it_needs(
    status: Document | None,
) -> None:
    budget = {**a_budget(SELECTS_WEB), "status": status}

    with pytest.raises(NotLetThrough) as caught:
        await left(Around(budget), *TWO)

    assert caught.value.rule == "expansion"
