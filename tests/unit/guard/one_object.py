"""A guard's parts around an API server that knows one object, for tests of one write on its way.

The server does as it is told and no more: it has no kinds, no defaults and no locks of its own.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import anyio

from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.guarding import GuardAssignment
from orchestrator.domain.undo import Document, UndoState
from orchestrator.guard.bodies import Media, dump
from orchestrator.guard.calls import Call, classify
from orchestrator.guard.gate import Gate
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.paths import Route, parse_path
from orchestrator.guard.upstream import Reply, Upstream
from orchestrator.guard.writing import Writing
from orchestrator.ports import UndoJournal
from tests.builders import RUN, a_radius, a_run
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.doubles.worlds import stored

PATH = "/api/v1/namespaces/shop/configmaps/words"


async def nothing() -> None:
    """What happens when nothing does."""


def overtaken() -> Reply:
    """The answer to a write whose object is of another version by now."""
    return Reply(status=409, body=dump({"kind": "Status", "message": "modified"}))


@dataclass
class OneObject:
    """An API server that knows one config map; a write that is not dry calls for what happens."""

    happens: Callable[[], Awaitable[None]] = nothing
    answers: bool = True
    """Whether a write is answered, made or not."""
    reads: bool = True
    makes: bool = True
    version: int = 1
    data: dict[str, str] = field(default_factory=lambda: {"a": "before"})
    sent: int = 0

    def document(self, data: Mapping[str, str], version: int) -> dict[str, Any]:
        metadata = {"name": "words", "namespace": "shop", "uid": "u", "resourceVersion": version}
        return {"kind": "ConfigMap", "metadata": metadata, "data": dict(data)}

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        media: Media = Media.JSON,  # noqa: ARG002
    ) -> Reply:
        if method == "GET":
            found = await self.read(path)
            return Reply(status=200, body=dump(found))
        data = {**self.data, **body["data"]}
        if (query or {}).get("dryRun"):
            return await self.promise(data)
        return await self.write(data)

    async def promise(self, data: dict[str, str]) -> Reply:
        """What a dry run is answered."""
        return Reply(status=200, body=dump(self.document(data, self.version)))

    async def write(self, data: dict[str, str]) -> Reply:
        self.sent += 1
        await self.happens()
        if self.makes:
            self.data, self.version = data, self.version + 1
        if not self.answers:
            raise ClusterUnavailable(cluster="double", problem="no answer")
        return Reply(status=200, body=dump(self.document(self.data, self.version)))

    async def read(self, path: str) -> Document:
        await anyio.lowlevel.checkpoint()
        if not self.reads and self.sent:
            raise ClusterUnavailable(cluster="double", problem=f"GET {path}: no answer")
        return self.document(self.data, self.version)


@dataclass
class World:
    """A guard's parts around one object."""

    server: OneObject = field(default_factory=OneObject)
    gate: Gate = field(
        default_factory=lambda: Gate(
            clock=SystemClock(), longest=timedelta(minutes=1), recovering=False
        )
    )
    ledger: Ledger = field(default_factory=Ledger)
    storage: MemoryStorage = field(default_factory=MemoryStorage)

    async def begin(self) -> tuple[Writing, MemoryUndoJournal]:
        await stored(self.storage, a_run())
        journal = MemoryUndoJournal(self.storage)
        self.gate.play()
        return self.writing(journal), journal

    def writing(self, journal: UndoJournal) -> Writing:
        async def say(_: Mapping[str, Any]) -> None:
            await anyio.lowlevel.checkpoint()

        kinds = frozenset({"configmaps"})
        radius = a_radius(namespaces=frozenset({"shop"}), kinds=kinds, creates=kinds)
        return Writing(
            assignment=GuardAssignment(run=RUN, radius=radius),
            upstream=cast("Upstream", self.server),
            journal=journal,
            ledger=self.ledger,
            gate=self.gate,
            clock=SystemClock(),
            say=say,
        )


def a_change(to: str = "after") -> Call:
    route = parse_path(PATH)
    assert isinstance(route, Route)
    return classify("PATCH", route, {}, Media.MERGE_PATCH, {"data": {"a": to}})


async def states(journal: UndoJournal) -> list[UndoState]:
    return [record.state for record in await journal.records(RUN)]
