"""An undo that breaks off between two records, or goes on beside another, does no harm."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import anyio
import pytest

from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import Document, ObjectRef, UndoRecord, UndoState, Verb
from orchestrator.guard.undo import Undoing
from orchestrator.guard.upstream import Upstream
from orchestrator.ports import UndoJournal
from tests.builders import RUN, at
from tests.doubles.storage import MemoryUndoJournal
from tests.unit.guard.test_undoing import PATH, Journalled, Server, a_map, changed, journalled

DONE = UndoState.DONE
TAKEN_BACK: Sequence[Mapping[str, Any]] = (
    changed(),
    {"verb": Verb.CHANGE, "before": a_map("ours"), "after": a_map("before"), "state": DONE},
)
"""What the method wrote, and what the experiment's own rollback wrote after it."""
REMADE: Sequence[Mapping[str, Any]] = (
    {"verb": Verb.DELETE, "before": a_map("before"), "after": None, "state": DONE},
    {"verb": Verb.CREATE, "before": None, "after": a_map("ours", uid="n"), "state": DONE},
)
IN_PART = pytest.mark.parametrize(
    ("writes", "now"),
    [(TAKEN_BACK, a_map("before")), (REMADE, a_map("ours", uid="n"))],
    ids=["taken back", "remade"],
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Killed(BaseException):
    """The end of a process, as it looks from inside."""


@dataclass
class Settling:
    """A journal after whose first settled record something happens."""

    journal: MemoryUndoJournal
    then: Callable[[], Awaitable[None]]
    is_first: bool = True

    async def records(self, run: RunId) -> Sequence[UndoRecord]:
        return await self.journal.records(run)

    async def settle(self, record: UndoRecord) -> None:
        await self.journal.settle(record)
        if self.is_first:
            self.is_first = False
            await self.then()


def beside(server: Any, journal: Any) -> Undoing:
    return Undoing(run=RUN, upstream=cast("Upstream", server), journal=cast("UndoJournal", journal))


def is_as_before(server: Server) -> bool:
    return server.now is not None and server.now["data"] == {"a": "before"}


@IN_PART
async def test_what_is_left_after_a_kill_between_two_records_is_not_put_in_again(
    writes: Sequence[Mapping[str, Any]], now: dict[str, Any]
) -> None:
    server = Server(now=now)
    world = await journalled(server, *writes)

    async def die() -> None:
        raise Killed

    with pytest.raises(BaseExceptionGroup):
        await beside(server, Settling(world.journal, then=die)).undo()
    states = [each.state for each in await world.journal.records(RUN)]
    restoration, _ = await world.undo()

    assert UndoState.DONE in states
    assert UndoState.UNDONE in states
    assert restoration.is_proven
    assert is_as_before(server)


@IN_PART
async def test_another_undo_between_two_records_takes_nothing_away(
    writes: Sequence[Mapping[str, Any]], now: dict[str, Any]
) -> None:
    server = Server(now=now)
    world = await journalled(server, *writes)

    async def another() -> None:
        await world.undo()

    restoration = await beside(server, Settling(world.journal, then=another)).undo()

    assert restoration.is_proven
    assert is_as_before(server)


@dataclass
class RolledBackMeanwhile:
    """A cluster in which the rollback of a successor comes before the first look."""

    server: Server
    world: Journalled
    is_first: bool = True

    async def read(self, path: str) -> Document | None:
        if self.is_first:
            self.is_first = False
            ref = ObjectRef(path=PATH, kind="configmaps", namespace="shop", name="words", uid="u")
            rollback = UndoRecord(run=RUN, seq=0, at=at(1), ref=ref, **TAKEN_BACK[1])
            await self.world.journal.intend(rollback, fence=0, of_method=False)
            self.server.now = a_map("before", version="2")
        return await self.server.read(path)

    async def send(self, *args: Any, **more: Any) -> Any:
        return await self.server.send(*args, **more)


async def test_a_rollback_after_the_journal_was_read_is_not_taken_for_the_fault() -> None:
    server = Server(now=a_map("ours"))
    world = await journalled(server, TAKEN_BACK[0])

    await beside(RolledBackMeanwhile(server, world), world.journal).undo()
    restoration, states = await world.undo()

    assert (restoration.is_proven, set(states)) == (True, {UndoState.UNDONE})
    assert is_as_before(server)


@dataclass
class Odd:
    """A cluster in which one object is like none; the other takes its time."""

    server: Server

    async def read(self, path: str) -> Any:
        if path != PATH:
            return {"metadata": "what is this"}
        await anyio.sleep(0.02)
        return await self.server.read(path)

    async def send(self, *args: Any, **more: Any) -> Any:
        return await self.server.send(*args, **more)


async def test_an_odd_object_keeps_no_other_from_being_put_back() -> None:
    server = Server(now=a_map("ours"))
    world = await journalled(server, changed())
    odd = ObjectRef(
        path=PATH.replace("words", "odd"), kind="configmaps", namespace="shop", name="odd", uid="u"
    )
    await world.journal.intend(UndoRecord(run=RUN, seq=0, at=at(0), ref=odd, **changed()), fence=0)

    restoration = await beside(Odd(server), world.journal).undo()

    assert is_as_before(server)
    assert [each.partition(":")[0] for each in restoration.pending] == [odd.key]
