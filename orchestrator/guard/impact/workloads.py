"""What stands behind a write to a pod, or to something that owns pods.

It does not know other kinds.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import Any, Final

from orchestrator.domain.blast_radius import Target
from orchestrator.domain.undo import Path, Verb, value_at
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.adopting import check_not_taken, check_takes_none
from orchestrator.guard.impact.claims import check_claims
from orchestrator.guard.impact.joining import joined, pod_labels, ruled, template_labels
from orchestrator.guard.impact.surroundings import Surroundings, Workload
from orchestrator.guard.impact.values import (
    NOTHING,
    Impact,
    invented,
    spec_of,
    target_of,
    untold,
)

_REPLICAS: Final[Path] = ("spec", "replicas")
_SUSPEND: Final[Path] = ("spec", "suspend")
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
    await check_not_taken(draft, around)
    services = await joined(draft, around, pod_labels)
    rulers = await ruled(draft, around, pod_labels)
    if draft.verb is Verb.CREATE:
        return Impact(reached=services, candidates=rulers)
    key, _ = await around.owner(draft.document)
    pod = replace(target_of("pods", draft.document), workload=key)
    if draft.verb is Verb.EXEC:
        return Impact(lost=(pod,), irreversible="exec")
    return Impact(lost=(pod,), reached=services, candidates=rulers)


async def of_workload(draft: Draft, around: Surroundings) -> Impact:
    """A write to a workload takes pods away, or makes more of them."""
    if draft.ref.kind == "replicasets":
        await check_not_taken(draft, around)
    if draft.ref.kind == "statefulsets":
        await check_claims(draft, around)
    await check_takes_none(draft, around)
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
    reached = (*_gained(draft), *await joined(draft, around, template_labels))
    return Impact(
        lost=lost,
        reached=reached,
        candidates=await ruled(draft, around, template_labels),
        at_once=_at_once(draft, workload),
    )


async def _made(draft: Draft, around: Surroundings) -> Impact:
    if draft.ref.kind == "daemonsets":
        nodes = await around.items("/api/v1/nodes")
        pods = _new_pods(draft, 0, len(nodes))
    else:
        pods = _new_pods(draft, 0, _replicas(draft.after))
    return Impact(
        reached=(*pods, *await joined(draft, around, template_labels)),
        candidates=await ruled(draft, around, template_labels),
    )


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
            labels=template_labels(draft.after),
        )
        for number in range(before + 1, after + 1)
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
    _check_not_resumed(draft, around)
    if draft.ref.kind == "cronjobs":
        return await _of_cron_job(draft, around)
    if draft.verb is Verb.CREATE:
        spec = spec_of(draft.after)
        await check_takes_none(draft, around)
        services = await joined(draft, around, template_labels)
        return Impact(
            reached=(*_new_pods(draft, 0, _at_work(spec)), *services),
            candidates=await ruled(draft, around, template_labels),
        )
    key = target_of("jobs", draft.document).key
    pods = (await around.workload(key, draft.document)).pods
    before = spec_of(draft.before)
    already = 0 if before.get("suspend") else _at_work(before)
    more = _new_pods(draft, already, _at_work(spec_of(draft.after)))
    irreversible = "jobs" if draft.verb is Verb.DELETE else ""
    return Impact(lost=pods, reached=more if draft.after else (), irreversible=irreversible)


def _check_not_resumed(draft: Draft, around: Surroundings) -> None:
    """Refuse to start what others have suspended: what it does would not be put back."""
    before, after = (value_at(each or {}, _SUSPEND) for each in (draft.before, draft.after))
    is_resumed = draft.verb is Verb.CHANGE and before is True and after is not True
    if is_resumed and around.was(draft, _SUSPEND) is True and not around.is_own(draft):
        raise untold(draft.ref.key, "it was suspended, and what it does once started stays done")


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
