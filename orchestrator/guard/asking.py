"""Asks a database that may hang: whoever asks waits for no longer than a moment.

A question that was begun goes on by itself, whether or not somebody still waits for it. It does
not know what is asked.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from orchestrator.domain.errors import Unavailable

T = TypeVar("T")

PATIENCE: Final = timedelta(seconds=4)
"""How long the database may take to answer; a lease is over at about the same time."""


@dataclass(slots=True)
class Question(Generic[T]):
    """A question on its way, and what came of it."""

    is_awaited: bool = True
    """Whether somebody waits for the answer, or did until it came."""
    has_ended: bool = False
    answers: list[T] = field(default_factory=list)
    error: Exception | None = None
    waiting: set[anyio.Event] = field(default_factory=set)

    def answer(self) -> T:
        """What was answered. Raises: whatever came instead."""
        if self.error is not None:
            raise self.error
        return self.answers[0]


class Questions:
    """Questions to one database; while one of them hangs, nobody waits for any other."""

    def __init__(self, tasks: TaskGroup, *, patience: timedelta = PATIENCE) -> None:
        self._tasks = tasks
        self._patience = patience
        self._waiting: set[anyio.Event] = set()
        self._hanging: set[int] = set()

    async def ask(
        self,
        question: Callable[[], Awaitable[T]],
        *,
        too_late: Callable[[T], Coroutine[Any, Any, None]] | None = None,
    ) -> T:
        """Ask, and wait for the answer; one that nobody waited for any more goes to `too_late`.

        Raises: Unavailable: it did not come in time, or nothing is asked while another hangs;
        whatever the question raises.
        """
        self._check()
        asked = self.begin(question, too_late=too_late)
        try:
            return await self.wait_for(asked)
        except BaseException:
            asked.is_awaited = False
            if asked.answers and too_late is not None:
                # It came in the moment in which the wait for it was cancelled.
                self._tasks.start_soon(too_late, asked.answers[0])
            raise

    def begin(
        self,
        question: Callable[[], Awaitable[T]],
        *,
        too_late: Callable[[T], Coroutine[Any, Any, None]] | None = None,
    ) -> Question[T]:
        """Ask, without waiting."""
        asked: Question[T] = Question()
        self._tasks.start_soon(self._carry, question, asked, too_late)
        return asked

    async def wait_for(self, asked: Question[T]) -> T:
        """The answer to a question that was begun. Raises: as `ask`."""
        if not asked.has_ended:
            self._check()
            await self._wait(asked)
        return asked.answer()

    async def _wait(self, asked: Question[Any]) -> None:
        woken = anyio.Event()
        asked.waiting.add(woken)
        self._waiting.add(woken)
        try:
            with anyio.move_on_after(self._patience.total_seconds()) as patience:
                await woken.wait()
        finally:
            self._waiting.discard(woken)
            asked.waiting.discard(woken)
        if not asked.has_ended:
            if patience.cancelled_caught:
                self._take_for_hanging(asked)
            raise self._silent()

    def _check(self) -> None:
        if self._hanging:
            raise self._silent()

    def _silent(self) -> Unavailable:
        seconds = self._patience.total_seconds()
        return Unavailable(f"the database did not answer within {seconds:g} s; see to it")

    def _take_for_hanging(self, asked: Question[Any]) -> None:
        self._hanging.add(id(asked))
        for woken in self._waiting:
            woken.set()

    async def _carry(
        self,
        question: Callable[[], Awaitable[T]],
        asked: Question[T],
        too_late: Callable[[T], Coroutine[Any, Any, None]] | None,
    ) -> None:
        try:
            asked.answers.append(await question())
        except Exception as error:  # noqa: BLE001 - raised where somebody waits for the answer
            asked.error = error
        finally:
            if not asked.answers:
                asked.error = asked.error or self._silent()
            asked.has_ended = True
            self._hanging.discard(id(asked))
            for woken in asked.waiting:
                woken.set()
        if asked.answers and not asked.is_awaited and too_late is not None:
            await too_late(asked.answers[0])


@asynccontextmanager
async def questions(*, patience: timedelta = PATIENCE) -> AsyncIterator[Questions]:
    """Whoever asks, while the scope lasts; errors of the scope come out as they are."""
    problem: Exception | None = None
    async with anyio.create_task_group() as tasks:
        try:
            yield Questions(tasks, patience=patience)
        except Exception as error:  # noqa: BLE001 - passed on below, outside the group
            problem = error
        tasks.cancel_scope.cancel()
    if problem is not None:
        raise problem
