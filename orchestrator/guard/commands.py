"""What the conductor asks of a guard, and what the guard does when nobody is left to ask.

It does not read lines or start anything.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import anyio

from orchestrator.domain.errors import ChaosDayError, InvalidValue, Unavailable
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
from orchestrator.guard.commands_left import commands_left
from orchestrator.guard.gate import Gate, Stage
from orchestrator.guard.remembering import RememberingJournal
from orchestrator.guard.undo import Undoing
from orchestrator.guard.upstream import Upstream
from orchestrator.guard.verifying import Verifying

ALONE: Final = timedelta(seconds=60)
"""How long a guard whose conductor is gone tries to put everything back, whoever else does."""
AT_MOST: Final = timedelta(hours=1)
"""How long it tries while nobody else holds the run, and until the journal has what came of it."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
"""Units: seconds."""


class Commands:
    """Carries out the conductor's commands for one run."""

    def __init__(
        self,
        *,
        assignment: GuardAssignment,
        upstream: Upstream,
        journal: RememberingJournal,
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
                baseline = await take_baseline(self._upstream, self._assignment.radius)
                await self._journal.keep_baseline(self._assignment.run, baseline)
                return {}
            case Command.PLAY:
                self._gate.play()
                return {}
            case Command.RESTRAIN:
                await self._gate.restrain()
                return {}
            case Command.ROLL_BACK:
                self._gate.roll_back()
                return {}
            case Command.UNDO:
                return {"restoration": restoration_to_line(await self.undo())}
            case Command.VERIFY:
                patience = timedelta(seconds=float(line.get("patience_seconds", 0)))
                restoration = await self.verify(patience, rollbacks=str(line.get("rollbacks", "")))
                return {"restoration": restoration_to_line(restoration)}
            case Command.END:
                self._gate.close()
                return {}
            case other:
                raise InvalidValue(field="do", value=str(other), problem="is no command")

    async def heed_stop(self) -> None:
        """Cut off the commands of a method whose run is to stop; the journal refuses its writes."""
        run, gate = self._assignment.run, self._gate
        if gate.stage is not Stage.METHOD or not await self._journal.is_stopped(run):
            return
        # An undo may have closed the gate meanwhile, and it stays closed.
        if gate.stage is Stage.METHOD:
            await gate.restrain()

    async def undo(self) -> Restoration:
        """Put everything back; no write of the run is on its way meanwhile, or gets there after."""
        async with self._gate.closed():
            return await self._undoing.undo()

    async def verify(self, patience: timedelta, *, rollbacks: str = "") -> Restoration:
        """Compare with the baseline until nothing is pending or patience runs out.

        What the method's commands did, only its rollbacks can take back: where something went
        wrong with these, which `rollbacks` says, it stays pending, unless it is gone with its pod.
        """
        async with self._gate.closed():
            restoration = await self._verifying.verify(patience)
            if not rollbacks:
                return restoration
            records = await self._journal.records(self._assignment.run)
            left = await commands_left(records, self._upstream, rollbacks)
            return replace(restoration, pending=(*restoration.pending, *left))

    async def undo_alone(
        self, patience: timedelta = ALONE, *, at_most: timedelta = AT_MOST
    ) -> Restoration:
        """Put everything back without being asked, however often the cluster must be tried.

        At least once. After patience it goes on only while nobody else is there to do it, and
        never beyond `at_most`; both count from when no write is on its way any more.
        """
        last = Restoration(pending=("nothing was put back in time",))
        pause = _FIRST_PAUSE
        with anyio.CancelScope(shield=True) as trying:
            async with self._gate.closed():
                began = anyio.current_time()
                trying.deadline = began + at_most.total_seconds()
            while True:
                last = await self._try()
                if last.is_proven and not self._journal.owes:
                    break
                is_patient = anyio.current_time() - began < patience.total_seconds()
                if not is_patient and not await self._is_alone():
                    break
                await anyio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        return last

    async def _try(self) -> Restoration:
        try:
            return await self.undo()
        except ChaosDayError as error:
            return Restoration(pending=(str(error),))

    async def _is_alone(self) -> bool:
        """Whether nobody holds the run, as far as can be known."""
        try:
            return await self._journal.is_free(self._assignment.run)
        except Unavailable:
            return True
