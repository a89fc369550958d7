"""Commands of a method that nothing took back, and pods that took with them what was done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import anyio.lowlevel
import pytest

from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.guarding import GuardAssignment
from orchestrator.domain.run import Phase
from orchestrator.domain.undo import Document, ObjectRef, UndoRecord, UndoState, Verb
from orchestrator.guard.asking import questions
from orchestrator.guard.commands import Commands
from orchestrator.guard.commands_left import commands_left
from orchestrator.guard.gate import Gate
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.remembering import RememberingJournal
from orchestrator.guard.upstream import Upstream
from tests.builders import RUN, a_radius, a_run, at
from tests.doubles.clock import TestClock
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.doubles.worlds import stored

WHY = "its rollbacks were not played"
PLAIN: Mapping[str, Any] = {"spec": {"containers": [{"name": "app"}]}}
BOUND: Mapping[str, Any] = {
    "spec": {
        "containers": [{"name": "app"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    }
}
COMMAND = UndoRecord(
    run=RUN,
    seq=1,
    at=at(0),
    verb=Verb.EXEC,
    ref=ObjectRef(path="/x", kind="pods", namespace="shop", name="cart-1", uid="u"),
    before=PLAIN,
    after={"command": ["sh"]},
    state=UndoState.DONE,
)


@dataclass
class Pods:
    """The pods of a cluster by their paths."""

    there: Mapping[str, Document] = field(default_factory=dict)
    is_silent: bool = False

    async def read(self, path: str) -> Document | None:
        await anyio.lowlevel.checkpoint()
        if self.is_silent:
            raise ClusterUnavailable(cluster="shop", problem="no answer")
        return self.there.get(path)


async def left(pods: Pods, *records: UndoRecord) -> tuple[str, ...]:
    return await commands_left(records, cast("Upstream", pods), WHY)


def with_uid(uid: str) -> Pods:
    return Pods({"/x": {"metadata": {"uid": uid}}})


@pytest.mark.parametrize(
    ("verb", "state", "note", "undoes", "is_left"),
    [
        (Verb.EXEC, UndoState.DONE, "", False, True),
        (Verb.EXEC, UndoState.INTENT, "", False, True),
        (Verb.EXEC, UndoState.UNDONE, "a command cannot be put back", False, True),
        (Verb.EXEC, UndoState.UNDONE, "the run was stopped before", False, False),
        (Verb.EXEC, UndoState.DONE, "", True, False),
        (Verb.CHANGE, UndoState.DONE, "", False, False),
    ],
)
async def test_only_what_a_command_of_the_method_did_is_left_when_the_rollbacks_went_wrong(
    verb: Verb, state: UndoState, note: str, undoes: bool, is_left: bool
) -> None:
    after = {"command": ["sh"], **({"undoes": True} if undoes else {})}
    record = replace(COMMAND, verb=verb, state=state, note=note, after=after)

    found = await left(with_uid("u"), record, record)

    assert [each.partition(":")[0] for each in found] == ["pods/shop/cart-1"] * is_left
    assert all(WHY in each for each in found)


@pytest.mark.parametrize(
    ("pods", "before", "is_left"),
    [
        (Pods(), PLAIN, False),
        (with_uid("anew"), PLAIN, False),
        (with_uid("u"), PLAIN, True),
        (with_uid(""), PLAIN, True),
        (Pods(), BOUND, True),
        (with_uid("anew"), BOUND, True),
        (Pods(), None, True),
    ],
    ids=["gone", "replaced", "there", "odd", "gone-bound", "replaced-bound", "unknown"],
)
async def test_what_a_command_did_in_a_pod_goes_with_it_unless_it_outlives_pods(
    pods: Pods, before: Document | None, is_left: bool
) -> None:
    assert bool(await left(pods, replace(COMMAND, before=before))) is is_left


async def test_a_cluster_that_does_not_say_whether_a_pod_is_gone_proves_nothing() -> None:
    with pytest.raises(ClusterUnavailable):
        await left(Pods(is_silent=True), COMMAND)


@pytest.mark.parametrize(("pods", "is_proven"), [(Pods(), True), (with_uid("u"), False)])
async def test_a_restoration_whose_rollbacks_failed_is_proven_once_the_pod_is_gone(
    pods: Pods, is_proven: bool
) -> None:
    storage = MemoryStorage()
    await stored(storage, a_run(phase=Phase.ROLLING_BACK))
    journal = MemoryUndoJournal(storage)
    await journal.intend(COMMAND, fence=0)
    radius = a_radius()
    async with questions() as asking:
        commands = Commands(
            assignment=GuardAssignment(run=RUN, radius=radius),
            upstream=cast("Upstream", pods),
            journal=RememberingJournal(journal, Ledger([COMMAND]), asking),
            gate=Gate(clock=TestClock(), longest=radius.longest, recovering=True),
        )

        restoration = await commands.verify(timedelta(seconds=5), rollbacks=WHY)

    assert restoration.is_proven is is_proven
    assert (await journal.records(RUN))[0].before == PLAIN


async def test_what_is_pending_besides_stays_so_whatever_became_of_the_pod() -> None:
    storage = MemoryStorage()
    await stored(storage, a_run(phase=Phase.ROLLING_BACK))
    journal = MemoryUndoJournal(storage)
    ref = replace(COMMAND.ref, path="/y", name="cart-2")
    change = replace(COMMAND, verb=Verb.CHANGE, ref=ref, after=BOUND, state=UndoState.FAILED)
    for record in (COMMAND, change):
        await journal.intend(record, fence=0)
    radius = a_radius()
    pods = Pods({"/y": {"metadata": {"uid": "u"}, **BOUND}})
    async with questions() as asking:
        commands = Commands(
            assignment=GuardAssignment(run=RUN, radius=radius),
            upstream=cast("Upstream", pods),
            journal=RememberingJournal(journal, Ledger(), asking),
            gate=Gate(clock=TestClock(), longest=radius.longest, recovering=True),
        )

        restoration = await commands.verify(timedelta(milliseconds=50), rollbacks=WHY)

    assert not restoration.is_proven
