"""Who else is concerned when pods get new labels: services, policies and budgets that find them.

A rule for all pods of a namespace is of no label's making, so it is left out. Policies of other
namespaces that let pods of this one in are not seen.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from orchestrator.domain.blast_radius import Target
from orchestrator.domain.labels import are_met, equalities
from orchestrator.domain.net_effect import marks_of
from orchestrator.domain.undo import Document
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import labels_of, selector_of, spec_of, target_of

Labels: TypeAlias = Mapping[str, str]
LabelsOf: TypeAlias = Callable[[Document | None], Labels]

_RULERS: Final = (
    ("/apis/networking.k8s.io/v1", "networkpolicies"),
    ("/apis/policy/v1", "poddisruptionbudgets"),
)


def pod_labels(document: Document | None) -> Labels:
    """The labels of a pod."""
    return labels_of(document or {})


def template_labels(document: Document | None) -> Labels:
    """The labels of the pods that a workload makes."""
    return labels_of(spec_of(document).get("template") or {})


async def joined(draft: Draft, around: Surroundings, labels: LabelsOf) -> tuple[Target, ...]:
    """The services that would send requests to pods with their new labels, and did not before."""
    before, after = _labels(draft, labels)
    if draft.after is None or after == before:
        return ()
    found = await around.items(f"/api/v1/namespaces/{draft.ref.namespace}/services")
    return tuple(
        target_of("services", service)
        for service in found
        if _finds(service, after) and not (before is not None and _finds(service, before))
    )


def _labels(draft: Draft, labels: LabelsOf) -> tuple[Labels | None, Labels]:
    return None if draft.before is None else labels(draft.before), labels(draft.after)


def _finds(service: Document, labels: Labels) -> bool:
    selector = spec_of(service).get("selector")
    return bool(selector) and are_met(equalities(selector), labels)


async def ruled(draft: Draft, around: Surroundings, labels: LabelsOf) -> tuple[Target, ...]:
    """The policies and budgets whose pods would be more by the new labels.

    A team's budget lets more of its own pods go for each that is not one of them, and its
    policies let in whoever has the label of a friend.
    """
    before, after = _labels(draft, labels)
    if draft.after is None or after == before or not around.is_narrow:
        return ()
    return tuple(
        [
            target_of(plural, each)
            for root, plural in _RULERS
            for each in await around.items(f"{root}/namespaces/{draft.ref.namespace}/{plural}")
            if not marks_of(each) and _gains(each, before, after, key=draft.ref.key)
        ]
    )


def _gains(ruler: Document, before: Labels | None, after: Labels, *, key: str) -> bool:
    found = [selector_of(each, key=key) for each in _selectors(spec_of(ruler)) if each]
    return any(
        conditions
        and are_met(conditions, after)
        and (before is None or not are_met(conditions, before))
        for conditions in found
    )


def _selectors(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any] | None]:
    """The selectors by which a policy or a budget knows pods of its own namespace."""
    yield spec.get("selector")
    yield spec.get("podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(direction) or ():
            for peer in rule.get(peers) or ():
                yield peer.get("podSelector")
