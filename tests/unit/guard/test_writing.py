"""One write on its way, at the moments when something else happens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from orchestrator.domain.errors import ClusterUnavailable, DatabaseUnavailable
from orchestrator.domain.undo import Document, UndoRecord, UndoState
from orchestrator.guard.asking import questions
from orchestrator.guard.bodies import Media, dump
from orchestrator.guard.calls import Call, classify
from orchestrator.guard.paths import Route, parse_path
from orchestrator.guard.refusals import NotLetThrough
from orchestrator.guard.remembering import RememberingJournal
from orchestrator.guard.upstream import Reply
from tests.builders import RUN
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.unit.guard.one_object import (
    PATH,
    OneObject,
    World,
    a_change,
    overtaken,
    states,
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_write_is_made_and_settled() -> None:
    world = World()
    writing, journal = await world.begin()

    reply = await writing.make(a_change())

    assert reply.is_success
    assert world.server.data == {"a": "after"}
    assert await states(journal) == [UndoState.DONE]


async def test_a_write_whose_client_went_away_is_settled_all_the_same() -> None:
    world = World()
    writing, journal = await world.begin()

    async with anyio.create_task_group() as tasks:

        async def go_away() -> None:
            tasks.cancel_scope.cancel()
            await anyio.sleep(0.01)

        world.server.happens = go_away
        tasks.start_soon(writing.make, a_change())

    assert world.server.data == {"a": "after"}
    assert await states(journal) == [UndoState.DONE]


async def test_a_run_that_is_stopped_holds_back_a_write_that_has_not_gone_out() -> None:
    world = World()
    await world.begin()
    journal = Stopping(world)
    writing = world.writing(journal)

    with pytest.raises(NotLetThrough, match="stopped before"):
        await writing.make(a_change())

    assert world.server.sent == 0
    assert world.server.data == {"a": "before"}
    assert await states(journal) == [UndoState.UNDONE]


async def test_a_dry_run_of_an_older_object_promises_nothing() -> None:
    server = WrittenMeanwhile()
    world = World(server=server)
    writing, journal = await world.begin()

    reply = await writing.make(a_change())

    (record,) = await journal.records(RUN)
    assert reply.is_success
    assert record.before is not None
    assert record.before["data"] == {"a": "before", "b": "theirs"}
    assert record.after is not None
    assert record.after["data"] == {"a": "after", "b": "theirs"}
    assert server.dry == 2


@dataclass
class WrittenMeanwhile(OneObject):
    """A server whose object is written by another right after the first dry run."""

    dry: int = 0

    async def promise(self, data: dict[str, str]) -> Reply:
        self.dry += 1
        promised = await super().promise(data)
        if self.dry == 1:
            self.data, self.version = {**self.data, "b": "theirs"}, self.version + 1
        return promised


class Stopping(MemoryUndoJournal):
    """A journal during whose write the run is stopped."""

    def __init__(self, world: World) -> None:
        super().__init__(world.storage)
        self._world = world

    async def intend(self, record: UndoRecord, *, fence: int, of_method: bool = True) -> UndoRecord:
        numbered = await super().intend(record, fence=fence, of_method=of_method)
        self._world.gate.close()
        return numbered


@pytest.mark.parametrize(("makes", "state"), [(True, UndoState.DONE), (False, UndoState.INTENT)])
async def test_what_became_of_a_write_without_an_answer_is_looked_up(
    makes: bool, state: UndoState
) -> None:
    world = World(server=OneObject(answers=False, makes=makes))
    writing, journal = await world.begin()

    with pytest.raises(ClusterUnavailable):
        await writing.make(a_change())

    assert await states(journal) == [state]


@dataclass
class Silent(OneObject):
    """An API server that never answers a deletion, and shows something afterwards."""

    shows: Document | None = None

    async def send(self, method: str, path: str, **more: Any) -> Reply:
        if method != "DELETE":
            return await super().send(method, path, **more)
        self.sent += 1
        raise ClusterUnavailable(cluster="double", problem="no answer")

    async def read(self, path: str) -> Any:
        return self.shows if self.sent else await super().read(path)


@pytest.mark.parametrize(
    ("shows", "state"),
    [
        (None, UndoState.DONE),
        ({"metadata": {"uid": "u", "deletionTimestamp": "2026-03-01T09:00:00Z"}}, UndoState.DONE),
        ({"metadata": {"uid": "of another"}}, UndoState.DONE),
        ({"metadata": {"uid": "u"}}, UndoState.INTENT),
    ],
    ids=["gone", "leaving", "made anew", "there"],
)
async def test_what_became_of_a_deletion_without_an_answer_is_looked_up(
    shows: Document | None, state: UndoState
) -> None:
    writing, journal = await World(server=Silent(shows=shows)).begin()
    route = parse_path(PATH)
    assert isinstance(route, Route)

    with pytest.raises(ClusterUnavailable):
        await writing.make(classify("DELETE", route, {}, Media.JSON, None))

    (record,) = await journal.records(RUN)
    assert (record.state, record.after) == (state, None)


async def test_a_write_in_doubt_counts_as_made() -> None:
    world = World(server=OneObject(answers=False, reads=False))
    writing, _ = await world.begin()

    with pytest.raises(ClusterUnavailable):
        await writing.make(a_change())

    assert world.ledger.touched == {"configmaps/shop/words"}


async def test_nothing_is_written_that_is_not_in_the_journal() -> None:
    world = World()
    await world.begin()

    async with questions() as asking:
        writing = world.writing(RememberingJournal(Broken(world.storage), world.ledger, asking))
        with pytest.raises(DatabaseUnavailable):
            await writing.make(a_change())

    assert world.server.sent == 0


async def test_what_cannot_be_settled_is_remembered_and_settled_later() -> None:
    world = World()
    _, journal = await world.begin()
    broken = Broken(world.storage, journal)
    async with questions() as asking:
        remembering = RememberingJournal(broken, world.ledger, asking)
        broken.is_out_for = {"settle", "records"}
        await world.writing(remembering).make(a_change())

        assert await states(remembering) == [UndoState.DONE]
        assert await states(journal) == [UndoState.INTENT]
        broken.is_out_for = set()
        assert await states(remembering) == [UndoState.DONE]
        assert await states(journal) == [UndoState.DONE]


async def test_what_was_written_is_known_while_the_database_is_out() -> None:
    world = World()
    _, journal = await world.begin()
    broken = Broken(world.storage, journal)
    broken.is_out_for = {"records"}
    async with questions() as asking:
        remembering = RememberingJournal(broken, world.ledger, asking)
        await world.writing(remembering).make(a_change())

        assert await states(remembering) == [UndoState.DONE]


async def test_what_is_still_owed_is_read_from_memory_although_the_journal_answers() -> None:
    world = World()
    _, journal = await world.begin()
    broken = Broken(world.storage, journal)
    broken.is_out_for = {"settle"}
    async with questions() as asking:
        remembering = RememberingJournal(broken, world.ledger, asking)
        await world.writing(remembering).make(a_change())
        made = await states(remembering)
        (record,) = await remembering.records(RUN)
        await remembering.settle(replace(record, state=UndoState.UNDONE))

        assert made == [UndoState.DONE]
        assert await states(remembering) == [UndoState.UNDONE]
        assert await states(journal) == [UndoState.INTENT]


class Broken(MemoryUndoJournal):
    """A journal whose database is out."""

    def __init__(self, storage: MemoryStorage, behind: MemoryUndoJournal | None = None) -> None:
        super().__init__(storage)
        self._behind = behind or MemoryUndoJournal(storage)
        self.is_out_for = {"intend", "settle", "records"}

    def _check(self, what: str) -> None:
        if what in self.is_out_for:
            raise DatabaseUnavailable(database="double", problem="is out")

    async def intend(self, record: UndoRecord, *, fence: int, of_method: bool = True) -> UndoRecord:
        self._check("intend")
        return await self._behind.intend(record, fence=fence, of_method=of_method)

    async def is_held(self, run: Any, *, fence: int, grace: timedelta) -> bool:
        self._check("is_held")
        return await self._behind.is_held(run, fence=fence, grace=grace)

    async def settle(self, record: UndoRecord) -> None:
        self._check("settle")
        await self._behind.settle(record)

    async def records(self, run: Any) -> Any:
        self._check("records")
        return await self._behind.records(run)


@dataclass
class FrozenBefore(OneObject):
    """An API server to which the first write comes late: meanwhile its lock was broken."""

    refused: int = 0
    annotations: dict[str, str] = field(default_factory=dict)

    def document(self, data: Mapping[str, str], version: int) -> dict[str, Any]:
        found = super().document(data, version)
        found["metadata"]["annotations"] = dict(self.annotations)
        return found

    async def write(self, data: dict[str, str]) -> Reply:
        if self.refused:
            return await super().write(data)
        self.refused += 1
        self.version += 2
        self.annotations = {"checked-at": "09:00"}
        await self.happens()
        return overtaken()


async def test_a_write_is_locked_anew_while_the_run_is_held() -> None:
    server = FrozenBefore()
    writing, journal = await World(server=server).begin()

    reply = await writing.make(a_change())

    assert reply.is_success
    assert server.data == {"a": "after"}
    assert await states(journal) == [UndoState.DONE]


async def test_a_write_whose_run_was_taken_over_meanwhile_is_not_locked_anew() -> None:
    """The lock was broken by whoever restored the run; the lease says so, the object does not."""
    server = FrozenBefore()
    world = World(server=server)
    writing, journal = await world.begin()

    async def take_over() -> None:
        await anyio.lowlevel.checkpoint()
        world.storage.steal(RUN)

    server.happens = take_over

    with pytest.raises(NotLetThrough, match="another conductor"):
        await writing.make(a_change())

    assert server.sent == 0
    assert server.data == {"a": "before"}
    assert await states(journal) == [UndoState.INTENT]


async def test_a_write_is_not_locked_anew_while_nobody_can_say_who_holds_the_run() -> None:
    server = FrozenBefore()
    world = World(server=server)
    _, journal = await world.begin()
    broken = Broken(world.storage, journal)
    broken.is_out_for = set()
    writing = world.writing(broken)

    async def go_out() -> None:
        broken.is_out_for = {"is_held"}
        await anyio.lowlevel.checkpoint()

    server.happens = go_out

    with pytest.raises(DatabaseUnavailable):
        await writing.make(a_change())

    assert server.sent == 0
    assert server.data == {"a": "before"}


def a_create() -> Call:
    route = parse_path(PATH.rpartition("/")[0])
    assert isinstance(route, Route)
    body = {"metadata": {"name": "words"}, "data": {"a": "new"}}
    return classify("POST", route, {}, Media.JSON, body)


class Overslept(MemoryUndoJournal):
    """A journal whose guard is frozen as soon as an intent is in it: another takes the run over."""

    def __init__(self, storage: MemoryStorage) -> None:
        super().__init__(storage)
        self._storage_of_all = storage

    async def intend(self, record: UndoRecord, *, fence: int, of_method: bool = True) -> UndoRecord:
        numbered = await super().intend(record, fence=fence, of_method=of_method)
        self._storage_of_all.steal(RUN)
        return numbered


async def test_a_create_whose_run_was_taken_over_after_its_intent_is_not_sent() -> None:
    """Nothing locks it: whoever took the run over may have looked, and gone, long before."""
    world = World()
    await world.begin()
    journal = Overslept(world.storage)

    with pytest.raises(NotLetThrough, match="another conductor"):
        await world.writing(journal).make(a_create())

    assert world.server.sent == 0
    assert await states(journal) == [UndoState.INTENT]


@dataclass
class BusyObject(OneObject):
    """An API server on which somebody else is always faster: every locked write comes too late."""

    looks: int = 0
    after_looks: Callable[[int], None] = lambda _: None

    async def read(self, path: str) -> Document:
        self.looks += 1
        self.after_looks(self.looks)
        return await super().read(path)

    async def promise(self, data: dict[str, str]) -> Reply:
        return await self.write(data)

    async def write(self, data: dict[str, str]) -> Reply:  # noqa: ARG002
        await anyio.lowlevel.checkpoint()
        self.version += 1
        return overtaken()


async def test_a_stop_is_heeded_between_two_tries_on_a_busy_object() -> None:
    server = BusyObject()
    world = World(server=server)
    writing, journal = await world.begin()
    server.after_looks = lambda looks: world.gate.close() if looks == 30 else None

    with pytest.raises(NotLetThrough, match="stopped before"), anyio.fail_after(2):
        await writing.make(a_change())

    assert server.looks == 30
    assert await states(journal) == []


async def test_a_write_that_never_gets_its_turn_is_answered_as_a_conflict() -> None:
    server = BusyObject()
    writing, journal = await World(server=server).begin()

    with anyio.fail_after(15):
        reply = await writing.make(a_change())

    assert reply.status == 409
    assert "changed again and again" in reply.message()
    assert server.looks > 20
    assert await states(journal) == []


@dataclass
class Refusing(OneObject):
    """An API server that takes the dry run and refuses the write."""

    status: int = 403

    async def write(self, data: dict[str, str]) -> Reply:  # noqa: ARG002
        await anyio.lowlevel.checkpoint()
        return Reply(status=self.status, body=dump({"kind": "Status", "message": "no"}))


@pytest.mark.parametrize(
    ("status", "state"),
    [(400, UndoState.UNDONE), (403, UndoState.UNDONE), (499, UndoState.UNDONE),
     (500, UndoState.INTENT)],
)  # fmt: skip
async def test_a_write_that_the_server_refused_was_never_made(
    status: int, state: UndoState
) -> None:
    writing, journal = await World(server=Refusing(status=status)).begin()

    reply = await writing.make(a_change())
    (record,) = await journal.records(RUN)

    assert (reply.status, record.state) == (status, state)
    assert record.was_made is (state is UndoState.INTENT)
    assert record.note == (f"not made: {status}: no" if state is UndoState.UNDONE else "")
