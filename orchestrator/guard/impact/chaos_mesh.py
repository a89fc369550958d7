"""What stands behind an object of Chaos Mesh: the pods that its selectors and modes may hit.

Conditions that are not evaluated here leave more pods, never fewer. It does not know what the
fault does to them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestrator.domain.blast_radius import Target
from orchestrator.domain.labels import Requirement, equalities
from orchestrator.domain.undo import Document, Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import (
    NOTHING,
    Impact,
    invented,
    selector_of,
    spec_of,
    untold,
)

_KNOWN: Final = frozenset(
    {
        "namespaces",
        "labelSelectors",
        "expressionSelectors",
        "annotationSelectors",
        "fieldSelectors",
        "podPhaseSelectors",
        "nodes",
        "nodeSelectors",
        "pods",
    }
)

_STEERING: Final = "chaos-mesh.org/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One selector's pods, and how many of them may be hit."""

    pods: tuple[Target, ...]
    most: int
    namespaces: frozenset[str]


async def of_chaos(draft: Draft, around: Surroundings) -> Impact:
    """The pods that the fault may hit: all of them, or so many of the candidates."""
    _check_plain(draft)
    if draft.verb is Verb.CHANGE:
        return NOTHING
    spec = spec_of(draft.document)
    groups = [await _group(spec, draft, around)]
    if spec.get("target") is not None:
        groups.append(await _group(spec["target"], draft, around))
    namespaces = frozenset().union(*(group.namespaces for group in groups))
    is_inside = namespaces <= around.namespaces
    finds_all = all(group.pods for group in groups)
    if is_inside and not finds_all and draft.verb is Verb.CREATE:
        raise untold(draft.ref.key, "it selects no pod now; whom it hits later cannot be told")
    return Impact(
        lost=tuple(
            target for place, group in enumerate(groups) for target in _hit(draft, group, place)
        ),
        candidates=tuple(pod for group in groups for pod in group.pods),
        namespaces=namespaces,
    )


def _check_plain(draft: Draft) -> None:
    """Refuse a fault that is put in elsewhere, later or again: its selectors tell nothing then."""
    key, spec = draft.ref.key, spec_of(draft.after)
    for part in (spec, spec.get("target") or {}):
        if not isinstance(part, Mapping):
            raise untold(key, "its target is no object")
        if part.get("remoteCluster"):
            raise untold(key, "it would hit another cluster")
    if spec.get("scheduler"):
        raise untold(key, "whom it hits each time it starts anew cannot be told")
    if _steering(draft.before) != _steering(draft.after) and draft.after is not None:
        raise untold(key, "when it goes on after a pause it may hit others; delete it and make one")


def _steering(document: Document | None) -> Mapping[str, Any]:
    """The annotations by which Chaos Mesh is told to pause and to go on."""
    annotations = ((document or {}).get("metadata") or {}).get("annotations") or {}
    return {key: value for key, value in annotations.items() if _STEERING in key}


def _hit(draft: Draft, group: Group, place: int) -> tuple[Target, ...]:
    """Those that count as lost.

    When only some of the candidates are hit, each workload may be the one that loses them all,
    but together they are no more than the mode says.
    """
    if group.most >= len(group.pods):
        return group.pods
    found: list[Target] = []
    by_workload: dict[str, list[Target]] = {}
    for pod in group.pods:
        by_workload.setdefault(pod.workload, []).append(pod)
    for workload, pods in by_workload.items():
        for number in range(1, min(group.most, len(pods)) + 1):
            someone = invented(
                number,
                name=f"{draft.ref.name}{'>' * place}",
                namespace=draft.ref.namespace,
                labels=pods[0].labels,
            )
            found.append(replace(someone, workload=workload))
    return tuple(found)


async def _group(spec: Mapping[str, Any], draft: Draft, around: Surroundings) -> Group:
    selector = spec.get("selector")
    if not isinstance(selector, Mapping) or not selector:
        raise untold(draft.ref.key, "it has no selector that names its namespaces")
    if unknown := selector.keys() - _KNOWN:
        raise untold(draft.ref.key, f"the selector's {min(unknown)} is not known here")
    namespaces = _namespaces(selector, draft)
    found = [
        pod
        for each in sorted(namespaces & around.namespaces)
        for pod in await _pods(selector, each, draft, around)
    ]
    pods = await around.tagged(found)
    return Group(pods=pods, most=_most(spec, len(pods), draft), namespaces=namespaces)


def _namespaces(selector: Mapping[str, Any], draft: Draft) -> frozenset[str]:
    named = selector.get("pods") or selector.get("namespaces") or ()
    if not named:
        raise untold(draft.ref.key, "its selector names no namespace, so it may hit all of them")
    return frozenset(map(str, named))


async def _pods(
    selector: Mapping[str, Any], namespace: str, draft: Draft, around: Surroundings
) -> Sequence[Document]:
    listed = (selector.get("pods") or {}).get(namespace)
    if listed is not None:
        return [pod for pod in await around.pods(namespace) if pod["metadata"]["name"] in listed]
    fields = ",".join(f"{k}={v}" for k, v in (selector.get("fieldSelectors") or {}).items())
    found = await around.pods(namespace, _conditions(selector, draft), fields=fields)
    # Those with the labels come to the nodes that are named, and which they are is not asked here.
    nodes = () if selector.get("nodeSelectors") else selector.get("nodes") or ()
    return [pod for pod in found if not nodes or spec_of(pod).get("nodeName") in nodes]


def _conditions(selector: Mapping[str, Any], draft: Draft) -> tuple[Requirement, ...]:
    expressions = {"matchExpressions": selector.get("expressionSelectors") or ()}
    labels = equalities(selector.get("labelSelectors"))
    return labels + selector_of(expressions, key=draft.ref.key)


def _most(spec: Mapping[str, Any], count: int, draft: Draft) -> int:
    """How many of the candidates the mode lets the fault hit."""
    mode, value = spec.get("mode"), spec.get("value")
    try:
        match mode:
            case "all":
                return count
            case "one":
                return min(count, 1)
            case "fixed":
                return min(count, int(str(value)))
            case "fixed-percent" | "random-max-percent":
                return min(count, math.ceil(count * float(str(value)) / 100))
    except (ValueError, OverflowError):
        raise untold(draft.ref.key, f"its mode {mode} has no number: {value!r}") from None
    raise untold(draft.ref.key, f"its mode {mode!r} is not known here")
