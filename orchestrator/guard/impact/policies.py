"""What stands behind a write to something that rules over pods: which ones it rules over.

It does not reckon what the rule does to them: a policy cuts off whom it selects, whatever it
lets through after all.
"""

from orchestrator.domain.labels import equalities
from orchestrator.domain.undo import Document, Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.annotations import check_annotations
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import (
    NOTHING,
    Impact,
    selector_of,
    spec_of,
    specs_of,
    target_of,
    touches_spec,
    untold,
)


async def of_isolation(draft: Draft, around: Surroundings) -> Impact:
    """The pods that a NetworkPolicy selects, before the write and after it, are cut off."""
    if not touches_spec(draft):
        return NOTHING
    pods = await selected(draft, around, "podSelector")
    if not pods and draft.verb is not Verb.DELETE:
        raise untold(draft.ref.key, "it selects no pod now; whom it cuts off later cannot be told")
    return Impact(lost=await around.tagged(pods))


async def selected(draft: Draft, around: Surroundings, field: str) -> tuple[Document, ...]:
    """The pods that a selector of an object finds, before the write and after it."""
    found: dict[str, Document] = {}
    for spec in specs_of(draft):
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
    check_annotations(draft, around)
    selector = spec_of(draft.after).get("selector")
    if not selector or selector == spec_of(draft.before).get("selector"):
        return NOTHING
    pods = await around.pods(draft.ref.namespace, equalities(selector))
    return Impact(candidates=tuple(target_of("pods", pod) for pod in pods))


async def of_quota(draft: Draft, around: Surroundings) -> Impact:
    """The pods of the namespace, for whose successors a quota may leave no room."""
    if not touches_spec(draft):
        return NOTHING
    return Impact(reached=await around.tagged(await around.pods(draft.ref.namespace)))
