"""Creating and updating objects the way an API server does, for clients and controllers alike.

It does not speak HTTP, and it does not decide how objects are deleted; `deleting` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from orchestrator.practice.api.admission import admit
from orchestrator.practice.api.barring import Attempt, refuse_barred
from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.limits import charge
from orchestrator.practice.api.ownership import (
    CONTROLLERS,
    CONTROLLERS_OF_STATUS,
    SYSTEM,
    Author,
    recorded_change,
    recorded_creation,
)
from orchestrator.practice.api.served.core import CONFIG_MAP, NAMESPACE, SERVICE_ACCOUNT
from orchestrator.practice.api.statuses import (
    ApiError,
    Cause,
    already_exists,
    conflict,
    invalid,
    not_found,
)
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.validation.metadata import metadata_causes

Object = dict[str, Any]
_SYSTEM: Final = (
    "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "generation", "namespace", "name", "generateName", "resourceVersion",
)  # fmt: skip
NAME_LIMIT: Final = 58
REVISION: Final = "deployment.kubernetes.io/revision"
"""The annotation in which a deployment's controller counts its templates."""
ROOT_AUTHORITY: Final = "kube-root-ca.crt"


def create(
    store: Store,
    kind: Kind,
    obj: Object,
    *,
    namespace: str = "",
    dry: bool = False,
    by: Author = CONTROLLERS,
) -> Object:
    """Store a new object and return it as stored.

    Raises: ApiError: the object breaks a rule, or its name is taken.
    """
    new = _born(store, kind, obj, namespace)
    kind.default(new)
    new = recorded_creation(new, kind, by, store.now())
    admit(store, kind, new, None)
    refuse_invalid(kind, new, None)
    name = new["metadata"]["name"]
    attempt = Attempt(kind=kind, operation="CREATE", name=name, namespace=namespace, new=new)
    refuse_barred(store, attempt)
    if store.get(kind, namespace, new["metadata"]["name"]) is not None:
        raise already_exists(kind, new["metadata"]["name"])
    if kind.namespaced:
        charge(store, kind, new, dry=dry)
    if dry:
        return new
    stored = store.write(kind, new)
    if kind is NAMESPACE:
        furnish(store, new["metadata"]["name"])
    return stored


def furnish(store: Store, namespace: str) -> None:
    """Give a namespace what every namespace has, as far as it is missing."""
    if store.get(SERVICE_ACCOUNT, namespace, "default") is None:
        account = {"metadata": {"name": "default"}}
        create(store, SERVICE_ACCOUNT, account, namespace=namespace, by=SYSTEM)
    if store.get(CONFIG_MAP, namespace, ROOT_AUTHORITY) is None:
        note = {
            "kubernetes.io/description": "Signs the server's certificate; empty over plain HTTP."
        }
        authority = {
            "metadata": {"name": ROOT_AUTHORITY, "annotations": note},
            "data": {"ca.crt": ""},
        }
        create(store, CONFIG_MAP, authority, namespace=namespace)


def _born(store: Store, kind: Kind, obj: Object, namespace: str) -> Object:
    metadata = dict(obj.get("metadata") or {})
    if metadata.get("resourceVersion"):
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"][:NAME_LIMIT] + store.suffix()
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
        metadata.pop(key, None)
    if kind.namespaced:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    metadata |= {"uid": store.new_uid(), "creationTimestamp": stamp(store.now())}
    if kind.has_generation:
        metadata["generation"] = 1
    body = {key: value for key, value in obj.items() if key not in {"apiVersion", "kind"}}
    if kind.has_status:
        body.pop("status", None)
    return _headed(kind, body | {"metadata": _tidy(metadata)})


def _headed(kind: Kind, body: Object) -> Object:
    """The object with its type first, where `Stored.raw` and lists rely on it."""
    rest = {key: value for key, value in body.items() if key not in {"apiVersion", "kind"}}
    return {"kind": kind.name, "apiVersion": kind.api_version, **rest}


def _tidy(metadata: Object) -> Object:
    return {key: value for key, value in metadata.items() if value not in ({}, [], "", None)}


def refuse_invalid(kind: Kind, new: Object, old: Object | None) -> None:
    """Raise what is wrong with an object."""
    causes = metadata_causes(kind, new, old) + kind.validate(new, old)
    if causes:
        raise invalid(kind, new["metadata"].get("name", ""), causes)


def update(
    store: Store,
    kind: Kind,
    old: Object,
    new: Object,
    *,
    subresource: str = "",
    asked: Attempt | None = None,
    dry: bool = False,
    by: Author = CONTROLLERS,
) -> Object:
    """Replace an object by a new version of it and return it as stored.

    A write that changes nothing stores nothing. What was asked for is said where it was not to
    write the object, or that part of it.
    Raises: ApiError: the object breaks a rule or is no longer what the client believed.
    """
    _refuse_stale(kind, old, new)
    part = kind.parts.get(subresource)
    changed = part.merge(old, new) if part else _PARTS[subresource](kind, old, new)
    merged = _headed(kind, changed)
    if part or not subresource:
        kind.default(merged)
    merged = recorded_change(merged, old, kind, by, store.now())
    if not subresource:
        admit(store, kind, merged, old)
    if part is None:
        refuse_invalid(kind, merged, old)
    elif causes := part.validate(merged, old):
        raise invalid(kind, merged["metadata"]["name"], causes)
    else:
        admit(store, kind, merged, old)
    refuse_barred(store, asked or _attempt(kind, merged, old, subresource))
    if merged == old:
        return old
    _count(kind, old, merged)
    if dry:
        return merged
    if _is_released(merged):
        return store.remove(kind, merged)
    return store.write(kind, merged)


def _attempt(kind: Kind, new: Object, old: Object, part: str) -> Attempt:
    metadata = old["metadata"]
    return Attempt(
        kind=kind,
        operation="UPDATE",
        name=metadata["name"],
        namespace=metadata.get("namespace", ""),
        part=part,
        new=new,
        old=old,
    )


def _refuse_stale(kind: Kind, old: Object, new: Object) -> None:
    name = old["metadata"]["name"]
    wanted, metadata = new.get("metadata") or {}, old["metadata"]
    version = wanted.get("resourceVersion", "")
    if version and version != metadata["resourceVersion"]:
        raise conflict(kind, name)
    uid = wanted.get("uid", "")
    if uid and uid != metadata["uid"]:
        raise conflict(kind, name, uid_mismatch(uid, metadata["uid"]))
    if kind.needs_version and not version:
        cause = Cause.invalid("metadata.resourceVersion", 0, "must be specified for an update")
        raise invalid(replace(kind, name=kind.plural), name, [cause])


def uid_mismatch(wanted: str, found: str) -> str:
    """What a failed uid precondition says."""
    return f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"


def _main_part(kind: Kind, old: Object, new: Object) -> Object:
    """The new object with what only the system, or only /status, may change taken from the old."""
    metadata = {
        key: value for key, value in (new.get("metadata") or {}).items()
        if key not in _SYSTEM and key != "selfLink"
    }  # fmt: skip
    system = {key: old["metadata"][key] for key in _SYSTEM if key in old["metadata"]}
    merged = {**new, "metadata": _tidy(system | metadata)}
    if kind.has_status:
        merged.pop("status", None)
        if "status" in old:
            merged["status"] = old["status"]
    return merged


def _status_part(_kind: Kind, old: Object, new: Object) -> Object:
    """The old object with the new one's status, annotations and finalizers."""
    wanted = new.get("metadata") or {}
    metadata = dict(old["metadata"])
    for key in ("annotations", "finalizers", "managedFields"):
        metadata.pop(key, None)
        if wanted.get(key):
            metadata[key] = wanted[key]
    merged = {**old, "metadata": metadata}
    merged.pop("status", None)
    if "status" in new:
        merged["status"] = new["status"]
    return merged


def _finalized(_kind: Kind, old: Object, new: Object) -> Object:
    """The old namespace with the new one's finalizers."""
    finalizers = (new.get("spec") or {}).get("finalizers", [])
    return {
        **old,
        "metadata": dict(old["metadata"]),
        "spec": {**old["spec"], "finalizers": finalizers},
    }


_PARTS: Final[Mapping[str, Callable[[Kind, Object, Object], Object]]] = {
    "": _main_part,
    "status": _status_part,
    "finalize": _finalized,
}


def _count(kind: Kind, old: Object, new: Object) -> None:
    annotated = kind.counts_annotations and _annotations(old) != _annotations(new)
    if kind.has_generation and (annotated or _desired(old) != _desired(new)):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def _annotations(obj: Object) -> Object:
    """The annotations but the one that only the deployment controller writes."""
    found = obj["metadata"].get("annotations", {})
    return {name: value for name, value in found.items() if name != REVISION}


def _desired(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in {"metadata", "status"}}


def _is_released(obj: Object) -> bool:
    """Whether the last thing that kept a deleted object is gone."""
    metadata = obj["metadata"]
    return (
        "deletionTimestamp" in metadata
        and not metadata.get("finalizers")
        and not metadata.get("deletionGracePeriodSeconds")
        and not obj.get("spec", {}).get("finalizers")
    )


def set_status(
    store: Store,
    kind: Kind,
    obj: Object,
    status: Mapping[str, Any],
    *,
    by: Author = CONTROLLERS_OF_STATUS,
) -> Object:
    """Write the status of an object that is in the store."""
    new = {**obj, "status": dict(status)}
    return update(store, kind, obj, new, subresource="status", by=by)


def current(store: Store, kind: Kind, namespace: str, name: str) -> Object:
    """The object as it is now.

    Raises: ApiError: 404, there is none.
    """
    obj = store.get(kind, namespace, name)
    if obj is None:
        raise not_found(kind, name)
    return obj
