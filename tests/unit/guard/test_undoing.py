"""What a run changed is put back, and what others change in the same moment is not lost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import anyio
import anyio.from_thread
import pytest

from orchestrator.domain.net_effect import merged
from orchestrator.domain.undo import Document, ObjectRef, Restoration, UndoRecord, UndoState, Verb
from orchestrator.guard.bodies import Media, dump
from orchestrator.guard.paths import Query
from orchestrator.guard.undo import Undoing
from orchestrator.guard.upstream import Reply, Upstream
from tests.builders import RUN, a_run, at
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.doubles.worlds import stored

PATH = "/api/v1/namespaces/shop/configmaps/words"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def a_map(said: str, *, uid: str = "u", version: str = "1") -> dict[str, Any]:
    metadata = {"name": "words", "namespace": "shop", "uid": uid, "resourceVersion": version}
    return {"kind": "ConfigMap", "metadata": metadata, "data": {"a": said}}


def nothing() -> None:
    """What others do when they do nothing."""


@dataclass
class Server:
    """One config map; others come in between when it has been read and is about to be written."""

    now: dict[str, Any] | None
    others: Callable[[], None] = nothing
    writes: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    def says(self, word: str) -> bool:
        return self.now is not None and self.now["data"] == {"a": word}

    async def read(self, path: str) -> Document | None:  # noqa: ARG002
        await anyio.lowlevel.checkpoint()
        return self.now

    async def send(
        self,
        method: str,
        path: str,  # noqa: ARG002
        *,
        body: Any = None,
        media: Media = Media.JSON,  # noqa: ARG002
        query: Query | None = None,  # noqa: ARG002
    ) -> Reply:
        others, self.others = self.others, nothing
        others()
        await anyio.lowlevel.checkpoint()
        if method == "POST":
            self.writes.append(method)
            self.now = merged(body, {"metadata": {"uid": "anew", "resourceVersion": "1"}})
            return Reply(status=201, body=dump(self.now))
        if self.now is None:
            return Reply(status=404, body=b"{}")
        wanted = body.get("preconditions", {}) if method == "DELETE" else body["metadata"]
        locks = {name: wanted[name] for name in ("uid", "resourceVersion") if name in wanted}
        if any(self.now["metadata"][name] != value for name, value in locks.items()):
            return Reply(status=409, body=b"{}")
        self.writes.append(method)
        self.bodies.append(body)
        if method == "DELETE":
            self.now = None
            return Reply(status=200, body=b"{}")
        version = str(int(self.now["metadata"]["resourceVersion"]) + 1)
        self.now = merged(merged(self.now, body), {"metadata": {"resourceVersion": version}})
        return Reply(status=200, body=dump(self.now))


@dataclass(frozen=True, kw_only=True)
class Journalled:
    """A run with a journal, whose guard is gone."""

    undoing: Undoing
    journal: MemoryUndoJournal

    async def undo(self) -> tuple[Restoration, list[UndoState]]:
        restoration = await self.undoing.undo()
        return restoration, [each.state for each in await self.journal.records(RUN)]


async def journalled(server: Server, *writes: Mapping[str, Any]) -> Journalled:
    storage = MemoryStorage()
    await stored(storage, a_run())
    journal = MemoryUndoJournal(storage)
    for write in writes:
        record = {"kind": "configmaps", **write}
        uid = "" if record["verb"] in {Verb.CREATE, Verb.EVICT} else "u"
        kind = record.pop("kind")
        ref = ObjectRef(path=PATH, kind=kind, namespace="shop", name="words", uid=uid)
        await journal.intend(UndoRecord(run=RUN, seq=0, at=at(0), ref=ref, **record), fence=0)
    undoing = Undoing(run=RUN, upstream=cast("Upstream", server), journal=journal)
    return Journalled(undoing=undoing, journal=journal)


async def undone(server: Server, **record: Any) -> tuple[Restoration, list[UndoState]]:
    return await (await journalled(server, record)).undo()


def changed(state: UndoState = UndoState.DONE) -> Mapping[str, Any]:
    before, after = a_map("before"), a_map("ours")
    return {"verb": Verb.CHANGE, "before": before, "after": after, "state": state}


async def test_a_field_that_is_still_ours_is_put_back() -> None:
    server = Server(now=a_map("ours"))

    restoration, states = await undone(server, **changed())

    assert server.now is not None
    assert server.now["data"] == {"a": "before"}
    assert (restoration.is_proven, states) == (True, [UndoState.UNDONE])


async def test_what_others_write_between_look_and_undo_is_not_lost() -> None:
    server = Server(now=a_map("ours"))

    def mend() -> None:
        server.now = a_map("theirs", version="2")

    server.others = mend
    restoration, states = await undone(server, **changed())

    assert server.now == a_map("theirs", version="2")
    assert [difference.now for difference in restoration.kept] == ["'theirs'"]
    assert states == [UndoState.KEPT]


async def test_an_object_that_others_put_in_place_of_ours_is_not_deleted() -> None:
    server = Server(now=a_map("ours", uid="ours"))

    def replace_it() -> None:
        server.now = a_map("theirs", uid="theirs")

    server.others = replace_it
    restoration, states = await undone(
        server, verb=Verb.CREATE, before=None, after=a_map("ours", uid="ours"), state=UndoState.DONE
    )

    assert server.now == a_map("theirs", uid="theirs")
    assert server.writes == []
    assert (restoration.is_proven, states) == (True, [UndoState.UNDONE])


def late(server: Server) -> int:
    """The write whose answer never came is made after all; its status."""
    lock = {"uid": "u", "resourceVersion": "1"}
    body = {"data": {"a": "ours"}, "metadata": lock}
    return anyio.from_thread.run(partial(server.send, "PATCH", PATH, body=body)).status


@pytest.mark.parametrize(
    ("there", "state"), [("before", UndoState.UNDONE), ("theirs", UndoState.KEPT)]
)
async def test_a_write_whose_answer_never_came_can_not_be_made_after_the_undo(
    there: str, state: UndoState
) -> None:
    server = Server(now=a_map(there))

    restoration, states = await undone(server, **changed(UndoState.INTENT))

    assert restoration.is_proven
    assert states == [state]
    assert await anyio.to_thread.run_sync(late, server) == 409
    assert server.now is not None
    assert server.now["data"] == {"a": there}
    assert not server.now["metadata"].get("annotations")


async def test_an_unanswered_write_to_what_others_deleted_since_needs_no_lock_broken() -> None:
    server = Server(now=None)

    restoration, states = await undone(server, **changed(UndoState.INTENT))

    assert (restoration.is_proven, states) == (True, [UndoState.INTENT])
    assert [each.now for each in restoration.kept] == ["deleted"]


async def test_a_write_that_is_made_in_the_moment_of_the_undo_is_put_back() -> None:
    server = Server(now=a_map("before"))

    def make_it() -> None:
        server.now = a_map("ours", version="2")

    server.others = make_it
    restoration, states = await undone(server, **changed(UndoState.INTENT))

    assert server.now is not None
    assert server.now["data"] == {"a": "before"}
    assert (restoration.is_proven, states) == (True, [UndoState.UNDONE])


async def test_a_write_that_was_settled_costs_the_object_no_further_write() -> None:
    server = Server(now=a_map("theirs"))

    await undone(server, **changed())

    assert server.writes == []


async def test_an_intent_that_no_version_locks_costs_the_object_no_write() -> None:
    server = Server(now=a_map("there"))

    await undone(server, verb=Verb.EVICT, before=a_map("there"), after=None, state=UndoState.INTENT)

    assert server.writes == []


MARK = {"x-0a1b2c3d": "random"}


def a_promise() -> Mapping[str, Any]:
    """A create whose answer never came."""
    promised = merged(a_map("ours", uid="of the dry run"), {"metadata": {"annotations": MARK}})
    return {"verb": Verb.CREATE, "before": None, "after": promised, "state": UndoState.INTENT}


async def test_an_object_that_is_made_after_the_undo_is_removed_by_the_next() -> None:
    server = Server(now=None)
    run = await journalled(server, a_promise())

    restoration, states = await run.undo()
    assert (restoration.is_proven, states) == (True, [UndoState.INTENT])

    server.now = merged(a_map("ours"), {"metadata": {"annotations": MARK}})
    restoration, states = await run.undo()
    assert not server.says("ours")
    assert (restoration.is_proven, states) == (True, [UndoState.UNDONE])


async def test_a_bare_pod_that_is_deleted_after_the_undo_is_made_anew_as_it_was_before() -> None:
    server = Server(now=a_map("ours"))
    change = {**changed(), "kind": "pods"}
    deletion = {"verb": Verb.DELETE, "before": a_map("ours"), "after": None, "kind": "pods"}
    run = await journalled(server, change, deletion)

    restoration, states = await run.undo()
    assert server.says("before")
    assert (restoration.is_proven, states) == (True, [UndoState.DONE, UndoState.INTENT])

    server.now = None
    restoration, states = await run.undo()
    assert server.says("before")
    assert (restoration.is_proven, states) == (True, [UndoState.UNDONE, UndoState.UNDONE])


async def test_broken_object_made_in_place_of_a_deleted_one_is_put_back() -> None:
    """The guard was killed before the answer to its create came."""
    server = Server(now=merged(a_map("ours", uid="real"), {"metadata": {"annotations": MARK}}))
    deletion = {"verb": Verb.DELETE, "before": a_map("before"), "after": None}
    run = await journalled(server, {**deletion, "state": UndoState.DONE}, a_promise())

    restoration, states = await run.undo()

    assert server.says("before")
    assert server.now is not None
    assert not server.now["metadata"].get("annotations")
    assert restoration.kept == ()
    assert (restoration.is_proven, set(states)) == (True, {UndoState.UNDONE})


async def test_an_object_of_ours_that_goes_before_it_is_removed_is_no_failure() -> None:
    server = Server(now=a_map("ours"))

    def take_away() -> None:
        server.now = None

    server.others = take_away
    made = {"verb": Verb.CREATE, "before": None, "after": a_map("ours"), "state": UndoState.DONE}
    restoration, states = await undone(server, **made)

    assert (restoration.is_proven, states) == (True, [UndoState.UNDONE])


@dataclass
class Refusing(Server):
    """Answers each patch with a refusal."""

    status: int = 422

    async def send(self, method: str, path: str, *, body: Any = None, **more: Any) -> Reply:
        if method == "PATCH":
            await anyio.lowlevel.checkpoint()
            return Reply(status=self.status, body=b"{}")
        return await Server.send(self, method, path, body=body, **more)


async def test_what_takes_no_patch_in_the_place_of_a_deleted_object_is_made_anew() -> None:
    ours = {**a_map("ours", uid="n"), "immutable": True}
    server = Refusing(now=ours)
    deletion = {"verb": Verb.DELETE, "before": a_map("before"), "after": None}
    creation = {"verb": Verb.CREATE, "before": None, "after": ours}
    done = {"state": UndoState.DONE}
    run = await journalled(server, {**deletion, **done}, {**creation, **done})

    restoration, states = await run.undo()

    assert server.says("before")
    assert server.writes == ["DELETE", "POST"]
    assert (restoration.is_proven, set(states)) == (True, {UndoState.UNDONE})


@pytest.mark.parametrize("status", [422, 500])
async def test_a_change_that_the_server_does_not_take_back_is_told(status: int) -> None:
    server = Refusing(now=a_map("ours"), status=status)

    restoration, states = await undone(server, **changed())

    assert (restoration.is_proven, states) == (False, [UndoState.FAILED])
    assert server.says("ours")


async def test_a_late_write_that_may_still_be_made_is_told_whatever_else_may_come() -> None:
    server = Refusing(now=a_map("before"), status=500)
    change = {**changed(UndoState.INTENT), "kind": "pods"}
    deletion = {"verb": Verb.DELETE, "before": a_map("before"), "after": None, "kind": "pods"}

    restoration, _ = await (await journalled(server, change, deletion)).undo()

    assert not restoration.is_proven


@pytest.mark.parametrize(
    ("kind", "policy"),
    [("deployments", "Foreground"), ("jobs", "Foreground"), ("configmaps", "Background")],
)
async def test_a_workload_of_ours_is_gone_only_with_its_pods(kind: str, policy: str) -> None:
    server = Server(now=a_map("ours"))
    made = {"verb": Verb.CREATE, "before": None, "after": a_map("ours"), "state": UndoState.DONE}

    await undone(server, kind=kind, **made)

    assert [body["propagationPolicy"] for body in server.bodies] == [policy]
