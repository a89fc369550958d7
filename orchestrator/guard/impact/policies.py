"""What stands behind a write to something that rules over pods: which ones it rules over.

It does not reckon what the rule does to them: a policy cuts off whom it selects, whatever it
lets through after all.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orchestrator.domain.labels import equalities
from orchestrator.domain.undo import Document, Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import (
    NOTHING,
    Impact,
    selector_of,
    spec_of,
    target_of,
    untold,
)

_ROOTS: Final[Mapping[str, tuple[str, str]]] = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
}


async def of_isolation(draft: Draft, around: Surroundings) -> Impact:
    """The pods that a NetworkPolicy selects, before the write and after it, are cut off."""
    if not _touches_spec(draft):
        return NOTHING
    pods = await _selected(draft, around, "podSelector")
    if not pods and draft.verb is not Verb.DELETE:
        raise untold(draft.ref.key, "it selects no pod now; whom it cuts off later cannot be told")
    return Impact(lost=await around.tagged(pods))


async def of_budget(draft: Draft, around: Surroundings) -> Impact:
    """The pods that a PodDisruptionBudget protects."""
    if not _touches_spec(draft):
        return NOTHING
    return Impact(reached=await around.tagged(await _selected(draft, around, "selector")))


async def _selected(draft: Draft, around: Surroundings, field: str) -> tuple[Document, ...]:
    found: dict[str, Document] = {}
    for spec in _specs(draft):
        if spec.get(field) is None:
            # A budget without a selector protects nothing.
            continue
        conditions = selector_of(spec[field], key=draft.ref.key)
        for pod in await around.pods(draft.ref.namespace, conditions):
            found[pod["metadata"]["name"]] = pod
    return tuple(found.values())


async def of_service(draft: Draft, around: Surroundings) -> Impact:
    """The pods to which a new selector sends requests must be within the limits as well.

    They are not counted: a service stands for its pods.
    """
    selector = spec_of(draft.after).get("selector")
    if not selector or selector == spec_of(draft.before).get("selector"):
        return NOTHING
    pods = await around.pods(draft.ref.namespace, equalities(selector))
    return Impact(candidates=tuple(target_of("pods", pod) for pod in pods))


async def of_quota(draft: Draft, around: Surroundings) -> Impact:
    """The pods of the namespace, for whose successors a quota may leave no room."""
    if not _touches_spec(draft):
        return NOTHING
    return Impact(reached=await around.tagged(await around.pods(draft.ref.namespace)))


async def of_autoscaler(draft: Draft, around: Surroundings) -> Impact:
    """The workload that an autoscaler scales, which must keep its size.

    What an autoscaler does to a workload would not be put back with the autoscaler.
    """
    if not _touches_spec(draft):
        return NOTHING
    found = [target_of(*await _scaled(spec, draft, around)) for spec in _specs(draft)]
    return Impact(reached=tuple({target.key: target for target in found}.values()))


async def _scaled(
    spec: Mapping[str, Any], draft: Draft, around: Surroundings
) -> tuple[str, Document]:
    reference = spec.get("scaleTargetRef") or {}
    kind, name = str(reference.get("kind")), str(reference.get("name"))
    root, plural = _ROOTS.get(kind, ("", ""))
    path = f"{root}/namespaces/{draft.ref.namespace}/{plural}/{name}"
    found = await around.read(path) if root else None
    if found is None:
        raise untold(draft.ref.key, f"what it scales, {kind} {name}, is not known here")
    now = int(spec_of(found).get("replicas", 1))
    least, most = int(spec.get("minReplicas") or 1), int(spec.get("maxReplicas") or 0)
    if spec is spec_of(draft.after) and now and not least <= now <= most:
        raise untold(
            draft.ref.key,
            f"{plural}/{name} with its {now} pods would be scaled to between {least} and {most},"
            " which would not be put back; scale it instead",
        )
    return plural, found


def _touches_spec(draft: Draft) -> bool:
    return draft.verb is not Verb.CHANGE or any(path[0] == "spec" for path in draft.changes)


def _specs(draft: Draft) -> Iterator[Mapping[str, Any]]:
    for document in (draft.before, draft.after):
        if document is not None:
            yield spec_of(document)
