"""The undo journal of a dry run: kept in memory, told to the conductor, never undone.

It does not keep anything beyond the life of its guard, since nothing was changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from orchestrator.domain.guarding import DRY_RUN, foreseen
from orchestrator.domain.identity import RunId
from orchestrator.domain.undo import UndoRecord, UndoState, Verb
from orchestrator.guard.committing import Say
from orchestrator.guard.overlay import Overlay
from orchestrator.guard.refusals import NotLetThrough


class RehearsalJournal:
    """What a dry run would have changed."""

    def __init__(self, *, overlay: Overlay, say: Say) -> None:
        self._overlay = overlay
        self._say = say
        self._records: list[UndoRecord] = []

    async def is_held(self, run: RunId, *, fence: int, grace: timedelta) -> bool:  # noqa: ARG002
        """Nobody else can hold a run that is only rehearsed."""
        return True

    async def is_free(self, run: RunId) -> bool:  # noqa: ARG002
        """Whoever rehearses holds what is rehearsed."""
        return False

    async def is_stopped(self, run: RunId) -> bool:  # noqa: ARG002
        """Whoever rehearses is ended, not stopped."""
        return False

    async def intend(
        self,
        record: UndoRecord,
        *,
        fence: int,  # noqa: ARG002
        of_method: bool = True,  # noqa: ARG002
    ) -> UndoRecord:
        """Number an intent. Raises: NotLetThrough: of what cannot be made without effect."""
        numbered = replace(record, seq=len(self._records) + 1)
        self._records.append(numbered)
        if record.verb is Verb.EXEC:
            await self._say(foreseen(record))
            raise NotLetThrough(
                target=record.ref.key, rule=DRY_RUN, reason="a command has no dry run"
            )
        return numbered

    async def settle(self, record: UndoRecord) -> None:
        """Remember what came of a write, and tell of one that would have been made."""
        self._records[record.seq - 1] = record
        if record.state is UndoState.DONE:
            self._overlay.note(record)
            await self._say(foreseen(record))

    async def records(self, run: RunId) -> Sequence[UndoRecord]:  # noqa: ARG002
        """All records in the order written."""
        return tuple(self._records)

    async def keep_baseline(self, run: RunId, baseline: Mapping[str, Any]) -> None:
        """Nothing is compared with it later."""

    async def baseline(self, run: RunId) -> Mapping[str, Any] | None:  # noqa: ARG002
        """There is none."""
        return None
