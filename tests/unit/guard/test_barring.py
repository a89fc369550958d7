"""What a run's own barriers refuse is tried again, and what others refuse is not."""

from typing import cast

import anyio
import pytest

from orchestrator.domain.undo import ObjectRef, UndoRecord, UndoState, Verb
from orchestrator.guard.barring import Barring
from orchestrator.guard.bodies import dump
from orchestrator.guard.upstream import Reply, Upstream
from tests.builders import RUN, at

PATH = "/api/v1/namespaces/shop/configmaps/words"
OUTAGE = 'Internal error occurred: failed calling webhook "a": failed to call webhook: no'
DENIAL = "configmaps \"words\" is forbidden: ValidatingAdmissionPolicy 'a' with binding 'a' denied"
ELSE = 'configmaps "words" is forbidden: exceeded quota'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Server:
    """Refuses so many times with a message, then lets through."""

    def __init__(self, message: str, times: int) -> None:
        self.message, self.left, self.asked = message, times, 0

    async def send(self, *_: object, **__: object) -> Reply:
        await anyio.lowlevel.checkpoint()
        self.asked += 1
        if not self.left:
            return Reply(status=200, body=b"{}")
        self.left -= 1
        return Reply(status=403, body=dump({"kind": "Status", "message": self.message}))


def barring(server: Server, kind: str, state: UndoState = UndoState.DONE) -> Barring:
    found = Barring(cast("Upstream", server))
    ref = ObjectRef(path="/apis/a", kind=kind, namespace="", name="a", uid="")
    found.note(
        [
            UndoRecord(
                run=RUN, seq=1, at=at(0), ref=ref, verb=Verb.CREATE, before=None, after={},
                state=state,
            )
        ]
    )  # fmt: skip
    return found


@pytest.mark.parametrize("message", [OUTAGE, DENIAL])
@pytest.mark.parametrize("state", [UndoState.DONE, UndoState.UNDONE, UndoState.INTENT])
async def test_a_refusal_of_its_own_barrier_is_outlasted(message: str, state: UndoState) -> None:
    server = Server(message, times=2)
    writes = barring(server, "validatingadmissionpolicies", state)

    reply = await writes.send("PATCH", PATH, about=PATH, body={})

    assert (reply.status, server.asked) == (200, 3)
    assert writes.said_about(PATH) == ""


@pytest.mark.parametrize(
    ("kind", "message"), [("configmaps", OUTAGE), ("validatingadmissionpolicies", ELSE)]
)
async def test_a_refusal_of_others_is_told_at_once(kind: str, message: str) -> None:
    server = Server(message, times=1)

    reply = await barring(server, kind).send("PATCH", PATH, about=PATH, body={})

    assert (reply.status, server.asked) == (403, 1)


async def test_what_refuses_is_known_when_patience_ends() -> None:
    writes = barring(Server(OUTAGE, times=1_000_000), "validatingwebhookconfigurations")

    with anyio.move_on_after(0.05):
        await writes.send("PATCH", PATH, about=PATH, body={})

    assert OUTAGE in writes.said_about(PATH)
