"""Whether a write may be made: by the stage, by the rules, and by the limits of the run.

It makes no write, and keeps none.
"""

from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from orchestrator.domain.blast_radius import BlastRadius, Denied, Write
from orchestrator.domain.guarding import OTHER_RUN
from orchestrator.domain.net_effect import NetEffect, marks_of
from orchestrator.domain.undo import Verb
from orchestrator.guard import rules
from orchestrator.guard.drafting import Draft
from orchestrator.guard.gate import Gate, Stage
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.lingering import lingers
from orchestrator.guard.refusals import NotLetThrough
from orchestrator.guard.targets import Targets
from orchestrator.guard.upstream import Upstream

_AMPLE: Final = timedelta(days=365)
"""For what goes because the run rolls back, which would go in the undo as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A draft that may be made, and what it touches."""

    draft: Draft
    write: Write
    restores: bool
    """Whether it takes back what the run did, so that nothing behind it is lost."""


class Judging:
    """Decides the writes of one run."""

    def __init__(
        self, *, radius: BlastRadius, upstream: Upstream, ledger: Ledger, gate: Gate
    ) -> None:
        self._radius = radius
        self._ledger = ledger
        self._gate = gate
        self._targets = Targets(upstream, ledger, radius)

    async def judge(self, draft: Draft) -> Judged:
        """Decide a write. Raises: NotLetThrough."""
        write = await self._targets.write(draft)
        is_command = draft.verb is Verb.EXEC
        denied = (
            (self._gate.denied_command() if is_command else self._gate.denied())
            or rules.never(draft)
            or self._of_another_run(draft)
            or lingers(draft, self._gate.remaining if self._is_of_method else _AMPLE)
            or self._radius.place(write.written)
            or self._within_limits(draft, write)
        )
        if denied is not None:
            raise NotLetThrough.of(denied, target=draft.ref.key)
        return Judged(draft=draft, write=write, restores=self._restores(draft))

    async def foresee(self, drafts: AsyncIterable[Draft]) -> None:
        """Decide many writes before the first is made, so that none is made in vain.

        Raises: NotLetThrough: of the first that may not be made after those before it.
        """
        touched, lost = set(self._ledger.touched), {**self._ledger.lost}
        async for draft in drafts:
            write = (await self.judge(draft)).write
            verdict = self._radius.verdict(write, touched=touched, lost=lost)
            is_own = rules.removes_own(draft, self._effect(draft))
            if isinstance(verdict, Denied) and self._is_of_method and not is_own:
                raise NotLetThrough.of(verdict, target=draft.ref.key)
            touched |= {target.key for target in write.touched}
            for workload in write.sizes:
                lost[workload] = set(lost.get(workload, ())) | write.lost_of(workload)

    def _restores(self, draft: Draft) -> bool:
        effect = self._effect(draft)
        return rules.removes_own(draft, effect) or (
            self._gate.stage is Stage.ROLLBACK and rules.puts_back(draft, effect)
        )

    def _of_another_run(self, draft: Draft) -> Denied | None:
        """Refuse what a run of another journal made; of those of this one the journal knows."""
        if not marks_of(draft.before) - self._ledger.marks:
            return None
        reason = (
            "another run made it, which takes it away again; if none is under way, take its"
            " annotation of the form x-0a1b2c3d off"
        )
        return Denied(rule=OTHER_RUN, reason=reason)

    def _within_limits(self, draft: Draft, write: Write) -> Denied | None:
        if draft.changes_nothing:
            return None
        effect = self._effect(draft)
        if self._gate.stage is Stage.ROLLBACK:
            if denied := rules.not_ours(draft, effect) or rules.repeats(
                draft, self._ledger.records
            ):
                return denied
            if rules.puts_back(draft, effect):
                return None
        if denied := rules.not_carried(draft, effect):
            return denied
        if rules.removes_own(draft, effect):
            return None
        ledger = self._ledger
        verdict = self._radius.verdict(write, touched=ledger.touched, lost=ledger.lost)
        if isinstance(verdict, Denied):
            return verdict
        return rules.not_back(draft, effect) if self._gate.stage is Stage.ROLLBACK else None

    @property
    def _is_of_method(self) -> bool:
        return self._gate.stage is Stage.METHOD

    def _effect(self, draft: Draft) -> NetEffect | None:
        """What the run did to the object so far, where that decides whether the write is made."""
        # To sum it up takes time that grows with the number of writes to the object.
        is_about_own = draft.verb is Verb.DELETE or draft.call.kind.is_carrier
        if self._gate.stage is Stage.METHOD and not is_about_own:
            return None
        return self._ledger.effect(draft.ref.path)
