"""The undo journal of one run, with a memory for the time in which the database is out or hangs.

What was journalled before can be put back all the same, and is settled as soon as the database
answers again. A new intent is never kept in memory alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import UndoRecord, UndoState
from orchestrator.guard.asking import Question, Questions
from orchestrator.guard.ledger import Ledger
from orchestrator.ports import UndoJournal

_TOO_LATE: Final = "not made: the database answered too late"


class RememberingJournal:
    """A journal that undo can rest on although its database may not answer."""

    def __init__(self, journal: UndoJournal, ledger: Ledger, questions: Questions) -> None:
        self._journal = journal
        self._ledger = ledger
        self._questions = questions
        self._owed: dict[int, UndoRecord] = {}
        self._paying: Question[None] | None = None

    @property
    def owes(self) -> bool:
        """Whether the database does not hold yet what came of every write."""
        return bool(self._owed)

    async def is_held(self, run: RunId, *, fence: int, grace: timedelta) -> bool:
        """As the journal says. Raises: Unavailable."""
        return await self._questions.ask(
            partial(self._journal.is_held, run, fence=fence, grace=grace)
        )

    async def is_free(self, run: RunId) -> bool:
        """As the journal says. Raises: Unavailable."""
        return await self._questions.ask(partial(self._journal.is_free, run))

    async def is_stopped(self, run: RunId) -> bool:
        """As the journal says. Raises: Unavailable."""
        return await self._questions.ask(partial(self._journal.is_stopped, run))

    async def intend(self, record: UndoRecord, *, fence: int, of_method: bool = True) -> UndoRecord:
        """Store an intent, durably or not at all.

        Raises: LeaseLost; RunStopped; Unavailable: whether it is stored may not be known, and is
        seen to later.
        """
        numbered = await self._questions.ask(
            partial(self._journal.intend, record, fence=fence, of_method=of_method),
            too_late=self._take_back,
        )
        self._ledger.note(numbered)
        return numbered

    async def _take_back(self, intent: UndoRecord) -> None:
        """Note of an intent that nobody waited for until it was stored: its write is not made."""
        await self.settle(replace(intent, state=UndoState.UNDONE, note=_TOO_LATE))

    async def settle(self, record: UndoRecord) -> None:
        """Remember a record's new state, and store it now or as soon as that can be done."""
        self._ledger.note(record)
        self._owed[record.seq] = record
        if len(self._owed) == 1:
            # While others are owed the database is out, and each try would take its time.
            await self._pay()

    async def records(self, run: RunId) -> Sequence[UndoRecord]:
        """All records of the run in the order written; from memory while the database is out."""
        if await self._pay():
            try:
                return await self._questions.ask(partial(self._journal.records, run))
            except Unavailable:
                pass
        return self._ledger.records

    async def _pay(self) -> bool:
        """Store what is owed, or join who does so; whether nothing is owed any more."""
        if self._owed:
            if self._paying is None or self._paying.has_ended:
                self._paying = self._questions.begin(self._pay_in_order)
            try:
                await self._questions.wait_for(self._paying)
            except Unavailable:
                return False
        return not self._owed

    async def _pay_in_order(self) -> None:
        """Store one after the other: no older state of a record may come after a newer."""
        while self._owed:
            seq = min(self._owed)
            record = self._owed[seq]
            await self._journal.settle(record)
            if self._owed.get(seq) is record:
                del self._owed[seq]

    async def keep_baseline(self, run: RunId, baseline: Mapping[str, Any]) -> None:
        """Store how the cluster was before the run. Raises: Unavailable."""
        await self._questions.ask(partial(self._journal.keep_baseline, run, baseline))

    async def baseline(self, run: RunId) -> Mapping[str, Any] | None:
        """How the cluster was before the run. Raises: Unavailable."""
        return await self._questions.ask(partial(self._journal.baseline, run))
