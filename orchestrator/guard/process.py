"""The life of a guard: assignment, ready, commands, and the undo when the conductor is gone.

It does not open the journal: whoever starts the process does.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import anyio

from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.errors import (
    AnotherCluster,
    ClusterUnavailable,
    InvalidValue,
    KubeconfigUnreadable,
    NotApproved,
    Unavailable,
)
from orchestrator.domain.guarding import (
    Command,
    GuardAssignment,
    Line,
    Trouble,
    assignment_from_line,
    failed,
    ready,
)
from orchestrator.domain.undo import Restoration
from orchestrator.guard.asking import questions
from orchestrator.guard.commands import Commands
from orchestrator.guard.committing import Say
from orchestrator.guard.credentials import load_access
from orchestrator.guard.doors import opened
from orchestrator.guard.forward import Forward
from orchestrator.guard.gate import Gate
from orchestrator.guard.identifying import identify, must_be_approved, must_be_the_same
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.overlay import Overlay, RehearsedUpstream
from orchestrator.guard.proxy import Proxy, answering, listening
from orchestrator.guard.reaching import Reach
from orchestrator.guard.rehearsing import RehearsalJournal
from orchestrator.guard.remembering import RememberingJournal
from orchestrator.guard.upstream import Upstream, connected
from orchestrator.guard.writing import Writing
from orchestrator.ports import Clock, UndoJournal

_TOKEN_BYTES: Final = 24
_LOOK: Final = timedelta(milliseconds=500)
"""How often the conductor's hold on the run is looked at, and whether the run is to stop."""
_GRACE: Final = timedelta(seconds=3)
"""How long after its end a lease may still be renewed by a conductor that was held up."""
_UNANSWERED: Final = timedelta(seconds=6)
"""After what time without a word from the database the run is put back, whoever holds it."""
_LOOKS: Final = 3
"""How many looks in a row must fail for that: a process that was asleep has time to hear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """What a guard guards, and where.

    Shape: cluster is which one a rehearsal is in.
    """

    assignment: GuardAssignment
    upstream: Upstream
    cluster: ClusterIdentity | None


async def serve_guard(
    *,
    journal: UndoJournal,
    commands: AsyncIterator[Line],
    say: Say,
    clock: Clock,
    door: int | None = None,
) -> Restoration | None:
    """Guard one run until the conductor ends it or is gone; then put everything back.

    Shape: the first of the commands is the assignment; door is the descriptor through which
    listening sockets of the runner's network come, None when it has none of its own.
    Returns what came of the undo that nobody asked for; None when the conductor ended the
    guard in order.
    """
    line = await anext(commands, None)
    if line is None:
        return None
    async with AsyncExitStack() as stack:
        try:
            assignment = assignment_from_line(line)
            upstream = await _upstream(stack, assignment, clock)
            if assignment.rehearsing:
                overlay = Overlay()
                upstream = RehearsedUpstream(upstream, overlay)
                journal = RehearsalJournal(overlay=overlay, say=say)
            await must_be_the_same(assignment.run, upstream, journal)
            await must_be_approved(assignment, upstream)
            cluster = await identify(upstream) if assignment.rehearsing else None
        except InvalidValue as error:
            await say(failed(Trouble.ASSIGNMENT, str(error)))
        except KubeconfigUnreadable as error:
            await say(failed(Trouble.KUBECONFIG, str(error)))
        except ClusterUnavailable as error:
            await say(failed(Trouble.CLUSTER, str(error)))
        except AnotherCluster as error:
            await say(failed(Trouble.ANOTHER_CLUSTER, str(error)))
        except NotApproved as error:
            await say(failed(Trouble.NOT_APPROVED, error.problem))
        else:
            return await _guard(
                post=_Post(assignment=assignment, upstream=upstream, cluster=cluster),
                journal=journal,
                commands=commands,
                say=say,
                clock=clock,
                door=door,
            )
    return None


async def _upstream(stack: AsyncExitStack, assignment: GuardAssignment, clock: Clock) -> Upstream:
    """The target cluster, which has answered once."""
    access = await asyncio.to_thread(
        load_access, kubeconfig=assignment.kubeconfig, context=assignment.context, clock=clock
    )
    upstream = await stack.enter_async_context(connected(access))
    reply = await upstream.send("GET", "/version")
    if reply.status == 401:
        raise ClusterUnavailable(cluster=access.cluster, problem=reply.message())
    return upstream


async def _guard(
    *,
    post: _Post,
    journal: UndoJournal,
    commands: AsyncIterator[Line],
    say: Say,
    clock: Clock,
    door: int | None,
) -> Restoration | None:
    ledger = Ledger(await journal.records(post.assignment.run))
    async with questions() as asking:
        return await _behind_doors(
            post=post,
            journal=RememberingJournal(journal, ledger, asking),
            ledger=ledger,
            commands=commands,
            say=say,
            clock=clock,
            door=door,
        )


async def _behind_doors(
    *,
    post: _Post,
    journal: RememberingJournal,
    ledger: Ledger,
    commands: AsyncIterator[Line],
    say: Say,
    clock: Clock,
    door: int | None,
) -> Restoration | None:
    assignment, upstream = post.assignment, post.upstream
    gate = Gate(clock=clock, longest=assignment.radius.longest, recovering=assignment.recovering)
    writing = Writing(
        assignment=assignment,
        upstream=upstream,
        journal=journal,
        ledger=ledger,
        gate=gate,
        clock=clock,
        say=say,
    )
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    proxy = Proxy(token=token, upstream=upstream, writing=writing, clock=clock, say=say)
    asked = Commands(assignment=assignment, upstream=upstream, journal=journal, gate=gate)
    reach = await Reach.beside(upstream.server, assignment.may_reach)
    forward = Forward(reach=reach, clock=clock, say=say)
    async with (
        listening(proxy) as port,
        answering(proxy) as answer_on,
        forward,
        opened(door, {"kubernetes": answer_on, "forward": forward.answer_on}),
    ):
        await say(_ready(f"http://127.0.0.1:{port}/g/{token}", post))
        is_ended = False
        restoration: Restoration | None = None
        try:
            is_ended = await _obey(asked, commands, say, _Hold(journal, assignment))
        finally:
            # Also when something unforeseen went wrong: first of all, put everything back.
            if not is_ended and not assignment.rehearsing:
                restoration = await asked.undo_alone()
        return restoration


def _ready(url: str, post: _Post) -> Line:
    contexts = post.upstream.contexts
    return ready(
        url,
        post.cluster,
        contexts={each.name: each.namespace for each in contexts if each.is_same_cluster},
        elsewhere=[each.name for each in contexts if not each.is_same_cluster],
    )


@dataclass(frozen=True, slots=True)
class _Hold:
    """The hold of the conductor on its run, which may be over although its pipe is open.

    It is over as well when nobody can tell any more: a conductor without a database gives its run
    up by itself, and one that is frozen may not get to it.
    """

    journal: UndoJournal
    assignment: GuardAssignment

    async def over(self) -> None:
        """Wait until the conductor no longer holds the run; a conductor may be frozen, too."""
        run, fence = self.assignment.run, self.assignment.fence
        told_at, failed = anyio.current_time(), 0
        while failed < _LOOKS or anyio.current_time() - told_at < _UNANSWERED.total_seconds():
            await anyio.sleep(_LOOK.total_seconds())
            asked_at, failed = anyio.current_time(), failed + 1
            with suppress(Unavailable):
                if not await self.journal.is_held(run, fence=fence, grace=_GRACE):
                    return
                told_at, failed = asked_at, 0


async def _heed_stops(asked: Commands) -> None:
    """Hear of a halt although the conductor, which may be frozen, does not tell."""
    while True:
        await anyio.sleep(_LOOK.total_seconds())
        with suppress(Unavailable):
            await asked.heed_stop()


async def _obey(asked: Commands, commands: AsyncIterator[Line], say: Say, hold: _Hold) -> bool:
    """Carry out commands until the conductor ends the guard: True; or is gone: False."""

    async def carry_out(line: Line) -> None:
        await say(await asked.carry_out(line))

    async def watch(scope: anyio.CancelScope) -> None:
        await hold.over()
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch, tasks.cancel_scope)
        tasks.start_soon(_heed_stops, asked)
        async for line in commands:
            if line.get("do") == Command.END:
                await carry_out(line)
                tasks.cancel_scope.cancel()
                return True
            tasks.start_soon(carry_out, line)
        # A verification may be waiting for what only the conductor's patience bounds.
        tasks.cancel_scope.cancel()
    return False
