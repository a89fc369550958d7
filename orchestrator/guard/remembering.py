"""The undo journal of one run, with a memory for the time in which the database is out.

What was journalled before can be put back all the same, and is settled as soon as the database
answers again. A new intent is never kept in memory alone.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import UndoRecord
from orchestrator.guard.ledger import Ledger
from orchestrator.ports import UndoJournal


class RememberingJournal:
    """A journal that undo can rest on although its database may not answer."""

    def __init__(self, journal: UndoJournal, ledger: Ledger) -> None:
        self._journal = journal
        self._ledger = ledger
        self._owed: dict[int, UndoRecord] = {}

    async def is_held(self, run: RunId, *, fence: int, grace: timedelta) -> bool:
        """As the journal says. Raises: DatabaseUnavailable."""
        return await self._journal.is_held(run, fence=fence, grace=grace)

    async def intend(self, record: UndoRecord, *, fence: int) -> UndoRecord:
        """Store an intent, durably or not at all. Raises: LeaseLost; DatabaseUnavailable."""
        numbered = await self._journal.intend(record, fence=fence)
        self._ledger.note(numbered)
        return numbered

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
                return await self._journal.records(run)
            except Unavailable:
                pass
        return self._ledger.records

    async def _pay(self) -> bool:
        """Store what is owed; whether nothing is owed any more."""
        for seq, record in sorted(self._owed.items()):
            try:
                await self._journal.settle(record)
            except Unavailable:
                return False
            if self._owed.get(seq) is record:
                del self._owed[seq]
        return not self._owed

    async def keep_baseline(self, run: RunId, baseline: Mapping[str, Any]) -> None:
        """Store how the cluster was before the run. Raises: DatabaseUnavailable."""
        await self._journal.keep_baseline(run, baseline)

    async def baseline(self, run: RunId) -> Mapping[str, Any] | None:
        """How the cluster was before the run. Raises: DatabaseUnavailable."""
        return await self._journal.baseline(run)
