"""A write that may be made: put in the journal, sent, and settled by what came of it.

    intend ─> still ours? ─> send ─> settle
                  ^── locked anew ──┘

It does not decide whether a write may be made.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeAlias

import anyio

from orchestrator.domain.blast_radius import NODES, Write
from orchestrator.domain.errors import (
    ClusterUnavailable,
    HeldByAnotherRun,
    LeaseLost,
    RunStopped,
)
from orchestrator.domain.guarding import OTHER_RUN, STOP, GuardAssignment, write_made
from orchestrator.domain.net_effect import is_leaving, uid_of
from orchestrator.domain.undo import Portion, UndoRecord, UndoState, Verb, changed_leaves
from orchestrator.guard import rules
from orchestrator.guard.calls import Call
from orchestrator.guard.drafting import Draft, Drafting, image, send
from orchestrator.guard.gate import Gate, Stage
from orchestrator.guard.judging import Judged
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.refusals import NotLetThrough, status
from orchestrator.guard.upstream import Reply, Upstream, both
from orchestrator.ports import Clock, UndoJournal

Say: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Tells the conductor something; never waits for it."""

PATIENCE: Final = timedelta(seconds=5)
"""For one write to find a moment between two of somebody else's, on an object that is written all
the time. A stop does not wait for it: the stage is looked at before each try."""
STOPPED: Final = "the run was stopped before the write went out"
_NOTHING: Final = "not sent: it changes nothing"
_LOST: Final = "another conductor holds this run now"


class Committing:
    """Makes the writes of one run that may be made, and none that the journal does not hold."""

    def __init__(
        self,
        *,
        assignment: GuardAssignment,
        upstream: Upstream,
        journal: UndoJournal,
        ledger: Ledger,
        gate: Gate,
        clock: Clock,
        say: Say,
        drafting: Drafting,
    ) -> None:
        self._run = assignment.run
        self._fence = assignment.fence
        self._upstream = upstream
        self._journal = journal
        self._ledger = ledger
        self._gate = gate
        self._clock = clock
        self._say = say
        self._drafting = drafting

    async def commit(self, judged: Judged, stage: Stage) -> Reply | None:
        """Journal the intent, make the write, journal what came of it.

        None when the object changed meanwhile.
        """
        draft = judged.draft
        record = await self.record(judged, stage)
        if not draft.is_locked:
            await self.check_may_go_on(stage, record)
        last = anyio.current_time() + PATIENCE.total_seconds()
        while anyio.current_time() < last:
            await self.check_stage(stage, record)
            reply = await self._send(draft, record)
            outgoing = await self._drafting.relocked(draft, reply)
            if outgoing is None:
                return await self._conclude(draft, record, reply)
            # Asked after the look at the object: another may have broken the lock of the first
            # try, and whoever looks after that sees a lock that fits.
            await self.check_may_go_on(stage, record)
            # With another's annotation in it, the answer no longer shows our change alone.
            draft = replace(draft, outgoing=outgoing, is_promise_kept=True)
        await self.settle(replace(record, state=UndoState.UNDONE, note="not made: overtaken"))
        return overtaken(draft.call)

    async def leave(self, judged: Judged, stage: Stage) -> None:
        """Journal a write that would change nothing, and that is not sent.

        What is there already may be the fault of another run, over which this one would be said
        to have held. Raises: NotLetThrough.
        """
        record = await self.record(judged, stage)
        await self.settle(replace(record, state=UndoState.UNDONE, note=_NOTHING))

    async def record(self, judged: Judged, stage: Stage) -> UndoRecord:
        """Put the intent in the journal, if the run is still ours and was not asked to stop.

        Raises: NotLetThrough.
        """
        key = judged.draft.ref.key
        try:
            record = await self._journal.intend(
                self._intent(judged, stage),
                fence=self._fence,
                of_method=stage is not Stage.ROLLBACK,
            )
        except LeaseLost as error:
            raise NotLetThrough(target=key, rule="lease", reason=_LOST) from error
        except RunStopped as error:
            # Its rollbacks come next, perhaps before anybody else has heard of it.
            self._gate.stop()
            raise NotLetThrough(target=key, rule=STOP, reason=str(error)) from error
        except HeldByAnotherRun as error:
            raise NotLetThrough(target=key, rule=OTHER_RUN, reason=str(error)) from error
        self._ledger.note(record)
        return record

    async def check_stage(self, stage: Stage, record: UndoRecord) -> None:
        """Hold a write back that was judged for another stage. Raises: NotLetThrough."""
        if self._gate.stage is not stage:
            await self.settle(replace(record, state=UndoState.UNDONE, note=STOPPED))
            raise NotLetThrough(target=record.ref.key, rule="stage", reason=STOPPED)

    async def check_may_go_on(self, stage: Stage, record: UndoRecord) -> None:
        """Hold a write back once the run is another's, or is to stop.

        A guard may be frozen at any moment, also right after its journal took an intent in; the
        intent is left to the other. Raises: NotLetThrough; Unavailable.
        """
        is_held, is_stopped = await both(
            self._journal.is_held(self._run, fence=self._fence, grace=timedelta()),
            self._journal.is_stopped(self._run),
        )
        if not is_held:
            raise NotLetThrough(target=record.ref.key, rule="lease", reason=_LOST)
        if is_stopped and stage is not Stage.ROLLBACK:
            self._gate.stop()
            await self.settle(replace(record, state=UndoState.UNDONE, note=STOPPED))
            raise NotLetThrough(target=record.ref.key, rule=STOP, reason=STOPPED)

    async def settle(self, record: UndoRecord) -> None:
        """Journal what came of a write."""
        self._ledger.note(record)
        await self._journal.settle(record)

    async def tell(self, record: UndoRecord) -> None:
        """Tell the conductor of a write that was made."""
        await self._say(
            write_made(at=record.at, verb=record.verb, target=record.ref.key, lost=record.lost)
        )

    async def _send(self, draft: Draft, record: UndoRecord) -> Reply:
        try:
            return await send(self._upstream, draft.outgoing)
        except ClusterUnavailable:
            await self._find_out(draft, record)
            raise

    async def _conclude(self, draft: Draft, record: UndoRecord, reply: Reply) -> Reply | None:
        if reply.is_success:
            after = draft.after_made(reply)
            await self.settle(replace(record, state=UndoState.DONE, after=after))
            await self.tell(record)
            return reply
        if 400 <= reply.status < 500:
            note = f"not made: {reply.message()}"
            await self.settle(replace(record, state=UndoState.UNDONE, note=note))
            return None if await self._drafting.was_overtaken(draft, reply) else reply
        await self._find_out(draft, record)
        return reply

    async def _find_out(self, draft: Draft, record: UndoRecord) -> None:
        """See what became of a write whose answer is lost; while in doubt it stays an intent."""
        try:
            now = await self._upstream.read(record.ref.path)
        except ClusterUnavailable:
            return
        if draft.after is None:
            is_made = now is None or is_leaving(now) or uid_of(now) != record.ref.uid
        else:
            is_made = now is not None and not changed_leaves(draft.after, image(now))
        if is_made:
            after = None if draft.after is None or now is None else draft.noted(image(now))
            await self.settle(replace(record, state=UndoState.DONE, after=after))

    def _intent(self, judged: Judged, stage: Stage) -> UndoRecord:
        draft, write = judged.draft, judged.write
        is_command = draft.verb is Verb.EXEC
        undoes = stage is Stage.ROLLBACK
        return UndoRecord(
            run=self._run,
            seq=0,
            at=self._clock.now(),
            verb=draft.verb,
            ref=draft.ref,
            before=draft.noted_before,
            after=rules.command_run(draft, undoes=undoes)
            if is_command
            else draft.noted(draft.after),
            lost=() if judged.restores else tuple(target.key for target in write.touched[1:]),
            workloads=None if judged.restores else _portions(write),
        )


def _portions(write: Write) -> dict[str, Portion]:
    return {
        workload: Portion(
            size=size,
            lost=tuple(sorted(write.lost_of(workload))),
            staying=tuple(each.key for each in write.staying) if workload == NODES else (),
        )
        for workload, size in write.sizes.items()
    }


def overtaken(call: Call) -> Reply:
    """What a client is told whose write never found its moment."""
    message = f"{call.route.key} changed again and again while it was being written; try again"
    return Reply(status=409, body=status(code=409, reason="Conflict", message=message))
