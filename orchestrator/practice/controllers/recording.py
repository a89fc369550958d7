"""Events that controllers leave about objects, counted up when they repeat."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.ownership import SYSTEM
from orchestrator.practice.api.served.core import EVENT
from orchestrator.practice.api.statuses import ApiError
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.writing import create, update

Object = dict[str, Any]
REMEMBERED: Final = 4096
"""How many different events a recorder can count up; older ones start anew."""


COMBINED: Final = "(combined from similar events): "
SIMILAR: Final = 10
"""How many different messages of one sort about one object are kept apart."""
SHORT: Final = timedelta(minutes=10)


class Recorder:
    """Writes the events of one component."""

    def __init__(self, store: Store, component: str) -> None:
        self._store = store
        self._component = component
        self._names: dict[tuple[str, ...], str] = {}
        self._similar: dict[tuple[str, ...], tuple[set[str], datetime]] = {}

    def note(self, obj: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """Record that something happened to an object."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace") or "default"
        kind = "Warning" if warning else "Normal"
        message = self._combined((metadata["uid"], kind, reason), message)
        # What is combined is one event, whatever its newest message says.
        what = COMBINED if message.startswith(COMBINED) else message
        identity = (metadata["uid"], kind, reason, what)
        known = self._store.get(EVENT, namespace, self._names.get(identity, ""))
        try:
            if known is not None:
                self._count_up(known, message)
            else:
                self._names[identity] = self._write(obj, namespace, kind, reason, message)
        except ApiError:
            # A namespace on its way out takes no events; nothing depends on them.
            self._names.pop(identity, None)
        if len(self._names) > REMEMBERED:
            self._names.pop(next(iter(self._names)))

    def _combined(self, about: tuple[str, ...], message: str) -> str:
        """The message, marked once too many different ones of its sort came in a short time."""
        now = self._store.now()
        seen, last = self._similar.get(about, (set(), now))
        if now - last > SHORT:
            seen = set()
        if len(seen) < SIMILAR:
            seen.add(message)
        self._similar[about] = (seen, now)
        if len(self._similar) > REMEMBERED:
            self._similar.pop(next(iter(self._similar)))
        return f"{COMBINED}{message}" if len(seen) >= SIMILAR else message

    def _count_up(self, event: Object, message: str) -> None:
        repeated = {**event, "count": event.get("count", 1) + 1, "message": message}
        repeated["lastTimestamp"] = stamp(self._store.now())
        update(self._store, EVENT, event, repeated, by=SYSTEM)

    def _write(self, obj: Object, namespace: str, kind: str, reason: str, message: str) -> str:
        metadata, now = obj["metadata"], stamp(self._store.now())
        name = f"{metadata['name']}.{self._store.chance.getrandbits(64):016x}"
        about = {
            "kind": obj["kind"], "namespace": metadata.get("namespace"),
            "name": metadata["name"], "uid": metadata["uid"], "apiVersion": obj["apiVersion"],
            "resourceVersion": metadata.get("resourceVersion"),
        }  # fmt: skip
        event = {
            "metadata": {"name": name},
            "involvedObject": {key: value for key, value in about.items() if value},
            "reason": reason, "message": message, "type": kind, "count": 1,
            "source": {"component": self._component}, "firstTimestamp": now,
            "lastTimestamp": now, "reportingComponent": self._component,
        }  # fmt: skip
        # Nobody applies events, and there are more of them than of anything else.
        create(self._store, EVENT, event, namespace=namespace, by=SYSTEM)
        return name
