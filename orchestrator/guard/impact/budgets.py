"""What a write leaves of the pods that PodDisruptionBudgets protect.

It does not decide whether that is enough. An eviction is left to the API server, which counts
by itself.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from orchestrator.domain.blast_radius import Left, Target
from orchestrator.domain.labels import Requirement, are_met
from orchestrator.domain.undo import Document
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import (
    Impact,
    is_healthy,
    selector_of,
    spec_of,
    target_of,
    untold,
)

_WORKLOADS: Final = frozenset({"deployments", "statefulsets", "replicasets"})


async def left_of(impact: Impact, around: Surroundings) -> tuple[Left, ...]:
    """What would be left of each budget's pods."""
    lost = [target for target in impact.lost if target.kind == "pods"]
    found = [
        left
        for namespace in sorted({target.namespace for target in lost})
        for budget in await around.items(
            f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
        )
        if (left := await _left(budget, namespace, lost, impact.at_once, around)) is not None
    ]
    return tuple(found)


async def _left(
    budget: Document,
    namespace: str,
    lost: Sequence[Target],
    at_once: int | None,
    around: Surroundings,
) -> Left | None:
    key = target_of("poddisruptionbudgets", budget).key
    selector = spec_of(budget).get("selector")
    if selector is None:
        return None
    conditions = selector_of(selector, key=key)
    hit = [each for each in lost if each.namespace == namespace and _is_hit(each, conditions)]
    if not hit:
        return None
    pods = await around.pods(namespace, conditions)
    healthy = await around.tagged([pod for pod in pods if is_healthy(pod)])
    before = sum([await _kept(workload, count, around) for workload, count in _counted(healthy)])
    gone = _gone(hit, healthy)
    return Left(
        budget=key,
        before=before,
        after=max(0, before - (gone if at_once is None else min(gone, at_once))),
        needed=around.most_needed(key, _needed(budget, key)),
    )


def _is_hit(target: Target, conditions: Sequence[Requirement]) -> bool:
    return are_met(conditions, target.labels)


def _counted(pods: Sequence[Target]) -> Iterator[tuple[str, int]]:
    yield from Counter(pod.workload for pod in pods).items()


async def _kept(workload: str, healthy: int, around: Surroundings) -> int:
    """How many healthy pods a workload keeps when what was asked of it so far is done."""
    kind, _, rest = workload.partition("/")
    if kind not in _WORKLOADS:
        return healthy
    namespace, _, name = rest.partition("/")
    found = await around.read(f"/apis/apps/v1/namespaces/{namespace}/{kind}/{name}")
    return min(healthy, int(spec_of(found).get("replicas", 1))) if found else healthy


def _gone(hit: Sequence[Target], healthy: Sequence[Target]) -> int:
    """How many of the healthy are lost; of those without a name, any may be among them."""
    names = {pod.key for pod in healthy}
    known = {each.key for each in hit if each.key in names}
    unnamed = {each.key for each in hit if "#" in each.name}
    return min(len(known) + len(unnamed), len(healthy))


def _needed(budget: Document, key: str) -> int:
    status = budget.get("status") or {}
    seen = int(status.get("observedGeneration") or 0)
    if "desiredHealthy" not in status or seen < int(budget["metadata"].get("generation") or 0):
        raise untold(key, "its controller has not said yet how many pods it needs")
    return int(status["desiredHealthy"])
