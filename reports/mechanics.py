"""What a run did to the cluster and how that was put back: proof, writes, restoration.

It does not ask the cluster; it reads what guard and orchestrator put on the timeline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.domain.run import Injection, Phase, Run
from orchestrator.domain.timeline import Kind, TimelineEntry
from reports.figures import Figure, count, duration
from reports.rules import PROOF, RESTORATION, WRITES
from reports.window import FaultWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Whether the fault took effect, and how soon that was seen.

    Shape: injection is None for a run that injected nothing.
    """

    injection: Injection | None
    after: Figure
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writes:
    """What the guard let through and what it refused."""

    injecting: Figure
    restoring: Figure
    refused: Figure
    made: tuple[TimelineEntry, ...]
    refusals: tuple[TimelineEntry, ...]


class Restored(StrEnum):
    """What is known of restoration."""

    PROVEN = "proven"
    NOT_PROVEN = "not proven"
    UNDER_WAY = "not finished when this was written"
    NOT_NEEDED = "nothing to restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorationReview:
    """What came of putting everything back."""

    restored: Restored
    took: Figure
    kept: tuple[str, ...]
    pending: tuple[str, ...]
    entries: tuple[TimelineEntry, ...]


def proof_of(run: Run, window: FaultWindow | None, entries: Sequence[TimelineEntry]) -> Proof:
    """What proves that the fault took effect. Shape: the entries of the run."""
    told = [entry for entry in entries if entry.kind is Kind.PROOF]
    seen = run.proven_at if window and run.injection is Injection.PROVEN else None
    verdict = f"proof of injection: {run.injection}: "
    evidence = [
        str(entry.details.get("evidence") or entry.text.removeprefix(verdict)) for entry in told
    ]
    return Proof(
        injection=run.injection if window else None,
        after=duration(PROOF, seen - window.began_at if seen and window else None, *told),
        evidence="; ".join(text for text in evidence if text),
    )


def writes_of(run: Run, entries: Sequence[TimelineEntry]) -> Writes:
    """What the guard wrote down. Shape: the entries of the run."""
    made = [entry for entry in entries if entry.kind is Kind.WRITE]
    refused = [entry for entry in entries if entry.kind is Kind.REFUSED]
    turn = run.rolled_back_at
    injecting = [entry for entry in made if not turn or entry.occurred_at < turn]
    restoring = [entry for entry in made if turn and entry.occurred_at >= turn]
    is_silent = not made and not refused and run.injected_at is not None
    return Writes(
        injecting=count(WRITES, None if is_silent else len(injecting), *injecting),
        restoring=count(WRITES, None if is_silent else len(restoring), *restoring),
        refused=count(WRITES, None if is_silent else len(refused), *refused),
        made=tuple(made),
        refusals=tuple(refused),
    )


def restoration_of(
    run: Run, window: FaultWindow | None, entries: Sequence[TimelineEntry]
) -> RestorationReview:
    """Whether all is as before. Shape: the entries of the run."""
    told = [entry for entry in entries if entry.kind is Kind.RESTORED]
    restored = _restored(run, window)
    took = None
    if restored is Restored.PROVEN and run.ended_at and run.rolled_back_at:
        took = run.ended_at - run.rolled_back_at
    return RestorationReview(
        restored=restored,
        took=duration(RESTORATION, took, *told),
        kept=_named(told, "kept"),
        pending=_pending(run, told),
        entries=tuple(told),
    )


def _restored(run: Run, window: FaultWindow | None) -> Restored:
    match run.phase:
        case Phase.CONCLUDED:
            return Restored.PROVEN if run.started_at else Restored.NOT_NEEDED
        case Phase.STRANDED:
            return Restored.NOT_PROVEN
        case _ if window:
            return Restored.UNDER_WAY
        case _:
            return Restored.NOT_NEEDED


def _pending(run: Run, told: Sequence[TimelineEntry]) -> tuple[str, ...]:
    if run.phase is not Phase.STRANDED:
        return ()
    said = run.stranded or run.reason
    return _named(told[-1:], "pending") or ((said,) if said else ())


def _named(told: Sequence[TimelineEntry], key: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for entry in told:
        value = entry.details.get(key)
        items = value if isinstance(value, list | tuple) else [value] if value else []
        found.update(dict.fromkeys(map(str, items)))
    return tuple(found)
