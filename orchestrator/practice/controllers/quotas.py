"""The quota controller: how much of each quota is used, counted anew when something is freed.

What is created is paid for at once, where it is created.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.catalogue import kinds_in
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.limits import covers, usage_of
from orchestrator.practice.api.quantities import quantity_text
from orchestrator.practice.api.served.core import POD, SERVICE
from orchestrator.practice.api.served.policies import QUOTA
from orchestrator.practice.api.served.storage import CLAIM
from orchestrator.practice.api.store import Change, Happened, Store
from orchestrator.practice.api.writing import set_status
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key

Object = dict[str, Any]
_CHANGING: Final = {POD.name, SERVICE.name, CLAIM.name}


class Quotas:
    """Looks after all resource quotas."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        return ControlLoop(
            self._store, "resourcequota-controller", {QUOTA: own_key}, self.reconcile,
            every_kind=self._freed,
        )  # fmt: skip

    def _freed(self, change: Change) -> Iterable[Key]:
        """The quotas of the namespace in which something went, or costs something else now."""
        obj = change.stored.object
        if change.happened is Happened.ADDED or "namespace" not in obj["metadata"]:
            return
        if change.happened is Happened.MODIFIED and not _costs_other(change):
            return
        for quota in self._store.objects(QUOTA, obj["metadata"]["namespace"]):
            yield quota["metadata"]["namespace"], quota["metadata"]["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Count what one quota is about."""
        quota = self._store.get(QUOTA, *key)
        if quota is None:
            return None
        hard = quota["spec"].get("hard", {})
        total = dict.fromkeys(hard, 0.0)
        for kind in kinds_in(self._store).stored:
            if not kind.namespaced or not _measured(kind, hard):
                continue
            for obj in self._store.objects(kind, key[0]):
                if covers(quota, kind, obj):
                    for name, amount in usage_of(kind, obj).items():
                        if name in total:
                            total[name] += amount
        used = {name: quantity_text(amount, name) for name, amount in total.items()}
        status = {"hard": dict(hard), "used": used}
        if status != quota.get("status"):
            set_status(self._store, QUOTA, quota, status)
        return None


def _measured(kind: Kind, hard: Object) -> bool:
    """Whether any of a quota's measures is about a kind."""
    if f"count/{kind.qualified}" in hard or kind.plural in hard:
        return True
    if kind is POD:
        return any(not name.startswith(("count/", "services")) for name in hard)
    if kind is SERVICE:
        return any(name.startswith("services.") for name in hard)
    return kind is CLAIM and "requests.storage" in hard


def _costs_other(change: Change) -> bool:
    kind, before = change.stored.object["kind"], change.previous
    if kind not in _CHANGING or before is None:
        return False
    phases = [obj.get("status", {}).get("phase") for obj in (before.object, change.stored.object)]
    ended = {"Succeeded", "Failed"}
    if kind == POD.name:
        return (phases[0] in ended) != (phases[1] in ended)
    return bool(before.object["spec"] != change.stored.object["spec"])
