"""Watches: every change of a selection, sent the moment it happens.

A watch ends when its time is up, when the client leaves, when the server stops, or when the
client is so slow that it would hold up memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import anyio
import msgspec

from orchestrator.practice.api.forms import Form, partial, table
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.listing import Selection
from orchestrator.practice.api.requests import Request
from orchestrator.practice.api.statuses import bad_request, expired
from orchestrator.practice.api.store import Change, Happened, Store, Stored

Object = dict[str, Any]
LONGEST: Final = 1800.0
"""Seconds that a watch lasts when the client names no time."""
BOOKMARK_EVERY: Final = 30.0
"""Seconds without a change after which a client that wants bookmarks gets one."""
_INITIAL_END: Final = {"k8s.io/initial-events-end": "true"}


class Watch:
    """One client's watch on one selection of one kind."""

    def __init__(
        self, store: Store, kind: Kind, request: Request, namespace: str | None, form: Form
    ) -> None:
        self._store = store
        self._kind = kind
        self._request = request
        self._form = form
        self._selection = Selection.of(request, kind, namespace)
        self._bookmarks = request.flag("allowWatchBookmarks")
        self._initial = request.flag("sendInitialEvents")
        self._since = request.number("resourceVersion") or 0
        self._seconds = float(request.number("timeoutSeconds") or LONGEST)
        self._heads = True
        if self._since < 0:
            raise bad_request(f'resourceVersion: Invalid value: "{self._since}": invalid syntax')

    async def chunks(self) -> AsyncIterator[bytes]:
        """The stream's lines, in as few pieces as the changes come in."""
        if self._is_too_old():
            yield self._too_old()
            return
        first = b"".join(self._first())
        since = self._store.version if self._starts_now() else self._since
        subscription = self._store.subscribe(self._kind, since)
        try:
            if first:
                yield first
            deadline = anyio.current_time() + self._seconds
            while anyio.current_time() < deadline and not self._store.is_closed:
                changes = await subscription.changes(
                    min(BOOKMARK_EVERY, deadline - anyio.current_time())
                )
                if subscription.is_overrun:
                    return
                lines = b"".join(self._line(change) for change in changes)
                if lines or self._bookmarks:
                    yield lines or self._bookmark()
        finally:
            self._store.unsubscribe(self._kind, subscription)

    def _starts_now(self) -> bool:
        return not self._since or self._initial

    def _is_too_old(self) -> bool:
        return not self._starts_now() and self._since < self._store.shelf(self._kind).floor

    def _too_old(self) -> bytes:
        floor = self._store.shelf(self._kind).floor
        error = expired(f"too old resource version: {self._since} ({floor})")
        return _encoded("ERROR", msgspec.json.encode(error.status()))

    def _first(self) -> Iterator[bytes]:
        """What is there when the watch starts, for clients that did not list before."""
        if not self._starts_now():
            return
        for stored in self._store.select(self._kind, self._selection.namespace):
            if self._selection.covers(self._seen(stored).object):
                yield self._event(Happened.ADDED, stored)
        if self._initial:
            yield self._bookmark(_INITIAL_END)

    def _seen(self, stored: Stored) -> Stored:
        if self._kind.from_stored is None:
            return stored
        return Stored(self._kind.from_stored(stored.object), stored.version)

    def _line(self, change: Change) -> bytes:
        """A change as this selection sees it: an object can enter and leave it by changing."""
        covered = self._selection.covers(self._seen(change.stored).object)
        before = change.previous is not None and self._selection.covers(
            self._seen(change.previous).object
        )
        if change.happened is Happened.DELETED:
            return self._event(Happened.DELETED, change.stored) if before or covered else b""
        if covered:
            happened = Happened.MODIFIED if before else Happened.ADDED
            return self._event(happened, change.stored)
        if before and change.previous is not None:
            return self._event(Happened.DELETED, _as_of(change.previous, change.version))
        return b""

    def _event(self, happened: str, stored: Stored) -> bytes:
        stored = self._seen(stored)
        match self._form:
            case Form.PLAIN:
                return _encoded(happened, stored.raw)
            case Form.METADATA:
                return _encoded(happened, msgspec.json.encode(partial(stored.object)))
            case Form.TABLE:
                return _encoded(happened, self._row(stored))

    def _row(self, stored: Stored) -> bytes:
        rows = table(
            self._kind,
            [stored.object],
            self._store.now(),
            metadata={"resourceVersion": str(stored.version)},
            include=self._request.parameter("includeObject"),
            heads=self._heads,
        )
        self._heads = False
        return msgspec.json.encode(rows)

    def _bookmark(self, annotations: Object | None = None) -> bytes:
        metadata: Object = {"resourceVersion": str(self._store.version)}
        if annotations:
            metadata["annotations"] = annotations
        head = {"kind": self._kind.name, "apiVersion": self._kind.api_version}
        if self._form is not Form.PLAIN:
            head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        obj: Object = {**head, "metadata": metadata}
        if self._form is Form.TABLE:
            obj = {
                "kind": "Table", "apiVersion": "meta.k8s.io/v1",
                "metadata": {"resourceVersion": str(self._store.version)},
                "columnDefinitions": [], "rows": [{"cells": [], "object": obj}],
            }  # fmt: skip
        elif self._form is Form.PLAIN:
            obj = {**obj, **self._kind.bookmark}
        return _encoded("BOOKMARK", msgspec.json.encode(obj))


def _as_of(stored: Stored, version: int) -> Stored:
    metadata = {**stored.object["metadata"], "resourceVersion": str(version)}
    return Stored({**stored.object, "metadata": metadata}, version)


def _encoded(happened: str, raw: bytes) -> bytes:
    return b'{"type":"' + happened.encode() + b'","object":' + raw + b"}\n"
