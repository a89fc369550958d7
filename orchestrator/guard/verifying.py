"""Proves that a run left the cluster as it found it, others' changes aside.

Every object that the run touched is looked at again, and every workload and service of its
namespaces must be as ready as before. It writes nothing but what undo would write anyway.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import anyio

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import (
    Difference,
    Path,
    Restoration,
    UndoRecord,
    changed_leaves,
)
from orchestrator.guard.baseline import (
    NODES,
    Observation,
    Service,
    Workload,
    baseline_from,
    observe,
    observe_nodes,
)
from orchestrator.guard.undo import Undoing
from orchestrator.guard.upstream import Upstream
from orchestrator.ports import UndoJournal

_LOOK_AGAIN: Final = timedelta(milliseconds=100)
_CORDON: Final[Path] = ("spec", "unschedulable")
_CLEAN_LOOKS: Final = 2
"""A controller may not yet have seen the last write, so one clean look is no proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What is not as ready as before: kept where others changed what is wanted."""

    kept: tuple[Difference, ...] = ()
    pending: tuple[str, ...] = ()

    def and_also(self, other: "Readiness") -> "Readiness":
        """Both together."""
        return Readiness(kept=(*self.kept, *other.kept), pending=(*self.pending, *other.pending))


class Verifying:
    """Compares the cluster with the baseline of one run."""

    def __init__(
        self,
        *,
        run: RunId,
        radius: BlastRadius,
        upstream: Upstream,
        journal: UndoJournal,
        undoing: Undoing,
    ) -> None:
        self._run = run
        self._radius = radius
        self._upstream = upstream
        self._journal = journal
        self._undoing = undoing

    async def verify(self, patience: timedelta) -> Restoration:
        """Look until nothing is pending, or patience runs out."""
        last = Restoration(pending=("the cluster was not looked at in time",))
        clean = 0
        with anyio.move_on_after(patience.total_seconds()):
            while clean < _CLEAN_LOOKS:
                last = await self._look()
                clean = clean + 1 if last.is_proven else 0
                if clean < _CLEAN_LOOKS:
                    await anyio.sleep(_LOOK_AGAIN.total_seconds())
        return last

    async def _look(self) -> Restoration:
        try:
            restoration = await self._undoing.undo()
            readiness = await self._readiness()
            if restoration.is_proven and not readiness.pending:
                # Nodes are looked at last: a cluster may have thousands.
                readiness = readiness.and_also(await self._nodes())
        except ClusterUnavailable as error:
            return Restoration(pending=(str(error),))
        return replace(
            restoration,
            kept=(*restoration.kept, *readiness.kept),
            pending=(*restoration.pending, *readiness.pending),
        )

    async def _readiness(self) -> Readiness:
        kept = await self._journal.baseline(self._run)
        if kept is None:
            # The run never came as far as writing.
            return Readiness()
        return compare(baseline_from(kept), await observe(self._upstream, self._radius.namespaces))

    async def _nodes(self) -> Readiness:
        kept = await self._journal.baseline(self._run)
        before = {} if kept is None else baseline_from(kept).nodes
        if not before:
            return Readiness()
        now = await observe_nodes(self._upstream)
        if now is None:
            return Readiness(pending=("nodes: the guard's account may not list them any more",))
        return compare_nodes(before, now, ours=cordoned(await self._journal.records(self._run)))


def cordoned(records: Iterable[UndoRecord]) -> frozenset[str]:
    """The names of the nodes of which a run changed whether they take pods."""
    return frozenset(
        each.ref.name
        for each in records
        if each.ref.kind == NODES
        and each.was_made
        and (each.after is None or _CORDON in changed_leaves(each.before or {}, each.after))
    )


def compare_nodes(
    before: Mapping[str, bool], now: Mapping[str, bool], *, ours: Set[str]
) -> Readiness:
    """Which nodes took pods and do not now.

    Shape: of each node whether it takes no pods; ours are those of which the run changed that.
    """
    kept: list[Difference] = []
    pending: list[str] = []
    for name in sorted(name for name, was_cordoned in before.items() if not was_cordoned):
        if now.get(name) is False:
            continue
        key = f"{NODES}//{name}"
        if name not in now:
            kept.append(_unlike(key, "deleted"))
        elif name in ours:
            pending.append(f"{key}: it took pods before, and takes none now")
        else:
            kept.append(_unlike(key, "cordoned by others"))
    return Readiness(kept=tuple(kept), pending=tuple(pending))


def _unlike(key: str, now: str) -> Difference:
    return Difference(
        object=key, field="schedulable", before="schedulable", ours="unchanged", now=now
    )


def compare(before: Observation, now: Observation) -> Readiness:
    """What is not as ready as it was."""
    kept: list[Difference] = []
    pending: list[str] = []
    for key, workload in before.workloads.items():
        current = now.workloads.get(key)
        if current is None:
            kept.append(_difference(key, "deleted"))
        elif problem := _lacking(workload, current):
            if _is_changed(workload.spec, current.spec):
                kept.append(_difference(key, f"changed by others, {problem}"))
            else:
                pending.append(f"{key}: {problem}")
    for key, service in before.services.items():
        if service.ready and not _serves(now.services.get(key)):
            if _is_others(key, before, now):
                kept.append(_difference(key, "no endpoint is ready"))
            else:
                pending.append(f"{key}: no endpoint is ready")
    return Readiness(kept=tuple(kept), pending=tuple(pending))


def _lacking(before: Workload, now: Workload) -> str:
    """What a workload lacks; empty when it is as ready as before, as far as it is wanted to be."""
    needed = min(before.ready, now.wanted)
    if not now.is_observed:
        return "its controller has not seen the last change"
    if now.ready < needed:
        return f"{now.ready} of {needed} pods are ready"
    if before.is_steady and (now.total, now.updated) != (now.wanted, now.wanted):
        return f"{now.total} pods, {now.updated} of them up to date, where {now.wanted} are wanted"
    return ""


def _serves(service: Service | None) -> bool:
    return service is not None and service.ready > 0


def _is_others(key: str, before: Observation, now: Observation) -> bool:
    """Whether a service lacks endpoints because others changed it, or a workload behind it."""
    service = now.services.get(key)
    if service is None or _is_changed(before.services[key].spec, service.spec):
        return True
    return any(
        found is None or _is_changed(workload.spec, found.spec)
        for workload, found in _behind(key, service, before, now)
    )


def _behind(
    key: str, service: Service, before: Observation, now: Observation
) -> Iterator[tuple[Workload, Workload | None]]:
    namespace = key.split("/")[1]
    selector: Mapping[str, str] = service.spec.get("selector") or {}
    for name, workload in before.workloads.items():
        is_near = name.split("/")[1] == namespace
        if is_near and selector and selector.items() <= _pod_labels(workload).items():
            yield workload, now.workloads.get(name)


def _pod_labels(workload: Workload) -> Mapping[str, str]:
    template: Mapping[str, Any] = workload.spec.get("template") or {}
    return (template.get("metadata") or {}).get("labels") or {}


def _is_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    # What undo left is others': it has put back all that was ours, or says so itself.
    return bool(changed_leaves({"spec": before}, {"spec": now}))


def _difference(key: str, now: str) -> Difference:
    return Difference(object=key, field="readiness", before="ready", ours="unchanged", now=now)
