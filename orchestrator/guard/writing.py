"""One write on its way: looked at, judged, put in the journal, made, and settled.

    stage ─> draft ─> rules ─> verdict ─> intend ─> forward ─> settle
               ^───────── the object changed meanwhile ──────────┘

It does not undo.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

import anyio

from orchestrator.domain.blast_radius import BlastRadius, Target
from orchestrator.domain.guarding import GuardAssignment
from orchestrator.domain.net_effect import uid_of
from orchestrator.domain.undo import Document, UndoState
from orchestrator.guard.calls import Action, Call
from orchestrator.guard.committing import PATIENCE, STOPPED, Committing, Say, overtaken
from orchestrator.guard.drafting import Draft, Drafting
from orchestrator.guard.gate import Gate, Stage
from orchestrator.guard.judging import Judging
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.refusals import NotLetThrough, status
from orchestrator.guard.upstream import NoWebSocket, Reply, Upstream
from orchestrator.ports import Clock, UndoJournal

T = TypeVar("T")

_LONGEST: Final = timedelta(seconds=60)
"""For one write with all its tries: longer, and the cluster is not answering."""


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
        self._radius = assignment.radius
        self._upstream = upstream
        self._gate = gate
        self._drafting = Drafting(upstream, remaining=lambda: gate.remaining)
        self._judging = Judging(
            radius=assignment.radius, upstream=upstream, ledger=ledger, gate=gate
        )
        self._committing = Committing(
            assignment=assignment,
            upstream=upstream,
            journal=journal,
            ledger=ledger,
            gate=gate,
            clock=clock,
            say=say,
            drafting=self._drafting,
        )

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
        await self._gate.until_told_apart()
        committing = self._committing
        async with AsyncExitStack() as stack:
            async with self._gate.passing():
                stage = self._gate.stage
                draft = await self._drafting.command(call)
                if not isinstance(draft, Draft):
                    yield draft
                    return
                record = await committing.record(await self._judging.judge(draft), stage)
                # Nothing ties a command to the moment it was judged in, and nothing puts it back.
                await committing.check_may_go_on(stage, record)
                await committing.check_stage(stage, record)
                await stack.enter_async_context(self._gate.until_turned())
                try:
                    connection = await stack.enter_async_context(connect())
                except NoWebSocket as error:
                    note = str(error)
                    await committing.settle(replace(record, state=UndoState.UNDONE, note=note))
                    yield _no_websocket(call, error)
                    return
                await committing.settle(replace(record, state=UndoState.DONE))
            await committing.tell(record)
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
        last = anyio.current_time() + PATIENCE.total_seconds()
        while anyio.current_time() < last:
            if self._gate.stage is not stage:
                raise NotLetThrough(target=call.route.key, rule="stage", reason=STOPPED)
            reply = await self._try(call, stage)
            if reply is not None:
                return reply
        return overtaken(call)

    async def _try(self, call: Call, stage: Stage) -> Reply | None:
        """Make the write once; None when the object changed meanwhile."""
        draft = await self._drafting.draft(call)
        if not isinstance(draft, Draft):
            return draft
        judged = await self._judging.judge(draft)
        if draft.changes_nothing and draft.promised is not None:
            # It is not sent: what the guard sees no change in is not for anybody else to see.
            if stage is Stage.METHOD:
                await self._committing.leave(judged, stage)
            return draft.promised
        return await self._committing.commit(judged, stage)

    async def _make_many(self, call: Call) -> Reply:
        """Delete the members of a collection one by one, if every one of them may be deleted."""
        members = await self._upstream.items(call.route.collection, call.query)
        calls = [_member(call, item) for item in members]
        await self._judging.foresee(self._drafts(calls))
        for each in calls:
            reply = await self._make_one(each)
            if not reply.is_success and reply.status != 404:
                return reply
        message = f"{len(calls)} deleted"
        return Reply(status=200, body=status(code=200, reason="", message=message))

    async def _drafts(self, calls: Iterable[Call]) -> AsyncIterator[Draft]:
        for call in calls:
            draft = await self._drafting.draft(call)
            if isinstance(draft, Draft):
                yield draft


def _no_websocket(call: Call, error: NoWebSocket) -> Reply:
    message = f"{call.route.key}: no command can be run in it now ({error})"
    body = status(code=error.status, reason="BadRequest", message=message)
    return Reply(status=error.status, body=body)


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
