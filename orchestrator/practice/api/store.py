"""The objects of the practice cluster, their versions, and who is watching them.

Everything is in memory and in one event loop: a call that does not await is a transaction.
The store knows no rule of any kind of object; `writing` does. Stored objects are never changed
in place: every write replaces them, so readers and watchers may keep what they got.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import anyio
import msgspec

from orchestrator.practice.api.clock import utc_now

if TYPE_CHECKING:
    from orchestrator.practice.api.kinds import Kind

Object = dict[str, Any]
HISTORY: Final = 4096
"""How many changes of a kind a watch can catch up with; older ones answer 410 Gone."""

OVERRUN: Final = 100_000
"""How many changes may wait for a slow reader before it is cut off."""

_encode = msgspec.json.Encoder().encode


class Happened(StrEnum):
    """What a change did to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Stored:
    """One version of one object, encoded once however many ask for it."""

    __slots__ = ("_raw", "object", "version")

    def __init__(self, obj: Object, version: int) -> None:
        self.object = obj
        self.version = version
        self._raw: bytes | None = None

    @property
    def raw(self) -> bytes:
        """The object as JSON."""
        if self._raw is None:
            self._raw = _encode(self.object)
        return self._raw


@dataclass(frozen=True, slots=True)
class Change:
    """One write: what was there before, and what is there now."""

    happened: Happened
    stored: Stored
    previous: Stored | None
    version: int


class Subscription:
    """The changes of one kind since it was opened, in order."""

    def __init__(self, backlog: list[Change], *, limit: int = OVERRUN) -> None:
        self._waiting = backlog
        self._limit = limit
        self._woken = anyio.Event()
        self.is_overrun = False
        if backlog:
            self._woken.set()

    def push(self, change: Change) -> None:
        """Take in one more change; a reader that lets too many pile up is cut off."""
        if len(self._waiting) >= self._limit:
            self.is_overrun, self._waiting = True, []
        if not self.is_overrun:
            self._waiting.append(change)
        if len(self._waiting) < 2:
            self._woken.set()

    def wake(self) -> None:
        """Let the reader look up although nothing changed."""
        self._woken.set()

    async def changes(self, seconds: float | None = None) -> list[Change]:
        """Wait for changes, at most so long, and return all there are, oldest first."""
        with anyio.move_on_after(seconds):
            await self._woken.wait()
        if self._woken.is_set():
            self._woken = anyio.Event()
        taken, self._waiting = self._waiting, []
        return taken


@dataclass(slots=True)
class Shelf:
    """All objects of one kind."""

    floor: int
    objects: dict[str, dict[str, Stored]] = field(default_factory=dict)
    history: deque[Change] = field(default_factory=deque)
    subscriptions: set[Subscription] = field(default_factory=set)
    labelled: dict[tuple[str, str, str], dict[str, Stored]] = field(default_factory=dict)

    def record(self, change: Change) -> None:
        """Remember a change and tell everyone who watches."""
        self.history.append(change)
        if len(self.history) > HISTORY:
            self.floor = self.history.popleft().version
        for subscription in self.subscriptions:
            subscription.push(change)


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """Where an object is."""

    resource: str
    namespace: str
    name: str


class Store:
    """The cluster's memory.

    Versions start from the clock, so that a restarted server never reuses one that a client
    still holds: such a client gets 410 Gone and lists again, as it should.
    """

    def __init__(self, *, now: Callable[[], datetime] = utc_now, seed: int | None = None) -> None:
        self.now = now
        self.chance = random.Random(seed)
        self.version = int(now().timestamp() * 1000)
        self._shelves: dict[str, Shelf] = {}
        self._owned: dict[str, dict[Reference, None]] = {}
        self._followers: set[Subscription] = set()
        self._closed = False

    def shelf(self, kind: Kind) -> Shelf:
        """The objects of a kind."""
        shelf = self._shelves.get(kind.storage)
        if shelf is None:
            shelf = self._shelves[kind.storage] = Shelf(floor=self.version)
            shelf.subscriptions |= self._followers
        return shelf

    def get(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """One object, or none."""
        stored = self.stored(kind, namespace, name)
        return stored.object if stored else None

    def stored(self, kind: Kind, namespace: str, name: str) -> Stored | None:
        """One object with its encoding, or none."""
        return self.shelf(kind).objects.get(namespace, {}).get(name)

    def select(self, kind: Kind, namespace: str | None = None) -> list[Stored]:
        """The objects of a kind, in one namespace or in all.

        Shape: in order of namespace, then name.
        """
        objects = self.shelf(kind).objects
        spaces = sorted(objects) if namespace is None else [namespace]
        return [
            stored
            for space in spaces
            for _, stored in sorted(objects.get(space, {}).items(), key=lambda item: item[0])
        ]

    def objects(self, kind: Kind, namespace: str | None = None) -> Iterator[Object]:
        """The objects of a kind, in no particular order."""
        objects = self.shelf(kind).objects
        spaces = list(objects.values()) if namespace is None else [objects.get(namespace, {})]
        for space in spaces:
            for stored in list(space.values()):
                yield stored.object

    def labelled(self, kind: Kind, namespace: str, key: str, value: str) -> list[Object]:
        """The objects of a namespace that carry a label."""
        found = self.shelf(kind).labelled.get((namespace, key, value), {})
        return [stored.object for stored in found.values()]

    def owned_by(self, uid: str) -> list[Reference]:
        """The objects that name this uid among their owners, in a stable order."""
        return list(self._owned.get(uid, ()))

    def write(self, kind: Kind, obj: Object) -> Object:
        """Store a new version of an object and return it."""
        shelf = self.shelf(kind)
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        space = shelf.objects.setdefault(namespace, {})
        previous = space.get(name)
        stored = Stored(self._next_version(obj), self.version)
        space[name] = stored
        self._index(kind, shelf, previous, stored)
        happened = Happened.MODIFIED if previous else Happened.ADDED
        shelf.record(Change(happened, stored, previous, self.version))
        return stored.object

    def remove(self, kind: Kind, obj: Object) -> Object:
        """Take an object away and return its last version."""
        shelf = self.shelf(kind)
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        previous = shelf.objects[namespace].pop(name)
        if not shelf.objects[namespace]:
            del shelf.objects[namespace]
        last = Stored(self._next_version(obj), self.version)
        self._index(kind, shelf, previous, None)
        shelf.record(Change(Happened.DELETED, last, previous, self.version))
        return last.object

    def subscribe(self, kind: Kind, since: int) -> Subscription:
        """Open a watch on every change after a version that is still kept."""
        shelf = self.shelf(kind)
        backlog = [change for change in shelf.history if change.version > since]
        subscription = Subscription(backlog)
        shelf.subscriptions.add(subscription)
        return subscription

    def subscribe_all(self) -> Subscription:
        """Open a watch on the changes of every kind that are still kept, and all to come."""
        shelves = self._shelves.values()
        backlog = [change for shelf in shelves for change in shelf.history]
        subscription = Subscription(sorted(backlog, key=lambda change: change.version))
        self._followers.add(subscription)
        for shelf in shelves:
            shelf.subscriptions.add(subscription)
        return subscription

    def unsubscribe_all(self, subscription: Subscription) -> None:
        """Close a watch on every kind."""
        self._followers.discard(subscription)
        for shelf in self._shelves.values():
            shelf.subscriptions.discard(subscription)

    @property
    def is_closed(self) -> bool:
        """Whether the server is stopping."""
        return self._closed

    def close(self) -> None:
        """End all watches, so that connections can be closed."""
        self._closed = True
        for shelf in self._shelves.values():
            for subscription in shelf.subscriptions:
                subscription.wake()

    def unsubscribe(self, kind: Kind, subscription: Subscription) -> None:
        """Close a watch."""
        self.shelf(kind).subscriptions.discard(subscription)

    def new_uid(self) -> str:
        """A uid that no other object has, in this cluster or in another of the same seed."""
        return str(uuid4())

    def suffix(self, length: int = 5) -> str:
        """Random letters, as Kubernetes appends to generated names."""
        return "".join(self.chance.choices("bcdfghjklmnpqrstvwxz2456789", k=length))

    def _next_version(self, obj: Object) -> Object:
        self.version += 1
        metadata = obj["metadata"] | {"resourceVersion": str(self.version)}
        return obj | {"metadata": metadata}

    def _index(
        self, kind: Kind, shelf: Shelf, previous: Stored | None, stored: Stored | None
    ) -> None:
        if previous is not None:
            self._forget(kind, shelf, previous.object)
        if stored is not None:
            self._remember(kind, shelf, stored)

    def _remember(self, kind: Kind, shelf: Shelf, stored: Stored) -> None:
        metadata = stored.object["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        for owner in metadata.get("ownerReferences", ()):
            owned = self._owned.setdefault(owner["uid"], {})
            owned[Reference(kind.storage, namespace, name)] = None
        if kind.index_labels:
            for key, value in metadata.get("labels", {}).items():
                shelf.labelled.setdefault((namespace, key, value), {})[name] = stored

    def _forget(self, kind: Kind, shelf: Shelf, obj: Object) -> None:
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        for owner in metadata.get("ownerReferences", ()):
            _drop(self._owned, owner["uid"], Reference(kind.storage, namespace, name))
        if kind.index_labels:
            for key, value in metadata.get("labels", {}).items():
                _drop(shelf.labelled, (namespace, key, value), name)


def _drop(index: dict[Any, dict[Any, Any]], key: Any, entry: Any) -> None:
    """Take an entry out of an index, and its bucket when that was the last one."""
    bucket = index.get(key)
    if bucket is not None:
        bucket.pop(entry, None)
        if not bucket:
            del index[key]
