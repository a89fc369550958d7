"""The namespace controllers: a namespace on its way out is emptied first; others are furnished."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from orchestrator.practice.api.catalogue import kinds_in
from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.served.core import (
    CONFIG_MAP,
    EVENT,
    NAMESPACE,
    POD,
    SERVICE_ACCOUNT,
)
from orchestrator.practice.api.store import Change, Happened, Store
from orchestrator.practice.api.writing import furnish, update
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key

Object = dict[str, Any]


class Namespaces:
    """Looks after all namespaces."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        return ControlLoop(
            self._store, "namespace-controller", {NAMESPACE: own_key}, self.reconcile,
            every_kind=self._emptied,
        )  # fmt: skip

    def _emptied(self, change: Change) -> Iterable[Key]:
        """The namespace that lost something, if it waits for that or misses it."""
        obj = change.stored.object
        if change.happened is not Happened.DELETED or "namespace" not in obj["metadata"]:
            return
        namespace = self._store.get(NAMESPACE, "", obj["metadata"]["namespace"])
        if namespace is None:
            return
        furniture = obj["kind"] in {SERVICE_ACCOUNT.name, CONFIG_MAP.name}
        if furniture or "deletionTimestamp" in namespace["metadata"]:
            yield "", namespace["metadata"]["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Empty one namespace, or see that it has what each has."""
        namespace = self._store.get(NAMESPACE, *key)
        if namespace is None:
            return None
        if "deletionTimestamp" not in namespace["metadata"]:
            furnish(self._store, key[1])
            return None
        left = self._empty(key[1])
        if not left:
            spec = {**namespace["spec"], "finalizers": []}
            update(
                self._store,
                NAMESPACE,
                namespace,
                {**namespace, "spec": spec},
                subresource="finalize",
            )
        return None

    def _empty(self, name: str) -> bool:
        """Delete all that is in a namespace; True while something is left."""
        stored = kinds_in(self._store).stored
        kinds = [kind for kind in stored if kind.namespaced and kind is not EVENT]
        ordered = sorted(kinds, key=lambda kind: kind is POD)
        for kind in [*ordered, EVENT]:
            for obj in list(self._store.objects(kind, name)):
                if "deletionTimestamp" not in obj["metadata"]:
                    present = self._store.get(kind, name, obj["metadata"]["name"])
                    if present is not None:
                        delete(self._store, kind, present, Deletion())
        return any(next(self._store.objects(kind, name), None) for kind in kinds)
