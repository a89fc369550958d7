"""Who would take pods or replica sets of nobody for its own, and then delete some of them.

A controller takes in whatever its selector finds and nobody controls. It does not count what is
lost by that: such writes are refused.
"""

from collections.abc import Iterator
from typing import Final

from orchestrator.domain.labels import Requirement, are_met, as_query, equalities
from orchestrator.domain.net_effect import has_controller, uid_of
from orchestrator.domain.undo import Document, Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import labels_of, selector_of, spec_of, target_of, untold

_TAKES_PODS: Final = (
    ("/apis/apps/v1", "replicasets"),
    ("/apis/apps/v1", "statefulsets"),
    ("/apis/apps/v1", "daemonsets"),
    ("/apis/batch/v1", "jobs"),
    ("/api/v1", "replicationcontrollers"),
)
_TAKES_SETS: Final = (("/apis/apps/v1", "deployments"),)


async def check_not_taken(draft: Draft, around: Surroundings) -> None:
    """Refuse labels by which a workload would take the object for its own."""
    if draft.after is None or labels_of(draft.after) == labels_of(draft.before or {}):
        return
    takers = _TAKES_PODS if draft.ref.kind == "pods" else _TAKES_SETS
    own = {each.get("uid") for each in _owners(draft)}
    for root, plural in takers:
        for each in await around.items(f"{root}/namespaces/{draft.ref.namespace}/{plural}"):
            selector = _selector(plural, each, draft)
            if uid_of(each) not in own and are_met(selector, labels_of(draft.after)):
                reason = f"{target_of(plural, each).key} would take it for one of its own"
                raise untold(draft.ref.key, reason)


def _owners(draft: Draft) -> Iterator[Document]:
    yield from ((draft.before or {}).get("metadata") or {}).get("ownerReferences") or ()


def _selector(plural: str, taker: Document, draft: Draft) -> tuple[Requirement, ...]:
    selector = spec_of(taker).get("selector")
    if plural == "replicationcontrollers":
        return equalities(selector)
    return selector_of(selector, key=draft.ref.key)


async def check_takes_none(draft: Draft, around: Surroundings) -> None:
    """Refuse to make a workload whose selector finds what nobody controls.

    One that the run took away and makes anew takes back what it had left.
    """
    selector = spec_of(draft.after).get("selector")
    if draft.verb is not Verb.CREATE or selector == around.was(draft, ("spec", "selector")):
        return
    plural = "replicasets" if draft.ref.kind == "deployments" else "pods"
    for each in await _free(plural, draft, around):
        raise untold(
            draft.ref.key, f"it would take {target_of(plural, each).key} for one of its own"
        )


async def _free(plural: str, draft: Draft, around: Surroundings) -> list[Document]:
    """What the selector of a workload finds that nobody controls."""
    query = selector_of(spec_of(draft.after).get("selector"), key=draft.ref.key)
    namespace = draft.ref.namespace
    if plural == "pods":
        found = await around.pods(namespace, query)
    else:
        path = f"/apis/apps/v1/namespaces/{namespace}/{plural}"
        found = await around.items(path, as_query(query))
    return [each for each in found if not has_controller(each)]
