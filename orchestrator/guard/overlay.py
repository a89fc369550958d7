"""The target cluster during a dry run: nothing is written, and what would be deleted is not seen.

Whatever the guard lets through goes out as a dry run, so that nothing above this can write by
mistake. It does not show the other effects of a write: whoever waits for them waits in vain.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NoReturn, cast

import aiohttp

from orchestrator.domain.guarding import DRY_RUN
from orchestrator.domain.undo import Document, UndoRecord, Verb
from orchestrator.guard.bodies import Media, dump
from orchestrator.guard.paths import Query
from orchestrator.guard.refusals import NotLetThrough, status
from orchestrator.guard.upstream import Reply, Upstream

_JSON: Final = "application/json"
_EVICTION: Final = "/eviction"
_WORKLOADS: Final = frozenset({"deployments", "replicasets", "statefulsets", "daemonsets"})


class Overlay:
    """What a dry run would have deleted and made, by the paths of the objects."""

    def __init__(self) -> None:
        self._gone: set[str] = set()
        self._gone_keys: set[str] = set()
        self._made: dict[str, Document] = {}

    def note(self, record: UndoRecord) -> None:
        """Take note of a write that the dry run let through."""
        path = record.ref.path
        match record.verb:
            case Verb.CREATE if record.after is not None:
                self._made[path] = record.after
                self._gone.discard(path)
            case Verb.DELETE | Verb.EVICT:
                self._gone.add(path)
                self._gone_keys.add(record.ref.key)
                self._made.pop(path, None)
            case _:
                pass
        # Pods that go with their workload are gone as well, as far as they have names.
        if record.ref.kind in _WORKLOADS:
            portions = (record.workloads or {}).values()
            self._gone_keys.update(key for portion in portions for key in portion.lost)

    def made(self, path: str) -> Document | None:
        """An object that the dry run would have made."""
        return self._made.get(path)

    def is_gone(self, path: str) -> bool:
        """Whether the dry run would have deleted what is at the path."""
        return path in self._gone or _key_of_pod(path) in self._gone_keys

    def hides(self, collection: str, item: Any) -> bool:
        """Whether an object of a collection, or a row that stands for one, is not to be seen."""
        if not isinstance(item, Mapping):
            return False
        described = item.get("object") if "cells" in item else item
        metadata = described.get("metadata") if isinstance(described, Mapping) else None
        if not isinstance(metadata, Mapping):
            return False
        name, namespace = str(metadata.get("name")), str(metadata.get("namespace") or "")
        resource = collection.rsplit("/", 1)[-1]
        if f"{resource}/{namespace}/{name}" in self._gone_keys:
            return True
        return f"{collection}/{name}" in self._gone

    def seen(self, collection: str, document: dict[str, Any]) -> dict[str, Any]:
        """A list or table without what is not to be seen."""
        for field in ("items", "rows"):
            found = document.get(field)
            if isinstance(found, list):
                kept = [each for each in found if not self.hides(collection, each)]
                document = {**document, field: kept}
        return document


def _key_of_pod(path: str) -> str:
    match path.split("/"):
        case ["", "api", "v1", "namespaces", namespace, "pods", name, *_]:
            return f"pods/{namespace}/{name}"
        case _:
            return ""


class RehearsedUpstream(Upstream):
    """The target cluster, to which nothing but reads and dry runs ever go."""

    def __init__(self, upstream: Upstream, overlay: Overlay) -> None:
        super().__init__(upstream._access, upstream._session)
        self._overlay = overlay

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        media: Media = Media.JSON,
        accept: str = _JSON,
    ) -> Reply:
        """Make one request, which changes nothing. Raises: ClusterUnavailable."""
        if method == "GET":
            return await self._read(path, query=query, accept=accept)
        whole = path.removesuffix(_EVICTION)
        if method == "DELETE" and self._overlay.made(whole) is not None:
            # The cluster has never heard of it.
            return Reply(status=200, body=status(code=200, reason="", message="dry run"))
        if self._overlay.is_gone(whole):
            return _not_found(path)
        reply = await super().send(
            method,
            path,
            query={**(query or {}), "dryRun": "All"},
            body=_made_dry(method, path, body),
            media=media,
            accept=accept,
        )
        if method == "POST" and reply.status == 409 and self._was_deleted(path, body):
            return Reply(status=201, body=dump(body))
        return reply

    def _was_deleted(self, collection: str, body: Any) -> bool:
        name = (body.get("metadata") or {}).get("name") if isinstance(body, dict) else None
        return bool(name) and self._overlay.is_gone(f"{collection}/{name}")

    async def _read(self, path: str, *, query: Query | None, accept: str) -> Reply:
        if (made := self._overlay.made(path)) is not None:
            return Reply(status=200, body=dump(made))
        if self._overlay.is_gone(path):
            return _not_found(path)
        reply = await super().send("GET", path, query=query, accept=accept)
        if not reply.is_success or "json" not in reply.media:
            return reply
        seen = self._overlay.seen(path, reply.document())
        return Reply(status=reply.status, body=dump(seen), media=reply.media)

    @asynccontextmanager
    async def stream(
        self, path: str, *, query: Query, accept: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Read what the runner asks for, as it would be. Raises: ClusterUnavailable."""
        if query.get("watch") in {"1", "true"}:
            async with super().stream(path, query=query, accept=_readable(accept)) as found:
                yield cast(aiohttp.ClientResponse, _Watch(found, self._overlay, path))
        elif path.endswith("/log"):
            async with super().stream(path, query=query, accept=accept) as found:
                yield found
        else:
            reply = await self._read(path, query=query, accept=_readable(accept))
            yield cast(aiohttp.ClientResponse, _Canned(reply))

    def websocket(self, target: str, protocols: Sequence[str]) -> NoReturn:  # noqa: ARG002
        """Refuse to run a command. Raises: NotLetThrough."""
        path = target.partition("?")[0]
        raise NotLetThrough(target=path, rule=DRY_RUN, reason="a command has no dry run")


class _Canned:
    """An answer that is whole already, in the shape in which the proxy passes answers on."""

    def __init__(self, reply: Reply) -> None:
        self.status = reply.status
        self.headers = {"Content-Type": reply.media}
        self.content_length = len(reply.body)
        self.content = self
        self._left = reply.body

    async def readany(self) -> bytes:
        """What is left to read; nothing at the end."""
        body, self._left = self._left, b""
        return body


class _Watch:
    """A watch without the events of what is not to be seen."""

    def __init__(self, found: aiohttp.ClientResponse, overlay: Overlay, collection: str) -> None:
        self.status = found.status
        self.headers = found.headers
        self.content_length = None
        self.content = self
        self._found = found
        self._overlay = overlay
        self._collection = collection

    async def readany(self) -> bytes:
        """The next event that may be seen; nothing at the end."""
        while line := await self._found.content.readline():
            if not self._hides(line):
                return line
        return b""

    def _hides(self, line: bytes) -> bool:
        try:
            event = json.loads(line)
        except ValueError:
            return False
        return isinstance(event, dict) and self._overlay.hides(
            self._collection, event.get("object")
        )


def _readable(accept: str) -> str:
    """Of the forms that a client takes, those that can be looked into."""
    forms: Iterable[str] = (form.strip() for form in accept.split(","))
    kept = [form for form in forms if "json" in form]
    return ",".join(kept) or _JSON


def _made_dry(method: str, path: str, body: Any) -> Any:
    """A body whose options say that it is a dry run: they count for more than the query's."""
    if method == "DELETE":
        options = body if isinstance(body, dict) else {"kind": "DeleteOptions", "apiVersion": "v1"}
        return {**options, "dryRun": ["All"]}
    if path.endswith(_EVICTION) and isinstance(body, dict):
        options = body.get("deleteOptions") or {}
        return {**body, "deleteOptions": {**options, "dryRun": ["All"]}}
    return body


def _not_found(path: str) -> Reply:
    message = f"{path} would be deleted by now"
    return Reply(status=404, body=status(code=404, reason="NotFound", message=message))
