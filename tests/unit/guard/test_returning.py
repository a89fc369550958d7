"""Fields go back to their owners after an undo, and what fails of that is told, no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest

from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.undo import Restoration, UndoState, Verb
from orchestrator.guard.bodies import dump
from orchestrator.guard.naming import mark_of
from orchestrator.guard.upstream import Reply
from tests.builders import RUN
from tests.unit.guard.test_undoing import Server, a_map, undone

US: Final = mark_of(RUN)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def entry(manager: str, operation: str = "Update") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "v1",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:a": {}}}}  # fmt: skip


def owned(said: str, *entries: Mapping[str, Any], uid: str = "u") -> dict[str, Any]:
    found = a_map(said, uid=uid)
    found["metadata"]["managedFields"] = list(entries)
    return found


GITOPS: Final = entry("gitops", "Apply")
CHANGE: Final = {
    "verb": Verb.CHANGE,
    "before": owned("before", GITOPS),
    "after": owned("ours", entry("hand")),
    "state": UndoState.DONE,
}


@dataclass
class Owning(Server):
    """A server in which a write of `data` makes the manager that names itself its owner."""

    answer: Reply | None = None
    """What is said of a write of owners."""
    is_out: bool = False
    stale: int = 0
    """How many writes of owners come too late."""
    tries: int = 0

    async def send(self, method: str, path: str, **more: Any) -> Reply:
        if "managedFields" in more["body"].get("metadata", {}) and method == "PATCH":
            self.tries += 1
            if self.is_out:
                raise ClusterUnavailable(cluster="c", problem="no answer")
            if self.tries <= self.stale:
                return Reply(status=409, body=b"{}")
            return self.answer or await Server.send(self, method, path, **more)
        reply = await Server.send(self, method, path, **more)
        if self.now is not None and "data" in more["body"]:
            by = entry(more["query"]["fieldManager"])
            self.now = {**self.now, "metadata": {**self.now["metadata"], "managedFields": [by]}}
        return reply

    @property
    def managers(self) -> list[str]:
        assert self.now is not None
        return [each["manager"] for each in self.now["metadata"].get("managedFields", [])]


async def put_back(server: Owning, **changes: Any) -> tuple[Restoration, list[UndoState]]:
    return await undone(server, **(CHANGE | changes))


async def test_owner_before_is_the_owner_after() -> None:
    server = Owning(now=owned("ours", entry("hand")))

    restoration, states = await put_back(server)

    assert (restoration.is_proven, restoration.notes) == (True, ())
    assert states == [UndoState.UNDONE]
    assert server.now is not None
    assert server.now["metadata"]["managedFields"] == [GITOPS]


async def test_owners_return_where_an_undo_was_killed_right_after_the_fields() -> None:
    server = Owning(now=owned("before", entry(US)))

    await put_back(server)

    assert server.managers == ["gitops"]
    assert server.bodies == [server.bodies[0]], "the fields were put back already"


async def test_object_that_is_as_before_is_not_written() -> None:
    server = Owning(now=owned("before", GITOPS))

    await put_back(server)

    assert server.writes == []


async def test_object_without_any_owners_has_none_afterwards() -> None:
    server = Owning(now=owned("ours", entry("hand")))

    await put_back(server, before=a_map("before"))

    assert server.bodies[-1]["metadata"]["managedFields"] == [{}]


async def test_owners_are_tried_again_when_somebody_else_was_faster() -> None:
    server = Owning(now=owned("ours", entry("hand")), stale=3)

    restoration, _ = await put_back(server)

    assert (restoration.notes, server.managers) == ((), ["gitops"])


REFUSED: Final = dump({"kind": "Status", "message": "not by you"})


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (Owning(now=owned("ours", GITOPS), answer=Reply(status=403, body=REFUSED)), "not by you"),
        (Owning(now=owned("ours", GITOPS), stale=10_000), "it changes all the time"),
        (Owning(now=owned("ours", GITOPS), is_out=True), "no answer"),
    ],
)
async def test_what_cannot_be_given_back_is_told_and_holds_nothing_up(
    server: Owning, told: str
) -> None:
    restoration, states = await put_back(server)

    assert (restoration.is_proven, states) == (True, [UndoState.UNDONE])
    assert server.says("before")
    (note,) = restoration.notes
    assert note.startswith("configmaps/shop/words: fields are not given back to their owners (")
    assert told in note


async def test_entries_that_cannot_be_read_stay_as_they_are() -> None:
    odd = [entry("a") | {"fieldsV1": "?"}, entry("b") | {"fieldsV1": {"f:data": {"k:?": {}}}}]
    server = Owning(now=owned("before", *odd, entry("hand")))

    restoration, _ = await put_back(server, before=owned("before", *odd, GITOPS))

    assert (restoration.is_proven, restoration.notes) == (True, ())
    assert server.now is not None
    assert server.now["metadata"]["managedFields"] == [*odd, GITOPS]


async def test_owners_that_are_none_hold_nothing_up() -> None:
    odd = owned("before", entry("hand"))
    odd["metadata"]["managedFields"] = "?"

    restoration, states = await put_back(Owning(now=odd))

    assert (restoration.is_proven, states) == (True, [UndoState.UNDONE])
    assert len(restoration.notes) == 1


@pytest.mark.parametrize("state", [UndoState.KEPT, UndoState.UNDONE])
async def test_owners_are_given_back_once(state: UndoState) -> None:
    server = Owning(now=owned("theirs", entry("hand")))

    await put_back(server, state=state)

    assert server.writes == []


async def test_another_object_of_that_name_is_left_to_its_owners() -> None:
    server = Owning(now=owned("before", entry("hand"), uid="another"))

    await put_back(server)

    assert server.writes == []


async def test_name_of_an_undo_in_the_cluster_does_not_say_what_it_is() -> None:
    assert US.startswith("x-")
    assert len(US) == len("x-0a1b2c3d")
    assert str(RUN) not in US
