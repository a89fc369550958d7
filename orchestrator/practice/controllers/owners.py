"""Who controls what: owner references, adoption and release."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.selectors import Selector
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.writing import update

Object = dict[str, Any]


def reference_to(owner: Object) -> Object:
    """The owner reference that makes the owner an object's controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Object | None:
    """The reference to an object's controller, or none."""
    for owner in obj["metadata"].get("ownerReferences", ()):
        if owner.get("controller"):
            found: Object = owner
            return found
    return None


def claim(store: Store, owner: Object, kind: Kind, selector: Selector) -> list[Object]:
    """The objects that an owner controls, after it adopted orphans and released strangers."""
    mine = list(_controlled(store, owner, kind))
    kept: list[Object] = []
    for obj in mine:
        if selector.holds(obj["metadata"].get("labels", {})):
            kept.append(obj)
        elif "deletionTimestamp" not in owner["metadata"]:
            _release(store, owner, kind, obj)
    if "deletionTimestamp" in owner["metadata"]:
        return kept
    return kept + [
        _adopt(store, owner, kind, obj) for obj in _orphans(store, owner, kind, selector)
    ]


def _controlled(store: Store, owner: Object, kind: Kind) -> Iterable[Object]:
    uid = owner["metadata"]["uid"]
    for reference in store.owned_by(uid):
        if reference.resource != kind.storage:
            continue
        obj = store.get(kind, reference.namespace, reference.name)
        controller = controller_of(obj) if obj else None
        if obj is not None and controller is not None and controller["uid"] == uid:
            yield obj


def _orphans(store: Store, owner: Object, kind: Kind, selector: Selector) -> list[Object]:
    return [
        obj
        for obj in matching(store, kind, owner["metadata"]["namespace"], selector)
        if controller_of(obj) is None and "deletionTimestamp" not in obj["metadata"]
    ]


def matching(store: Store, kind: Kind, namespace: str, selector: Selector) -> list[Object]:
    """The objects of a namespace that a selector holds for, found by the rarest label."""
    equalities = selector.equalities() if kind.index_labels else []
    if equalities:
        found = min(
            (store.labelled(kind, namespace, key, value) for key, value in equalities), key=len
        )
    else:
        found = list(store.objects(kind, namespace))
    return [obj for obj in found if selector.holds(obj["metadata"].get("labels", {}))]


def _adopt(store: Store, owner: Object, kind: Kind, obj: Object) -> Object:
    owners = [*obj["metadata"].get("ownerReferences", ()), reference_to(owner)]
    return with_owners(store, kind, obj, owners)


def _release(store: Store, owner: Object, kind: Kind, obj: Object) -> None:
    uid = owner["metadata"]["uid"]
    owners = [item for item in obj["metadata"]["ownerReferences"] if item["uid"] != uid]
    with_owners(store, kind, obj, owners)


def with_owners(store: Store, kind: Kind, obj: Object, owners: list[Object]) -> Object:
    """The object, once it has these owners."""
    changed = {**obj, "metadata": {**obj["metadata"], "ownerReferences": owners}}
    return update(store, kind, obj, changed)
