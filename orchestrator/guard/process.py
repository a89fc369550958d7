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

from orchestrator.domain.errors import (
    ClusterUnavailable,
    InvalidValue,
    KubeconfigUnreadable,
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
from orchestrator.guard.commands import Commands
from orchestrator.guard.credentials import load_access
from orchestrator.guard.doors import opened
from orchestrator.guard.forward import Forward
from orchestrator.guard.gate import Gate
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.overlay import Overlay, RehearsedUpstream
from orchestrator.guard.proxy import Proxy, answering, listening
from orchestrator.guard.reaching import Reach
from orchestrator.guard.rehearsing import RehearsalJournal
from orchestrator.guard.remembering import RememberingJournal
from orchestrator.guard.upstream import Upstream, connected
from orchestrator.guard.writing import Say, Writing
from orchestrator.ports import Clock, UndoJournal

_TOKEN_BYTES: Final = 24
_LOOK: Final = timedelta(milliseconds=500)
"""How often the conductor's hold on the run is looked at."""
_GRACE: Final = timedelta(seconds=3)
"""How long after its end a lease may still be renewed by a conductor that was held up."""


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
            upstream = await _upstream(stack, assignment)
            if assignment.rehearsing:
                overlay = Overlay()
                upstream = RehearsedUpstream(upstream, overlay)
                journal = RehearsalJournal(overlay=overlay, say=say)
        except InvalidValue as error:
            await say(failed(Trouble.ASSIGNMENT, str(error)))
        except KubeconfigUnreadable as error:
            await say(failed(Trouble.KUBECONFIG, str(error)))
        except ClusterUnavailable as error:
            await say(failed(Trouble.CLUSTER, str(error)))
        else:
            return await _guard(
                assignment=assignment,
                upstream=upstream,
                journal=journal,
                commands=commands,
                say=say,
                clock=clock,
                door=door,
            )
    return None


async def _upstream(stack: AsyncExitStack, assignment: GuardAssignment) -> Upstream:
    """The target cluster, which has answered once."""
    access = await asyncio.to_thread(
        load_access, kubeconfig=assignment.kubeconfig, context=assignment.context
    )
    upstream = await stack.enter_async_context(connected(access))
    reply = await upstream.send("GET", "/version")
    if reply.status == 401:
        raise ClusterUnavailable(cluster=access.cluster, problem=reply.message())
    return upstream


async def _guard(
    *,
    assignment: GuardAssignment,
    upstream: Upstream,
    journal: UndoJournal,
    commands: AsyncIterator[Line],
    say: Say,
    clock: Clock,
    door: int | None,
) -> Restoration | None:
    radius = assignment.radius
    ledger = Ledger(await journal.records(assignment.run))
    journal = RememberingJournal(journal, ledger)
    gate = Gate(clock=clock, longest=radius.longest, recovering=assignment.recovering)
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
        await say(ready(f"http://127.0.0.1:{port}/g/{token}"))
        is_ended = False
        restoration: Restoration | None = None
        try:
            is_ended = await _obey(asked, commands, say, _Hold(journal, assignment))
        finally:
            # Also when something unforeseen went wrong: first of all, put everything back.
            if not is_ended and not assignment.rehearsing:
                restoration = await asked.undo_alone()
        return restoration


@dataclass(frozen=True, slots=True)
class _Hold:
    """The hold of the conductor on its run, which may be over although its pipe is open."""

    journal: UndoJournal
    assignment: GuardAssignment

    async def over(self) -> None:
        """Wait until the conductor no longer holds the run; a conductor may be frozen, too."""
        run, fence = self.assignment.run, self.assignment.fence
        while True:
            await anyio.sleep(_LOOK.total_seconds())
            # Without a database a conductor gives its run up by itself.
            with suppress(Unavailable):
                if not await self.journal.is_held(run, fence=fence, grace=_GRACE):
                    return


async def _obey(asked: Commands, commands: AsyncIterator[Line], say: Say, hold: _Hold) -> bool:
    """Carry out commands until the conductor ends the guard: True; or is gone: False."""

    async def carry_out(line: Line) -> None:
        await say(await asked.carry_out(line))

    async def watch(scope: anyio.CancelScope) -> None:
        await hold.over()
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch, tasks.cancel_scope)
        async for line in commands:
            if line.get("do") == Command.END:
                await carry_out(line)
                tasks.cancel_scope.cancel()
                return True
            tasks.start_soon(carry_out, line)
        # A verification may be waiting for what only the conductor's patience bounds.
        tasks.cancel_scope.cancel()
    return False
