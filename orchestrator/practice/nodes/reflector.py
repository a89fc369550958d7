"""A local copy of one collection of the API, kept by listing and watching.

It survives the API server: it resumes where it was, and lists anew when the
server has forgotten that point. It never writes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

import anyio
from anyio.abc import TaskStatus

from orchestrator.practice.nodes.client import Api, ApiError, ApiRefused, Json

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An object as it is now and as it was; None where it does not exist."""

    now: Json | None
    before: Json | None

    @property
    def latest(self) -> Json:
        """The object, as last seen."""
        seen = self.now if self.now is not None else self.before
        assert seen is not None, "a change is about some object"
        return seen


class Reflector:
    """Keeps a copy of a collection and tells of each change.

    Telling is a plain call in the order of the changes, so whoever listens must
    be quick and hand longer work to a task of its own.
    """

    def __init__(
        self, api: Api, path: str, on_change: Callable[[Change], None], **query: str
    ) -> None:
        self._api = api
        self._path = path
        self._query = query
        self._on_change = on_change
        self._objects: dict[tuple[str, str], Json] = {}
        self._version = ""

    def __iter__(self) -> Iterator[Json]:
        return iter(tuple(self._objects.values()))

    def get(self, namespace: str, name: str) -> Json | None:
        """One object of the copy."""
        return self._objects.get((namespace, name))

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> NoReturn:
        """Follow the collection for ever; started once the first list is in."""
        pause = FIRST_PAUSE_SECONDS
        told = False
        while True:
            try:
                if not self._version:
                    await self._list()
                if not told:
                    task_status.started()
                    told = True
                if await self._follow():
                    pause = FIRST_PAUSE_SECONDS
                    continue
            except ApiRefused:
                # Most often 410: the point from which to go on is gone.
                self._version = ""
            except ApiError:
                pass
            await anyio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _list(self) -> None:
        listed = await self._api.get(self._path, **self._query)
        fresh = {_key(item): item for item in listed.get("items") or ()}
        for gone in self._objects.keys() - fresh.keys():
            self._forget(gone)
        for item in fresh.values():
            self._keep(item)
        self._version = str(listed["metadata"]["resourceVersion"])

    async def _follow(self) -> bool:
        """Follow one watch to its end; true when it told anything."""
        heard = False
        watch = self._api.watch(
            self._path,
            resourceVersion=self._version,
            allowWatchBookmarks="true",
            **self._query,
        )
        try:
            async for event in watch:
                heard = True
                self._take(event)
        finally:
            await watch.aclose()
        return heard

    def _take(self, event: Json) -> None:
        item: Json = event["object"]
        self._version = str(item["metadata"]["resourceVersion"])
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self._keep(item)
            case "DELETED":
                self._objects[_key(item)] = item
                self._forget(_key(item))

    def _keep(self, item: Json) -> None:
        key = _key(item)
        before = self._objects.get(key)
        if before is not None and before["metadata"].get("uid") != item["metadata"].get("uid"):
            # Deleted and created anew between two looks: two objects, two changes.
            self._forget(key)
            before = None
        if before is not None and _version(before) == _version(item):
            return
        self._objects[key] = item
        self._on_change(Change(now=item, before=before))

    def _forget(self, key: tuple[str, str]) -> None:
        before = self._objects.pop(key, None)
        if before is not None:
            self._on_change(Change(now=None, before=before))


def _key(item: Json) -> tuple[str, str]:
    metadata = item["metadata"]
    return str(metadata.get("namespace", "")), str(metadata["name"])


def _version(item: Json) -> str:
    return str(item["metadata"].get("resourceVersion", ""))
