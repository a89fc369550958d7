"""Control loops: objects that changed are looked at again, one at a time, until all is as wanted.

A loop does not poll. It wakes for a change or for a moment that it set itself, and it sees every
change, so that what it looks up in the store is never older than what woke it.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import anyio
from anyio.lowlevel import checkpoint

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.statuses import ApiError
from orchestrator.practice.api.store import Change, Store, Subscription

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name; the namespace is empty for what is in none."""

_log: Final = logging.getLogger(__name__)
_NOTABLE: Final = 0.001
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 30.0
REST: Final = 20.0
"""A key rests this many times as long as its last look took, so that what is large and changes
often is looked at in batches, and what is small at once."""
TURN: Final = 0.005
"""Seconds that a loop works before it lets the others have their turn."""


def key_of(obj: Object) -> Key:
    """Where an object is."""
    metadata = obj["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def own_key(change: Change) -> Iterable[Key]:
    """The key of the object that changed."""
    return (key_of(change.stored.object),)


@contextmanager
def going_on(name: str, key: Key) -> Iterator[None]:
    """Work on one object that may fail, which is told and does not stop the work on others."""
    try:
        yield
    except Exception:  # noqa: BLE001 - the outermost loop; one odd object must not stop it
        _log.exception("%s failed on %s", name, "/".join(key))


@dataclass(slots=True)
class Queue:
    """Keys that wait to be looked at, each once; some from a later moment on."""

    ready: dict[Key, None] = field(default_factory=dict)
    later: list[tuple[float, Key]] = field(default_factory=list)
    failures: dict[Key, int] = field(default_factory=dict)
    resting: dict[Key, float] = field(default_factory=dict)
    awaited: set[Key] = field(default_factory=set)

    def add(self, keys: Iterable[Key]) -> None:
        """Let keys be looked at soon, those that rest when they have rested."""
        for key in keys:
            until = self.resting.get(key)
            if until is None or until <= anyio.current_time():
                self.resting.pop(key, None)
                self.ready[key] = None
            elif key not in self.awaited:
                self.awaited.add(key)
                heapq.heappush(self.later, (until, key))

    def rest(self, key: Key, began: float) -> None:
        """Let a key rest after a look that began at a moment."""
        ended = anyio.current_time()
        if ended - began > _NOTABLE:
            self.resting[key] = ended + REST * (ended - began)

    def add_later(self, key: Key, delay: float) -> None:
        """Let a key be looked at after a delay in seconds."""
        heapq.heappush(self.later, (anyio.current_time() + delay, key))

    def due(self) -> None:
        """Move the keys whose moment has come."""
        now = anyio.current_time()
        while self.later and self.later[0][0] <= now:
            key = heapq.heappop(self.later)[1]
            self.awaited.discard(key)
            self.ready[key] = None

    def pause(self) -> float | None:
        """Seconds until the next moment, none when there is none."""
        return max(0.0, self.later[0][0] - anyio.current_time()) if self.later else None

    def failed(self, key: Key) -> None:
        """Let a key be looked at again, after a pause that doubles with each failure."""
        count = self.failures.get(key, 0)
        self.failures[key] = count + 1
        self.add_later(key, min(_FIRST_PAUSE * 2**count, _LONGEST_PAUSE))


Reconcile = Callable[[Key], timedelta | None]
Keys = Callable[[Change], Iterable[Key]]


class ControlLoop:
    """One controller: which changes concern which keys, and what to do about a key.

    `every_kind` is told of changes of all kinds, those that clients define later too.
    `reconcile` does not await, so each look is a transaction; it may return a delay after which
    the key is to be looked at again.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        watches: Mapping[Kind, Keys],
        reconcile: Reconcile,
        *,
        every_kind: Keys | None = None,
    ) -> None:
        self._store = store
        self._name = name
        self._watches = watches
        self._every_kind = every_kind
        self._reconcile = reconcile
        self._queue = Queue()
        self._woken = anyio.Event()

    async def run(self) -> None:
        """Look at what is there, then at what changes, until cancelled."""
        async with anyio.create_task_group() as tasks:
            for kind, keys in self._watches.items():
                subscription = self._store.subscribe(kind, 0)
                tasks.start_soon(self._listen, kind, subscription, keys)
            if self._every_kind is not None:
                tasks.start_soon(self._listen, None, self._store.subscribe_all(), self._every_kind)
            await self._work()

    async def _listen(self, kind: Kind | None, subscription: Subscription, keys: Keys) -> None:
        try:
            while True:
                for change in await subscription.changes():
                    self._hear(change, keys)
                self._woken.set()
        finally:
            if kind is not None:
                self._store.unsubscribe(kind, subscription)
            else:
                self._store.unsubscribe_all(subscription)

    def _hear(self, change: Change, keys: Keys) -> None:
        with going_on(self._name, key_of(change.stored.object)):
            self._queue.add(keys(change))

    async def _work(self) -> None:
        while True:
            self._queue.due()
            turn = anyio.current_time() + TURN
            while self._queue.ready:
                key = next(iter(self._queue.ready))
                del self._queue.ready[key]
                began = anyio.current_time()
                self._look(key)
                self._queue.rest(key, began)
                if anyio.current_time() > turn:
                    await checkpoint()
                    self._queue.due()
                    turn = anyio.current_time() + TURN
            self._woken = anyio.Event()
            with anyio.move_on_after(self._queue.pause()):
                await self._woken.wait()

    def _look(self, key: Key) -> None:
        try:
            delay = self._reconcile(key)
        except ApiError as refusal:
            _log.info("%s will look at %s again: %s", self._name, "/".join(key), refusal)
            self._queue.failed(key)
            return
        except Exception:  # noqa: BLE001 - the outermost loop; one bad object must not stop it
            _log.exception("%s failed on %s", self._name, "/".join(key))
            self._queue.failed(key)
            return
        self._queue.failures.pop(key, None)
        if delay is not None:
            self._queue.add_later(key, delay.total_seconds())
