"""A guard and the practice cluster's API in one process, for tests that ask very often."""

import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import anyio
import uvicorn
from yarl import URL

from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.guarding import GuardAssignment
from orchestrator.domain.identity import RunId
from orchestrator.domain.run import Phase
from orchestrator.guard.credentials import Access
from orchestrator.guard.gate import Gate
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.proxy import Proxy, listening
from orchestrator.guard.undo import Undoing
from orchestrator.guard.upstream import Upstream, connected
from orchestrator.guard.writing import Writing
from orchestrator.ports import UndoJournal
from orchestrator.practice.api.app import create_app
from orchestrator.practice.api.bootstrap import new_store
from orchestrator.practice.controllers import run_controllers
from tests.builders import RUN, a_run
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.doubles.worlds import stored

Object = dict[str, Any]


@asynccontextmanager
async def an_api() -> AsyncIterator[str]:
    """The practice cluster's API and controllers, without nodes; its address."""
    store = new_store()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    server = uvicorn.Server(uvicorn.Config(create_app(store), log_config=None, lifespan="off"))
    # Named as TCP, or asyncio would not turn off the delay of small packets.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_controllers, store)
            tasks.start_soon(partial(server.serve, sockets=[listener]))
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def an_upstream(server: str) -> AsyncIterator[Upstream]:
    """The API server at an address, without credentials."""
    access = Access(cluster="inside", server=server)
    async with connected(access) as upstream:
        yield upstream


@dataclass(kw_only=True)
class Inside:
    """A guard that is open, with the requests that go through it and those that do not."""

    url: str
    direct: str
    session: aiohttp.ClientSession
    upstream: Upstream
    gate: Gate
    ledger: Ledger
    undoing: Undoing
    said: list[Mapping[str, Any]] = field(default_factory=list)

    async def ask(
        self, method: str, path: str, body: Any = None, media: str = "application/json"
    ) -> tuple[int, Object]:
        """One request through the guard, its path sent as it is."""
        return await self._ask(self.url, method, path, body, media)

    async def do(
        self, method: str, path: str, body: Any = None, media: str = "application/json"
    ) -> tuple[int, Object]:
        """One request beside the guard."""
        return await self._ask(self.direct, method, path, body, media)

    async def _ask(
        self, root: str, method: str, path: str, body: Any, media: str
    ) -> tuple[int, Object]:
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": media}
        async with self.session.request(
            method, URL(root + path, encoded=True), data=content, headers=headers
        ) as response:
            found = await response.json()
            assert isinstance(found, dict)
            return response.status, found


@asynccontextmanager
async def a_guard_inside(
    server: str,
    radius: BlastRadius,
    journal_on: Callable[[MemoryStorage], MemoryUndoJournal] = MemoryUndoJournal,
) -> AsyncIterator[Inside]:
    """A guard of a run within these limits, whose method may write."""
    storage = MemoryStorage()
    await stored(storage, a_run(phase=Phase.INJECTING))
    async with a_guard_on(server, radius, journal_on(storage)) as guard:
        yield guard


@asynccontextmanager
async def a_guard_on(
    server: str, radius: BlastRadius, journal: UndoJournal, *, run: RunId = RUN
) -> AsyncIterator[Inside]:
    """A guard with a journal that others may share, of a run that is stored."""
    ledger, clock = Ledger(), SystemClock()
    gate = Gate(clock=clock, longest=radius.longest, recovering=False)
    said: list[Mapping[str, Any]] = []

    async def say(line: Mapping[str, Any]) -> None:
        await anyio.lowlevel.checkpoint()
        said.append(line)

    async with an_upstream(server) as upstream, aiohttp.ClientSession() as session:
        writing = Writing(
            assignment=GuardAssignment(run=run, radius=radius),
            upstream=upstream,
            journal=journal,
            ledger=ledger,
            gate=gate,
            clock=clock,
            say=say,
        )
        proxy = Proxy(token="t", upstream=upstream, writing=writing, clock=clock, say=say)
        async with listening(proxy) as port:
            gate.play()
            yield Inside(
                url=f"http://127.0.0.1:{port}/g/t",
                direct=server,
                session=session,
                upstream=upstream,
                gate=gate,
                ledger=ledger,
                undoing=Undoing(run=run, upstream=upstream, journal=journal),
                said=said,
            )
