"""One write on its way: looked at, judged, put in the journal, made, and settled.

    stage ─> draft ─> rules ─> verdict ─> intend ─> forward ─> settle
               ^───────── the object changed meanwhile ──────────┘

It does not undo.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeAlias, TypeVar

import anyio

from orchestrator.domain.blast_radius import BlastRadius, Denied, Target, Write
from orchestrator.domain.errors import ClusterUnavailable, LeaseLost
from orchestrator.domain.guarding import GuardAssignment, write_made
from orchestrator.domain.net_effect import NetEffect, is_leaving, uid_of
from orchestrator.domain.undo import Document, Portion, UndoRecord, UndoState, Verb, changed_leaves
from orchestrator.guard import rules
from orchestrator.guard.calls import Action, Call
from orchestrator.guard.drafting import Draft, Drafting, image, send
from orchestrator.guard.gate import Gate, Stage
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.refusals import NotLetThrough, status
from orchestrator.guard.targets import Targets
from orchestrator.guard.upstream import NoWebSocket, Reply, Upstream
from orchestrator.ports import Clock, UndoJournal

Say: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Tells the conductor something; never waits for it."""

T = TypeVar("T")

_STOPPED: Final = "the run was stopped before the write went out"
_PATIENCE: Final = timedelta(seconds=5)
"""For one write to find a moment between two of somebody else's, on an object that is written all
the time. A stop does not wait for it: the stage is looked at before each try."""
_LONGEST: Final = timedelta(seconds=60)
"""For one write with all its tries: longer, and the cluster is not answering."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A draft that may be made, and what it touches."""

    draft: Draft
    write: Write


class Writing:
    """Makes the writes of one run."""

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
    ) -> None:
        self._run = assignment.run
        self._fence = assignment.fence
        self._radius = assignment.radius
        self._upstream = upstream
        self._journal = journal
        self._ledger = ledger
        self._gate = gate
        self._clock = clock
        self._say = say
        self._drafting = Drafting(upstream, remaining=lambda: gate.remaining)
        self._targets = Targets(upstream, ledger, assignment.radius)

    @property
    def radius(self) -> BlastRadius:
        """The limits of the run."""
        return self._radius

    async def make(self, call: Call) -> Reply:
        """Make a write, or say why not.

        Raises: NotLetThrough; ClusterUnavailable.
        """
        self._check_place(call)
        if call.is_dry:
            return await self._rehearse(call)
        reply: Reply | None = None
        # A client that goes away must not leave a write without its end in the journal.
        with anyio.CancelScope(shield=True), anyio.move_on_after(_LONGEST.total_seconds()):
            async with self._gate.passing():
                is_many = call.action is Action.DELETE_MANY
                reply = await (self._make_many(call) if is_many else self._make_one(call))
        return reply or _no_answer(call)

    @asynccontextmanager
    async def running(
        self, call: Call, connect: Callable[[], AbstractAsyncContextManager[T]]
    ) -> AsyncIterator[T | Reply]:
        """A command in a container, from its connection on; or what the API server says against it.

        Cancelled when the stage changes. Raises: NotLetThrough; ClusterUnavailable.
        """
        self._check_place(call)
        async with AsyncExitStack() as stack:
            async with self._gate.passing():
                stage = self._gate.stage
                draft = await self._drafting.command(call)
                if not isinstance(draft, Draft):
                    yield draft
                    return
                record = await self._record(await self._judge(draft))
                await self._check_stage(stage, record)
                await stack.enter_async_context(self._gate.until_turned())
                try:
                    connection = await stack.enter_async_context(connect())
                except NoWebSocket as error:
                    await self._settle(replace(record, state=UndoState.UNDONE, note=str(error)))
                    yield _no_websocket(call, error)
                    return
                await self._settle(replace(record, state=UndoState.DONE))
            await self._say(
                write_made(at=record.at, verb=record.verb, target=record.ref.key, lost=record.lost)
            )
            yield connection

    def _check_place(self, call: Call) -> None:
        """Refuse what lies outside by its path alone, whether it exists or not."""
        anything = Target(
            kind=call.route.resource, namespace=call.route.namespace, name=call.route.name or "*"
        )
        if denied := self._radius.place(anything):
            raise NotLetThrough.of(denied, target=call.route.key)

    async def _rehearse(self, call: Call) -> Reply:
        """Forward a dry run that the client itself asked for: it changes nothing."""
        query = (
            call.query
            if call.method == "DELETE" or call.action is Action.EVICT
            else ({**call.query, "dryRun": "All"})
        )
        return await self._upstream.send(
            call.method, call.route.path, query=query, media=call.media, body=call.body
        )

    async def _make_one(self, call: Call) -> Reply:
        stage = self._gate.stage
        last = anyio.current_time() + _PATIENCE.total_seconds()
        while anyio.current_time() < last:
            if self._gate.stage is not stage:
                raise NotLetThrough(target=call.route.key, rule="stage", reason=_STOPPED)
            reply = await self._try(call, stage)
            if reply is not None:
                return reply
        return _overtaken(call)

    async def _try(self, call: Call, stage: Stage) -> Reply | None:
        """Make the write once; None when the object changed meanwhile."""
        draft = await self._drafting.draft(call)
        if not isinstance(draft, Draft):
            return draft
        judged = await self._judge(draft)
        if draft.changes_nothing and draft.promised is not None:
            # It is not sent: what the guard sees no change in is not for anybody else to see.
            return draft.promised
        return await self._commit(judged, stage)

    async def _make_many(self, call: Call) -> Reply:
        """Delete the members of a collection one by one, if every one of them may be deleted."""
        members = await self._upstream.items(call.route.collection, call.query)
        calls = [_member(call, item) for item in members]
        await self._foresee(calls)
        for each in calls:
            reply = await self._make_one(each)
            if not reply.is_success and reply.status != 404:
                return reply
        message = f"{len(calls)} deleted"
        return Reply(status=200, body=status(code=200, reason="", message=message))

    async def _foresee(self, calls: list[Call]) -> None:
        """Judge all members before the first is deleted, so that none dies in vain."""
        touched, lost = set(self._ledger.touched), {**self._ledger.lost}
        for call in calls:
            draft = await self._drafting.draft(call)
            if not isinstance(draft, Draft):
                continue
            judged = await self._judge(draft)
            write = judged.write
            verdict = self._radius.verdict(write, touched=touched, lost=lost)
            is_own = rules.removes_own(draft, self._effect(draft))
            if isinstance(verdict, Denied) and self._gate.stage is Stage.METHOD and not is_own:
                raise NotLetThrough.of(verdict, target=draft.ref.key)
            touched |= {target.key for target in write.touched}
            for workload in write.sizes:
                lost[workload] = set(lost.get(workload, ())) | write.lost_of(workload)

    async def _judge(self, draft: Draft) -> Judged:
        """Decide a write. Raises: NotLetThrough."""
        write = await self._targets.write(draft)
        denied = (
            self._gate.denied()
            or rules.never(draft)
            or self._radius.place(write.written)
            or self._within_limits(draft, write)
        )
        if denied is not None:
            raise NotLetThrough.of(denied, target=draft.ref.key)
        return Judged(draft=draft, write=write)

    def _within_limits(self, draft: Draft, write: Write) -> Denied | None:
        if draft.changes_nothing:
            return None
        effect = self._effect(draft)
        if self._gate.stage is Stage.ROLLBACK:
            if denied := rules.not_ours(draft, effect):
                return denied
            if rules.puts_back(draft, effect):
                return None
        if denied := rules.not_carried(draft, effect):
            return denied
        if rules.removes_own(draft, effect):
            return None
        ledger = self._ledger
        verdict = self._radius.verdict(write, touched=ledger.touched, lost=ledger.lost)
        return verdict if isinstance(verdict, Denied) else None

    def _effect(self, draft: Draft) -> NetEffect | None:
        """What the run did to the object so far, where that decides whether the write is made."""
        # To sum it up takes time that grows with the number of writes to the object.
        is_about_own = draft.verb is Verb.DELETE or draft.call.kind.is_carrier
        if self._gate.stage is Stage.METHOD and not is_about_own:
            return None
        return self._ledger.effect(draft.ref.path)

    async def _commit(self, judged: Judged, stage: Stage) -> Reply | None:
        """Journal the intent, make the write, journal what came of it.

        None when the object changed meanwhile.
        """
        draft = judged.draft
        record = await self._record(judged)
        last = anyio.current_time() + _PATIENCE.total_seconds()
        while anyio.current_time() < last:
            await self._check_stage(stage, record)
            reply = await self._send(draft, record)
            outgoing = await self._drafting.relocked(draft, reply)
            if outgoing is None:
                return await self._conclude(draft, record, reply)
            # With another's annotation in it, the answer no longer shows our change alone.
            draft = replace(draft, outgoing=outgoing, is_promise_kept=True)
        await self._settle(replace(record, state=UndoState.UNDONE, note="not made: overtaken"))
        return _overtaken(draft.call)

    async def _record(self, judged: Judged) -> UndoRecord:
        """Put the intent in the journal. Raises: NotLetThrough: the run has another holder."""
        try:
            record = await self._journal.intend(self._intent(judged), fence=self._fence)
        except LeaseLost as error:
            reason = "another conductor holds this run now"
            key = judged.draft.ref.key
            raise NotLetThrough(target=key, rule="lease", reason=reason) from error
        self._ledger.note(record)
        return record

    async def _check_stage(self, stage: Stage, record: UndoRecord) -> None:
        """Hold a write back that was judged for another stage. Raises: NotLetThrough."""
        if self._gate.stage is not stage:
            await self._settle(replace(record, state=UndoState.UNDONE, note=_STOPPED))
            raise NotLetThrough(target=record.ref.key, rule="stage", reason=_STOPPED)

    async def _send(self, draft: Draft, record: UndoRecord) -> Reply:
        try:
            return await send(self._upstream, draft.outgoing)
        except ClusterUnavailable:
            await self._find_out(draft, record)
            raise

    async def _conclude(self, draft: Draft, record: UndoRecord, reply: Reply) -> Reply | None:
        if reply.is_success:
            after = draft.after_made(reply)
            await self._settle(replace(record, state=UndoState.DONE, after=after))
            await self._say(
                write_made(at=record.at, verb=record.verb, target=record.ref.key, lost=record.lost)
            )
            return reply
        if 400 <= reply.status < 500:
            note = f"not made: {reply.message()}"
            await self._settle(replace(record, state=UndoState.UNDONE, note=note))
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
            after = None if draft.after is None or now is None else image(now)
            await self._settle(replace(record, state=UndoState.DONE, after=after))

    async def _settle(self, record: UndoRecord) -> None:
        self._ledger.note(record)
        await self._journal.settle(record)

    def _intent(self, judged: Judged) -> UndoRecord:
        draft, write = judged.draft, judged.write
        effect = self._effect(draft)
        restores = rules.removes_own(draft, effect) or (
            self._gate.stage is Stage.ROLLBACK and rules.puts_back(draft, effect)
        )
        return UndoRecord(
            run=self._run,
            seq=0,
            at=self._clock.now(),
            verb=draft.verb,
            ref=draft.ref,
            before=draft.before,
            after=call.body if (call := draft.call).action is Action.EXEC else draft.after,
            lost=() if restores else tuple(target.key for target in write.touched[1:]),
            workloads=None if restores else _portions(write),
        )


def _no_websocket(call: Call, error: NoWebSocket) -> Reply:
    message = f"{call.route.key}: no command can be run in it now ({error})"
    body = status(code=error.status, reason="BadRequest", message=message)
    return Reply(status=error.status, body=body)


def _portions(write: Write) -> dict[str, Portion]:
    return {
        workload: Portion(size=size, lost=tuple(sorted(write.lost_of(workload))))
        for workload, size in write.sizes.items()
    }


def _overtaken(call: Call) -> Reply:
    message = f"{call.route.key} changed again and again while it was being written; try again"
    return Reply(status=409, body=status(code=409, reason="Conflict", message=message))


def _no_answer(call: Call) -> Reply:
    message = f"{call.route.key}: the write took longer than {_LONGEST}; its outcome is not known"
    return Reply(status=504, body=status(code=504, reason="Timeout", message=message))


def _member(call: Call, item: Document) -> Call:
    """The deletion of that very object, and of none that takes its name meanwhile."""
    preconditions = {**(call.body.get("preconditions") or {}), "uid": uid_of(item)}
    return replace(
        call,
        action=Action.DELETE,
        route=call.route.at(item["metadata"]["name"]),
        query={},
        body={**call.body, "preconditions": preconditions},
    )
