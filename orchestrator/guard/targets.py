"""What a write really touches: the object, and the pods that go with it.

Where the cluster will choose, the worst is assumed. It does not decide whether that is too much.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Final

from orchestrator.domain.blast_radius import Target, Write
from orchestrator.domain.net_effect import is_leaving, uid_of
from orchestrator.domain.undo import Document, Path, Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.upstream import Upstream

_PLURALS: Final[Mapping[str, tuple[str, str]]] = {
    "Deployment": ("deployments", "/apis/apps/v1"),
    "ReplicaSet": ("replicasets", "/apis/apps/v1"),
    "StatefulSet": ("statefulsets", "/apis/apps/v1"),
    "DaemonSet": ("daemonsets", "/apis/apps/v1"),
}
_REPLICAS: Final[Path] = ("spec", "replicas")
# Changing these takes no pod away; every other field of a workload's spec may.
_HARMLESS: Final[frozenset[Path]] = frozenset(
    {("spec", "minReadySeconds"), ("spec", "progressDeadlineSeconds")}
)


class Loss(Enum):
    """Which pods of a workload a write takes away."""

    NONE = auto()
    SURPLUS = auto()
    """Those beyond the replicas wanted afterwards."""
    ALL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A set of pods under one owner, as it is now."""

    key: str
    pods: tuple[Target, ...]
    wanted: int

    @property
    def size(self) -> int:
        """The number of pods that shares are shares of: the smaller of wanted and running."""
        return min(len(self.pods), self.wanted) if self.wanted else len(self.pods)


class Targets:
    """Finds what writes touch, by asking the cluster."""

    def __init__(self, upstream: Upstream, ledger: Ledger) -> None:
        self._upstream = upstream
        self._ledger = ledger
        self._owners: dict[str, tuple[str, Document | None]] = {}

    async def write(self, draft: Draft) -> Write:
        """The write, expanded to all that it touches."""
        written = _target(draft.ref.kind, draft.document)
        if draft.verb is Verb.CREATE:
            return Write(verb=draft.verb, kind=draft.ref.kind, written=written)
        if draft.ref.kind == "pods":
            return await self._of_pod(draft, written)
        if draft.call.kind.is_workload:
            return await self._of_workload(draft, written)
        return Write(verb=draft.verb, kind=draft.ref.kind, written=written)

    async def _of_pod(self, draft: Draft, written: Target) -> Write:
        key, owner = await self._owner(draft.document)
        pod = replace(written, workload=key)
        sizes: dict[str, int] = {}
        if key:
            known = self._ledger.size(key)
            sizes[key] = known if known is not None else (await self._workload(key, owner)).size
        return Write(verb=draft.verb, kind="pods", written=pod, lost=(pod,), sizes=sizes)

    async def _of_workload(self, draft: Draft, written: Target) -> Write:
        loss = _loss(draft)
        if loss is Loss.NONE:
            return Write(verb=draft.verb, kind=draft.ref.kind, written=written)
        key, owner = await self._owner(draft.document)
        if not key:
            key, owner = written.key, draft.document
        workload = await self._workload(key, owner)
        known = self._ledger.size(key)
        return Write(
            verb=draft.verb,
            kind=draft.ref.kind,
            written=written,
            lost=workload.pods if loss is Loss.ALL else self._taken(draft, workload),
            sizes={key: known if known is not None else workload.size},
        )

    def _taken(self, draft: Draft, workload: Workload) -> tuple[Target, ...]:
        """The pods that a change of replicas takes away.

        Which ones is the controller's choice, so unless it takes them all they get names that
        no pod has: a pod that is named later is never taken for one of them.
        """
        left = int((draft.after or {}).get("spec", {}).get("replicas", 1))
        count = max(0, len(workload.pods) - left)
        if count == len(workload.pods):
            return workload.pods
        known = len(self._ledger.lost.get(workload.key, ()))
        anyone = _anyone(workload)
        return tuple(
            replace(anyone, name=f"{draft.ref.name}#{known + number}")
            for number in range(1, count + 1)
        )

    async def _owner(self, document: Document) -> tuple[str, Document | None]:
        """The key of the workload that an object belongs to, and the workload, if it is known.

        Shape: an empty key when no controller owns the object.
        """
        reference = _controller(document)
        if reference is None:
            return "", None
        uid = str(reference.get("uid") or "")
        if uid not in self._owners:
            self._owners[uid] = await self._look_up(reference, document)
        return self._owners[uid]

    async def _look_up(
        self, reference: Mapping[str, Any], document: Document
    ) -> tuple[str, Document | None]:
        kind, name = str(reference.get("kind")), str(reference.get("name"))
        namespace = str(document["metadata"].get("namespace") or "")
        plural, root = _PLURALS.get(kind, (f"{kind.lower()}s", ""))
        key = f"{plural}/{namespace}/{name}"
        if not root:
            return key, {"metadata": {"uid": reference.get("uid"), "namespace": namespace}}
        owner = await self._upstream.read(f"{root}/namespaces/{namespace}/{plural}/{name}")
        if owner is None or uid_of(owner) != reference.get("uid"):
            return key, None
        above, top = await self._owner(owner)
        return (above, top) if above else (key, owner)

    async def _workload(self, key: str, owner: Document | None) -> Workload:
        if owner is None:
            return Workload(key=key, pods=(), wanted=0)
        metadata, spec = owner["metadata"], owner.get("spec") or {}
        inside = f"namespaces/{metadata['namespace']}"
        selector = _selector(spec.get("selector") or {})
        query = {"labelSelector": selector} if selector else {}
        uids = {uid_of(owner)}
        if key.startswith("deployments/"):
            sets = await self._upstream.items(f"/apis/apps/v1/{inside}/replicasets", query)
            uids = {uid_of(each) for each in sets if _owner_uid(each) in uids}
        pods = await self._upstream.items(f"/api/v1/{inside}/pods", query)
        mine = [pod for pod in pods if _owner_uid(pod) in uids and _is_running(pod)]
        return Workload(
            key=key,
            pods=tuple(replace(_target("pods", pod), workload=key) for pod in mine),
            wanted=int(spec.get("replicas") or 0),
        )


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


def _target(kind: str, document: Document) -> Target:
    metadata = document["metadata"]
    return Target(
        kind=kind,
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
        uid=uid_of(document),
        labels=metadata.get("labels") or {},
    )


def _anyone(workload: Workload) -> Target:
    """Any pod of the workload: it carries the labels that all of them carry."""
    shared = set.intersection(*(set(pod.labels.items()) for pod in workload.pods))
    return replace(workload.pods[0], labels=dict(shared), uid="")


def _controller(document: Document) -> Mapping[str, Any] | None:
    owners: Sequence[Mapping[str, Any]] = document["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def _owner_uid(document: Document) -> str:
    return str((_controller(document) or {}).get("uid") or "")


def _is_running(pod: Document) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return not is_leaving(pod) and phase not in {"Succeeded", "Failed"}


def _selector(selector: Mapping[str, Any]) -> str:
    """A label selector as a query takes it."""
    labels = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    return ",".join(labels + [_expression(each) for each in selector.get("matchExpressions") or ()])


def _expression(expression: Mapping[str, Any]) -> str:
    key, values = expression["key"], ",".join(expression.get("values") or ())
    match expression["operator"]:
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return str(key)
        case _:
            return f"!{key}"
