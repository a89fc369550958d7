"""What the cluster holds around an object: pods, and the workloads that they belong to.

It only reads, and only when asked.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestrator.domain.blast_radius import NODES, Target
from orchestrator.domain.labels import Requirement, as_query
from orchestrator.domain.net_effect import uid_of
from orchestrator.domain.undo import Document, Path, value_at
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.values import is_running, selector_of, spec_of, target_of
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.upstream import Upstream, both

_PLURALS: Final[Mapping[str, tuple[str, str]]] = {
    "Deployment": ("deployments", "/apis/apps/v1"),
    "ReplicaSet": ("replicasets", "/apis/apps/v1"),
    "StatefulSet": ("statefulsets", "/apis/apps/v1"),
    "DaemonSet": ("daemonsets", "/apis/apps/v1"),
    "Job": ("jobs", "/apis/batch/v1"),
    "CronJob": ("cronjobs", "/apis/batch/v1"),
}
# Whoever owns its pods through objects in between.
_BETWEEN: Final[Mapping[str, str]] = {
    "deployments": "/apis/apps/v1/namespaces/{}/replicasets",
    "cronjobs": "/apis/batch/v1/namespaces/{}/jobs",
}


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


class Surroundings:
    """Looks around in the cluster for one run."""

    def __init__(
        self,
        upstream: Upstream,
        ledger: Ledger,
        namespaces: frozenset[str],
        *,
        kinds: frozenset[str] = frozenset(),
        is_narrow: bool = False,
    ) -> None:
        self.namespaces = namespaces
        """Those that the run may touch; the guard may not even see others."""
        self.kinds = kinds
        """Those that the run may touch; the guard may not even see others."""
        self.is_narrow = is_narrow
        """Whether the limits leave out some of what is in those namespaces."""
        self._upstream = upstream
        self._ledger = ledger
        self._owners: dict[str, tuple[str, Document | None]] = {}
        self._documents: dict[str, Document | None] = {}
        self._sizes: dict[str, int] = {}
        self._needed: dict[str, int] = {}

    def look_anew(self) -> None:
        """Forget what may have changed since the last write."""
        self._sizes.clear()

    def most_needed(self, budget: str, now: int) -> int:
        """The most pods that a budget needed since the run came upon it.

        A budget may need fewer when the run has taken away some, and would give way with them.
        """
        self._needed[budget] = max(now, self._needed.get(budget, 0))
        return self._needed[budget]

    def was(self, draft: Draft, path: Path) -> Any:
        """A field of the written object as it was before the run, `ABSENT` when it was not there.

        What others wrote since counts as it is now.
        """
        effect = self._ledger.effect(draft.ref.path)
        if draft.before is None:
            return value_at((effect.deleted if effect else None) or {}, path)
        now = value_at(draft.before, path)
        change = effect.changes.get(path) if effect else None
        return change.was if change is not None and now in change.ours else now

    def is_own(self, draft: Draft) -> bool:
        """Whether the run itself made the written object."""
        effect = self._ledger.effect(draft.ref.path)
        return effect is not None and effect.made(draft.before or {})

    @property
    def marks(self) -> Set[str]:
        """The marks of what the run itself made."""
        return self._ledger.marks

    async def read(self, path: str) -> Document | None:
        """An object, None when there is none. Raises: ClusterUnavailable."""
        return await self._upstream.read(path)

    async def items(
        self, collection: str, query: Mapping[str, str] | None = None
    ) -> Sequence[Document]:
        """The objects of a collection. Raises: ClusterUnavailable."""
        return await self._upstream.items(collection, query)

    async def pods(
        self,
        namespace: str,
        requirements: Iterable[Requirement] = (),
        *,
        fields: str = "",
    ) -> Sequence[Document]:
        """The running pods of a namespace that satisfy the conditions; of all, when it is empty."""
        inside = f"/namespaces/{namespace}" if namespace else ""
        query = as_query(requirements) | ({"fieldSelector": fields} if fields else {})
        found = await self._upstream.items(f"/api/v1{inside}/pods", query)
        return [pod for pod in found if is_running(pod)]

    async def tagged(self, pods: Iterable[Document]) -> tuple[Target, ...]:
        """Pods, each with the workload that it belongs to."""
        return tuple(
            [replace(target_of("pods", pod), workload=(await self.owner(pod))[0]) for pod in pods]
        )

    async def sizes(self, lost: Iterable[Target]) -> dict[str, int]:
        """How many pods each workload behind the lost had when it was first touched."""
        keys = sorted({target.workload for target in lost if target.workload})
        return {key: await self.size(key) for key in keys}

    async def size(self, key: str) -> int:
        """How many pods a workload had when it was first touched; of `NODES`, how many nodes."""
        known = self._ledger.size(key)
        if known is not None:
            return known
        if key == NODES:
            nodes = await self._upstream.items("/api/v1/nodes")
            return sum(not spec_of(node).get("unschedulable") for node in nodes)
        if key not in self._sizes:
            await self.workload(key, self._documents.get(key))
        return self._sizes[key]

    async def lost_so_far(self, key: str) -> int:
        """How many pods a workload has lost to this run."""
        return len(self._ledger.lost.get(key, ()))

    async def owner(self, document: Document) -> tuple[str, Document | None]:
        """The key of the workload that an object belongs to, and the workload, if it is known.

        Shape: an empty key when no controller owns the object.
        """
        reference = _controller(document)
        if reference is None:
            return "", None
        uid = str(reference.get("uid") or "")
        if uid not in self._owners:
            self._owners[uid] = await self._look_up(reference, document)
            key, found = self._owners[uid]
            self._documents[key] = found
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
        above, top = await self.owner(owner)
        return (above, top) if above else (key, owner)

    async def workload(self, key: str, owner: Document | None) -> Workload:
        """The pods of a workload."""
        self._documents[key] = owner
        found = Workload(key=key, pods=(), wanted=0)
        if owner is not None:
            found = await self._found(key, owner)
        self._sizes[key] = found.size
        return found

    async def _found(self, key: str, owner: Document) -> Workload:
        namespace, spec = str(owner["metadata"]["namespace"]), spec_of(owner)
        query = selector_of(spec.get("selector"), key=key)
        uids = {uid_of(owner)}
        if between := _BETWEEN.get(key.partition("/")[0]):
            sets, pods = await both(
                self._upstream.items(between.format(namespace), as_query(query)),
                self.pods(namespace, query),
            )
            uids = {uid_of(each) for each in sets if _owner_uid(each) in uids}
        else:
            pods = await self.pods(namespace, query)
        return Workload(
            key=key,
            pods=tuple(
                replace(target_of("pods", pod), workload=key)
                for pod in pods
                if _owner_uid(pod) in uids
            ),
            wanted=int(spec.get("replicas") or 0),
        )


def _controller(document: Document) -> Mapping[str, Any] | None:
    owners: Sequence[Mapping[str, Any]] = document["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def _owner_uid(document: Document) -> str:
    return str((_controller(document) or {}).get("uid") or "")
