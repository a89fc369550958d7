"""What the conductor asks of a guard, and what the guard does when nobody is left to ask.

It does not read lines or start anything.
"""

from datetime import timedelta
from typing import Any, Final

import anyio

from orchestrator.domain.errors import ChaosDayError, InvalidValue
from orchestrator.domain.guarding import (
    Command,
    GuardAssignment,
    Line,
    answer,
    excuse,
    restoration_to_line,
)
from orchestrator.domain.undo import Restoration
from orchestrator.guard.baseline import take_baseline
from orchestrator.guard.gate import Gate
from orchestrator.guard.undo import Undoing
from orchestrator.guard.upstream import Upstream
from orchestrator.guard.verifying import Verifying
from orchestrator.ports import UndoJournal

ALONE: Final = timedelta(seconds=60)
"""How long a guard whose conductor is gone tries to put everything back."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
"""Units: seconds."""


class Commands:
    """Carries out the conductor's commands for one run."""

    def __init__(
        self,
        *,
        assignment: GuardAssignment,
        upstream: Upstream,
        journal: UndoJournal,
        gate: Gate,
    ) -> None:
        self._assignment = assignment
        self._upstream = upstream
        self._journal = journal
        self._gate = gate
        self._undoing = Undoing(run=assignment.run, upstream=upstream, journal=journal)
        self._verifying = Verifying(
            run=assignment.run,
            radius=assignment.radius,
            upstream=upstream,
            journal=journal,
            undoing=self._undoing,
        )

    async def carry_out(self, line: Line) -> dict[str, Any]:
        """Carry out one command; the answer says what came of it."""
        number = line.get("id")
        try:
            return answer(number, **await self._do(line))
        except ChaosDayError as error:
            return excuse(number, str(error))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            # The conductor must hear of it: without an answer it would wait.
            return excuse(number, f"{line.get('do')!r} failed: {error!r}")

    async def _do(self, line: Line) -> dict[str, Any]:
        match line.get("do"):
            case Command.BASELINE:
                namespaces = self._assignment.radius.namespaces
                baseline = await take_baseline(self._upstream, namespaces)
                await self._journal.keep_baseline(self._assignment.run, baseline)
                return {}
            case Command.PLAY:
                self._gate.play()
                return {}
            case Command.RESTRAIN:
                await self._gate.restrain()
                return {}
            case Command.UNDO:
                return {"restoration": restoration_to_line(await self.undo())}
            case Command.VERIFY:
                patience = timedelta(seconds=float(line.get("patience_seconds", 0)))
                return {"restoration": restoration_to_line(await self.verify(patience))}
            case Command.END:
                self._gate.close()
                return {}
            case other:
                raise InvalidValue(field="do", value=str(other), problem="is no command")

    async def undo(self) -> Restoration:
        """Put everything back; no write of the run is on its way meanwhile, or gets there after."""
        async with self._gate.closed():
            return await self._undoing.undo()

    async def verify(self, patience: timedelta) -> Restoration:
        """Compare with the baseline until nothing is pending or patience runs out."""
        async with self._gate.closed():
            return await self._verifying.verify(patience)

    async def undo_alone(self, patience: timedelta = ALONE) -> Restoration:
        """Put everything back without being asked, however often the cluster must be tried."""
        self._gate.close()
        last = Restoration(pending=("nothing was put back in time",))
        pause = _FIRST_PAUSE
        with anyio.move_on_after(patience.total_seconds(), shield=True):
            while True:
                try:
                    last = await self.undo()
                except ChaosDayError as error:
                    last = Restoration(pending=(str(error),))
                if last.is_proven:
                    break
                await anyio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        return last
