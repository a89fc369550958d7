"""Deleting objects: at once, when the kubelet is done, or when the last finalizer is gone.

What happens to the objects that a deleted one owns is the garbage collector's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.barring import Attempt, refuse_barred
from orchestrator.practice.api.clock import instant, stamp
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.served.core import NAMESPACE
from orchestrator.practice.api.statuses import Cause, forbidden, stale
from orchestrator.practice.api.store import Store

Object = dict[str, Any]
FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
_POLICIES: Final = ("Foreground", "Background", "Orphan")
_IMMORTAL: Final = {"default", "kube-system", "kube-public"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """How a client wants an object deleted."""

    grace: int | None = None
    """Seconds."""
    uid: str = ""
    version: str = ""
    propagation: str = ""
    dry: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any], *, dry: bool = False) -> Deletion:
        """The wishes that a DeleteOptions object holds."""
        preconditions = options.get("preconditions") or {}
        orphan = options.get("orphanDependents")
        legacy = {True: "Orphan", False: "Background", None: ""}[orphan]
        return cls(
            grace=options.get("gracePeriodSeconds"),
            uid=preconditions.get("uid") or "",
            version=preconditions.get("resourceVersion") or "",
            propagation=options.get("propagationPolicy") or legacy,
            dry=dry or bool(options.get("dryRun")),
        )


def options_causes(options: Mapping[str, Any]) -> list[Cause]:
    """What is wrong with a DeleteOptions object."""
    policy, orphan = options.get("propagationPolicy"), options.get("orphanDependents")
    if policy and orphan is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        return [Cause.invalid("propagationPolicy", policy, text)]
    if policy and policy not in _POLICIES:
        return [Cause.unsupported("propagationPolicy", policy, (*_POLICIES, "nil"))]
    wishes = options.get("dryRun") or []
    if any(wish != "All" for wish in wishes):
        return [Cause.unsupported("dryRun", wishes, ("All",))]
    return []


def delete(
    store: Store, kind: Kind, obj: Object, deletion: Deletion, *, is_evicted: bool = False
) -> tuple[Object, bool]:
    """Delete an object, and return its last version and whether it is gone already.

    Raises: ApiError: a precondition does not hold, or others do not let it.
    """
    _refuse(kind, obj, deletion)
    if not is_evicted:
        refuse_barred(store, _attempt(kind, obj))
    finalizers = _finalizers(obj, deletion)
    if (
        kind.cleanup
        and kind.cleanup not in finalizers
        and "deletionTimestamp" not in obj["metadata"]
    ):
        finalizers.append(kind.cleanup)
    grace = _grace(kind, obj, deletion)
    if not finalizers and not grace and not obj.get("spec", {}).get("finalizers"):
        return (obj if deletion.dry else store.remove(kind, obj)), True
    marked = _marked(store, kind, obj, grace, finalizers)
    if marked == obj or deletion.dry:
        return marked, False
    return store.write(kind, marked), False


def _attempt(kind: Kind, obj: Object) -> Attempt:
    name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace", "")
    return Attempt(kind=kind, operation="DELETE", name=name, namespace=namespace, old=obj)


def _refuse(kind: Kind, obj: Object, deletion: Deletion) -> None:
    metadata = obj["metadata"]
    name, found = metadata["name"], metadata["resourceVersion"]
    if kind is NAMESPACE and name in _IMMORTAL:
        raise forbidden(kind, name, "this namespace may not be deleted")
    if deletion.uid and deletion.uid != metadata["uid"]:
        raise stale(kind, name, "UID", deletion.uid, metadata["uid"])
    if deletion.version and deletion.version != found:
        raise stale(kind, name, "ResourceVersion", deletion.version, found)


def _finalizers(obj: Object, deletion: Deletion) -> list[str]:
    found = obj["metadata"].get("finalizers", [])
    if not deletion.propagation:
        return list(found)
    kept = [name for name in found if name not in {FOREGROUND, ORPHAN}]
    extra = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN]}.get(deletion.propagation, [])
    return kept + extra


def _grace(kind: Kind, obj: Object, deletion: Deletion) -> int:
    """Seconds that the kubelet gets; none for what no kubelet runs."""
    if not kind.graceful:
        return 0
    spec, status = obj.get("spec", {}), obj.get("status", {})
    if not spec.get("nodeName") or status.get("phase") in {"Succeeded", "Failed"}:
        return 0
    grace = deletion.grace
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", 30)
    grace = 1 if grace < 0 else grace
    already = obj["metadata"].get("deletionGracePeriodSeconds")
    return grace if already is None else min(grace, already)


def _marked(store: Store, kind: Kind, obj: Object, grace: int, finalizers: list[str]) -> Object:
    metadata = dict(obj["metadata"])
    first = "deletionTimestamp" not in metadata
    if first or grace < metadata.get("deletionGracePeriodSeconds", 0):
        metadata |= _deadline(store, metadata, grace)
    if first and "generation" in metadata:
        metadata["generation"] += 1
    metadata.pop("finalizers", None)
    if finalizers:
        metadata["finalizers"] = finalizers
    marked = {**obj, "metadata": metadata}
    if kind is NAMESPACE:
        marked["status"] = {**obj["status"], "phase": "Terminating"}
    return marked


def _deadline(store: Store, metadata: Object, grace: int) -> Object:
    since = store.now()
    if "deletionTimestamp" in metadata:
        earlier = timedelta(seconds=metadata.get("deletionGracePeriodSeconds", 0))
        since = instant(metadata["deletionTimestamp"]) - earlier
    return {
        "deletionTimestamp": stamp(since + timedelta(seconds=grace)),
        "deletionGracePeriodSeconds": grace,
    }
