"""The controllers of custom resource definitions: accepting them, and clearing up after them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.catalogue import kinds_in
from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.served.extensions import CLEANUP, DEFINITION
from orchestrator.practice.api.store import Change, Happened, Store
from orchestrator.practice.api.writing import set_status, update
from orchestrator.practice.controllers.conditions import with_condition
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key

Object = dict[str, Any]
_ACCEPTED: Final = (
    ("NamesAccepted", "NoConflicts", "no conflicts found"),
    ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
)
_TERMINATING: Final = (
    "Terminating", "InstanceDeletionInProgress", "CustomResource deletion is in progress",
)  # fmt: skip


class Definitions:
    """Looks after all custom resource definitions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        return ControlLoop(
            self._store, "crd-controller", {DEFINITION: own_key}, self.reconcile,
            every_kind=self._cleared,
        )  # fmt: skip

    def _cleared(self, change: Change) -> Iterable[Key]:
        """The definition on its way out that lost one of its objects."""
        if change.happened is not Happened.DELETED:
            return
        for definition in self._store.objects(DEFINITION):
            names = definition["spec"]["names"]
            if "deletionTimestamp" in definition["metadata"] and (
                names["kind"] == change.stored.object["kind"]
            ):
                yield "", definition["metadata"]["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Accept one definition, or delete its objects and let it go."""
        definition = self._store.get(DEFINITION, *key)
        if definition is None:
            return None
        if "deletionTimestamp" not in definition["metadata"]:
            names = definition["spec"]["names"]
            self._report(definition, _ACCEPTED, {"acceptedNames": dict(names)})
        elif CLEANUP in definition["metadata"].get("finalizers", ()):
            definition = self._report(definition, (_TERMINATING,), {})
            if not self._clear(definition):
                self._release(definition)
        return None

    def _report(
        self, definition: Object, said: tuple[tuple[str, str, str], ...], more: Object
    ) -> Object:
        status = definition["status"]
        conditions = status.get("conditions") or []
        for name, reason, text in said:
            entry = {
                "type": name, "status": "True", "reason": reason, "message": text,
                "lastTransitionTime": stamp(self._store.now()),
            }  # fmt: skip
            conditions = with_condition(conditions, entry)
        wanted = {**status, "conditions": conditions, **more}
        if wanted == status:
            return definition
        return set_status(self._store, DEFINITION, definition, wanted)

    def _clear(self, definition: Object) -> bool:
        """Delete all objects of a definition; True while some are left."""
        kind = self._keeper(definition)
        if kind is None:
            return False
        for obj in list(self._store.objects(kind)):
            if "deletionTimestamp" not in obj["metadata"]:
                delete(self._store, kind, obj, Deletion())
        return next(self._store.objects(kind), None) is not None

    def _keeper(self, definition: Object) -> Kind | None:
        spec = definition["spec"]
        return kinds_in(self._store).stored_as(f"{spec['names']['plural']}.{spec['group']}")

    def _release(self, definition: Object) -> None:
        metadata = definition["metadata"]
        left = [name for name in metadata.get("finalizers", ()) if name != CLEANUP]
        update(
            self._store, DEFINITION, definition,
            {**definition, "metadata": {**metadata, "finalizers": left}},
        )  # fmt: skip
