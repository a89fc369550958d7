"""What stands behind a write to a pod, or to something that owns pods.

It does not know other kinds.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import Any, Final

from orchestrator.domain.blast_radius import Target
from orchestrator.domain.labels import are_met, equalities
from orchestrator.domain.net_effect import uid_of
from orchestrator.domain.undo import Path, Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings, Workload
from orchestrator.guard.impact.values import (
    NOTHING,
    Impact,
    invented,
    labels_of,
    selector_of,
    spec_of,
    target_of,
    untold,
)

_REPLICAS: Final[Path] = ("spec", "replicas")
_TEMPLATE: Final[Path] = ("spec", "template")
# Changing these takes no pod away; every other field of a workload's spec may.
_HARMLESS: Final[frozenset[Path]] = frozenset(
    {("spec", "minReadySeconds"), ("spec", "progressDeadlineSeconds")}
)
_MOST_NEW: Final = 10_000
"""More new pods at once than any limit allows need not be counted one by one."""


class Loss(Enum):
    """Which pods of a workload a write takes away."""

    NONE = auto()
    SURPLUS = auto()
    """Those beyond the replicas wanted afterwards."""
    ALL = auto()


async def of_pod(draft: Draft, around: Surroundings) -> Impact:
    """A write to a pod takes the pod away; one that is new may be taken for another's."""
    await _check_not_adopted(draft, around)
    if draft.verb is Verb.CREATE:
        return Impact(reached=await _services(draft, around, labels_of(draft.document)))
    key, _ = await around.owner(draft.document)
    pod = replace(target_of("pods", draft.document), workload=key)
    if draft.verb is Verb.EXEC:
        return Impact(lost=(pod,), irreversible="exec")
    return Impact(lost=(pod,))


async def _check_not_adopted(draft: Draft, around: Surroundings) -> None:
    """Refuse labels by which a workload would take the pod for its own, and delete another."""
    if draft.after is None or labels_of(draft.after) == labels_of(draft.before or {}):
        return
    owners = (draft.before or {}).get("metadata", {}).get("ownerReferences") or ()
    own = {each.get("uid") for each in owners}
    for kind in ("replicasets", "statefulsets"):
        path = f"/apis/apps/v1/namespaces/{draft.ref.namespace}/{kind}"
        for each in await around.items(path):
            selector = selector_of(spec_of(each).get("selector"), key=draft.ref.key)
            if uid_of(each) not in own and are_met(selector, labels_of(draft.after)):
                reason = f"{target_of(kind, each).key} would take it for one of its own"
                raise untold(draft.ref.key, reason)


async def of_workload(draft: Draft, around: Surroundings) -> Impact:
    """A write to a workload takes pods away, or makes more of them."""
    if draft.verb is Verb.CREATE:
        return await _made(draft, around)
    loss = _loss(draft)
    if loss is Loss.NONE:
        return NOTHING
    key, owner = await around.owner(draft.document)
    if not key:
        key, owner = target_of(draft.ref.kind, draft.document).key, draft.document
    workload = await around.workload(key, owner)
    lost = workload.pods if loss is Loss.ALL else await _taken(draft, workload, around)
    return Impact(lost=lost, reached=_gained(draft), at_once=_at_once(draft, workload))


async def _made(draft: Draft, around: Surroundings) -> Impact:
    if draft.ref.kind == "daemonsets":
        nodes = await around.items("/api/v1/nodes")
        pods = _new_pods(draft, 0, len(nodes))
    else:
        pods = _new_pods(draft, 0, _replicas(draft.after))
    services = await _services(draft, around, _template_labels(draft))
    return Impact(reached=(*pods, *services))


def _gained(draft: Draft) -> tuple[Target, ...]:
    """The pods that a change of replicas makes."""
    if draft.verb is not Verb.CHANGE or _REPLICAS not in draft.changes:
        return ()
    return _new_pods(draft, _replicas(draft.before), _replicas(draft.after))


def _new_pods(draft: Draft, before: int, after: int) -> tuple[Target, ...]:
    if after - before > _MOST_NEW:
        raise untold(draft.ref.key, f"it would make {after - before} pods at once")
    return tuple(
        invented(
            number,
            name=f"{draft.ref.name}+",
            namespace=draft.ref.namespace,
            labels=_template_labels(draft),
        )
        for number in range(before + 1, after + 1)
    )


def _template_labels(draft: Draft) -> Mapping[str, str]:
    template = spec_of(draft.after).get("template") or {}
    return labels_of(template)


async def _services(
    draft: Draft, around: Surroundings, labels: Mapping[str, str]
) -> tuple[Target, ...]:
    """The services that would send requests to new pods with those labels."""
    found = await around.items(f"/api/v1/namespaces/{draft.ref.namespace}/services")
    return tuple(
        target_of("services", service)
        for service in found
        if (selector := spec_of(service).get("selector")) and are_met(equalities(selector), labels)
    )


async def _taken(draft: Draft, workload: Workload, around: Surroundings) -> tuple[Target, ...]:
    """The pods that a change of replicas takes away.

    Which ones is the controller's choice, so unless it takes them all they get names that
    no pod has.
    """
    count = max(0, len(workload.pods) - _replicas(draft.after))
    if count == len(workload.pods):
        return workload.pods
    known = await around.lost_so_far(workload.key)
    # Any of them carries the labels that all of them carry.
    shared = set.intersection(*(set(pod.labels.items()) for pod in workload.pods))
    return tuple(
        replace(
            invented(
                known + number,
                name=draft.ref.name,
                namespace=draft.ref.namespace,
                labels=dict(shared),
            ),
            workload=workload.key,
        )
        for number in range(1, count + 1)
    )


def _replicas(document: Mapping[str, Any] | None) -> int:
    found = spec_of(document).get("replicas")
    return 1 if found is None else int(found)


def _loss(draft: Draft) -> Loss:
    """Which pods of a workload a write takes away."""
    if draft.verb is not Verb.CHANGE:
        return Loss.ALL
    if draft.ref.kind == "replicasets" and draft.changes.keys() - {_REPLICAS}:
        # Its labels tie it to its deployment.
        return Loss.ALL
    changed = {path for path in draft.changes if path[0] == "spec"} - _HARMLESS
    if changed - {_REPLICAS}:
        return Loss.ALL
    return Loss.SURPLUS if changed else Loss.NONE


def _at_once(draft: Draft, workload: Workload) -> int | None:
    """How many pods a new template takes away before their successors are ready."""
    is_rollout = draft.ref.kind == "deployments" and all(
        path[: len(_TEMPLATE)] == _TEMPLATE for path in draft.changes if path[0] == "spec"
    )
    strategy = spec_of(draft.after).get("strategy") or {}
    if not is_rollout or strategy.get("type") != "RollingUpdate":
        return None
    most = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", "25%")
    if isinstance(most, str):
        return math.ceil(len(workload.pods) * int(most.removesuffix("%")) / 100)
    return int(most)


async def of_job(draft: Draft, around: Surroundings) -> Impact:
    """A job that is made runs pods; one that is deleted or suspended loses them."""
    if draft.ref.kind == "cronjobs":
        return await _of_cron_job(draft, around)
    if draft.verb is Verb.CREATE:
        spec = spec_of(draft.after)
        services = await _services(draft, around, _template_labels(draft))
        return Impact(reached=(*_new_pods(draft, 0, _at_work(spec)), *services))
    key = target_of("jobs", draft.document).key
    pods = (await around.workload(key, draft.document)).pods
    more = _new_pods(draft, _at_work(spec_of(draft.before)), _at_work(spec_of(draft.after)))
    irreversible = "jobs" if draft.verb is Verb.DELETE else ""
    return Impact(lost=pods, reached=more if draft.after else (), irreversible=irreversible)


def _at_work(spec: Mapping[str, Any]) -> int:
    # Every pod that fails is made anew, up to the limit of retries.
    parallel = int(spec.get("parallelism") or 1)
    return parallel * (1 + int(spec.get("backoffLimit", 6)))


async def _of_cron_job(draft: Draft, around: Surroundings) -> Impact:
    if draft.verb is Verb.CREATE:
        raise untold(draft.ref.key, "what it starts later cannot be told now; make a job")
    if draft.verb is Verb.CHANGE:
        return NOTHING
    key = target_of("cronjobs", draft.document).key
    workload = await around.workload(key, draft.document)
    return Impact(lost=workload.pods, irreversible="jobs" if workload.pods else "")
