"""The garbage collector: what its owners leave behind goes, or is set free.

Deleting in the foreground waits for the owned, in the background it does not, and orphaning
lets them live.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.catalogue import kinds_in
from orchestrator.practice.api.deleting import FOREGROUND, ORPHAN, Deletion, delete
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.store import Change, Happened, Reference, Store
from orchestrator.practice.api.writing import update
from orchestrator.practice.controllers.loops import ControlLoop, Key

Object = dict[str, Any]
_SEPARATOR: Final = "\n"


class Garbage:
    """Collects what has lost its last owner. Keys are uids of owners, or places of the owned."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        return ControlLoop(
            self._store, "garbage-collector", {}, self.reconcile, every_kind=self._keys
        )

    def _kind_of(self, obj: Object) -> Kind | None:
        """The kind of an object, or of what an owner reference names."""
        return kinds_in(self._store).of(obj["apiVersion"], obj["kind"])

    def _kind_at(self, reference: Reference) -> Kind | None:
        return kinds_in(self._store).stored_as(reference.resource)

    def _find(self, reference: Reference) -> tuple[Kind, Object] | None:
        """The object at a place with its kind, or none."""
        kind = self._kind_at(reference)
        obj = self._store.get(kind, reference.namespace, reference.name) if kind else None
        return (kind, obj) if kind is not None and obj is not None else None

    def _keys(self, change: Change) -> Iterable[Key]:
        """An owner that goes or is gone, and something owned that is new."""
        obj = change.stored.object
        metadata = obj["metadata"]
        kind = self._kind_of(obj)
        if kind is None:
            return
        if change.happened is Happened.DELETED:
            yield "gone", metadata["uid"]
            for owner in metadata.get("ownerReferences", ()):
                yield from self._place_of(owner, metadata.get("namespace", ""))
        elif (
            "deletionTimestamp" in metadata
            and {FOREGROUND, ORPHAN} & {*metadata.get("finalizers", ())}
        ) or ("ownerReferences" in metadata and change.happened is Happened.ADDED):
            yield _key(Reference(kind.storage, metadata.get("namespace", ""), metadata["name"]))

    def _place_of(self, owner: Object, namespace: str) -> Iterable[Key]:
        """An owner in whose foreground deletion one of the owned has gone."""
        kind = self._kind_of(owner)
        if kind is not None:
            space = namespace if kind.namespaced else ""
            found = self._store.get(kind, space, owner["name"])
            if found is not None and "deletionTimestamp" in found["metadata"]:
                yield _key(Reference(kind.storage, space, owner["name"]))

    def reconcile(self, key: Key) -> timedelta | None:
        """Look after one owner that is gone, or one object."""
        if key[0] == "gone":
            for reference in self._store.owned_by(key[1]):
                self._look(reference)
        else:
            self._look(_reference(key))
        return None

    def _look(self, reference: Reference) -> None:
        found = self._find(reference)
        if found is None:
            return
        kind, obj = found
        finalizers = obj["metadata"].get("finalizers", [])
        if "deletionTimestamp" in obj["metadata"]:
            if ORPHAN in finalizers:
                self._orphan(obj)
                self._release(reference, ORPHAN)
            elif FOREGROUND in finalizers and not self._ends_owned(obj):
                self._release(reference, FOREGROUND)
            return
        self._collect(kind, reference, obj)

    def _collect(self, kind: Kind, reference: Reference, obj: Object) -> None:
        """Delete an object whose owners are all gone; forget those that are, otherwise."""
        owners = obj["metadata"].get("ownerReferences", [])
        living = [owner for owner in owners if self._lives(owner, reference.namespace)]
        if owners and not living:
            delete(self._store, kind, obj, Deletion(propagation="Background"))
        elif len(living) < len(owners):
            metadata = {**obj["metadata"], "ownerReferences": living}
            update(self._store, kind, obj, {**obj, "metadata": metadata})

    def _lives(self, owner: Object, namespace: str) -> bool:
        kind = self._kind_of(owner)
        if kind is None:
            # An owner of a kind that is not served can't be looked up, so it counts as there.
            return True
        found = self._store.get(kind, namespace if kind.namespaced else "", owner["name"])
        return found is not None and found["metadata"]["uid"] == owner["uid"]

    def _ends_owned(self, owner: Object) -> bool:
        """Delete what an owner owns; True while something is left that it must wait for."""
        waits = False
        for reference in self._store.owned_by(owner["metadata"]["uid"]):
            found = self._find(reference)
            if found is None:
                continue
            kind, obj = found
            blocking = any(
                item["uid"] == owner["metadata"]["uid"] and item.get("blockOwnerDeletion")
                for item in obj["metadata"]["ownerReferences"]
            )
            gone = False
            if "deletionTimestamp" not in obj["metadata"]:
                _, gone = delete(self._store, kind, obj, Deletion(propagation="Foreground"))
            waits = waits or (blocking and not gone)
        return waits

    def _orphan(self, owner: Object) -> None:
        uid = owner["metadata"]["uid"]
        for reference in self._store.owned_by(uid):
            found = self._find(reference)
            if found is None:
                continue
            kind, obj = found
            owners = [item for item in obj["metadata"]["ownerReferences"] if item["uid"] != uid]
            metadata = {**obj["metadata"], "ownerReferences": owners}
            update(self._store, kind, obj, {**obj, "metadata": metadata})

    def _release(self, reference: Reference, finalizer: str) -> None:
        found = self._find(reference)
        if found is None:
            return
        kind, obj = found
        left = [name for name in obj["metadata"].get("finalizers", ()) if name != finalizer]
        update(self._store, kind, obj, {**obj, "metadata": {**obj["metadata"], "finalizers": left}})


def _key(reference: Reference) -> Key:
    return reference.resource, f"{reference.namespace}{_SEPARATOR}{reference.name}"


def _reference(key: Key) -> Reference:
    namespace, name = key[1].split(_SEPARATOR)
    return Reference(key[0], namespace, name)
