"""Between values of the domain and rows.

It does not query.
"""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row

from orchestrator.domain.day import ChaosDay, DayState, PinnedExperiment
from orchestrator.domain.halt import Halt
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import (
    Actor,
    DayId,
    EntryId,
    IncidentId,
    Role,
    RunId,
    TokenId,
)
from orchestrator.domain.incident import Incident, RunLink, Status
from orchestrator.domain.plan import Plan
from orchestrator.domain.preview import Preview
from orchestrator.domain.run import Finding, Injection, Phase, Run
from orchestrator.domain.timeline import (
    Kind,
    Lane,
    Precision,
    TimelineEntry,
    VisibleAfter,
)
from orchestrator.domain.undo import ObjectRef, Portion, UndoRecord, UndoState, Verb
from orchestrator.ports import Token

T = TypeVar("T")


def _encode_odd(value: Any) -> Any:
    if isinstance(value, Fraction):
        return [value.numerator, value.denominator]
    raise NotImplementedError(type(value).__name__)


def _decode_odd(kind: type, value: Any) -> Any:
    if kind is Fraction:
        return Fraction(*value)
    if kind is object:
        return value
    raise NotImplementedError(kind.__name__)


def to_json(value: Any) -> Any:
    """A value of the domain as what JSON can hold."""
    return msgspec.to_builtins(value, enc_hook=_encode_odd)


def from_json(document: Any, kind: type[T]) -> T:
    """The value of the domain that was stored as JSON."""
    return msgspec.convert(document, kind, dec_hook=_decode_odd)


def day_to_row(day: ChaosDay) -> dict[str, Any]:
    """A day without its counters."""
    return {
        "id": day.id,
        "state": day.state,
        "plan": to_json(day.plan),
        "plan_source": day.plan_source,
        "experiments": to_json(day.experiments),
        "is_scripted": day.is_scripted,
        "created_at": day.created_at,
        "opened_at": day.opened_at,
        "closed_at": day.closed_at,
        "revealed_at": day.revealed_at,
    }


def day_from_row(row: Row[Any]) -> ChaosDay:
    """A day."""
    return ChaosDay(
        id=DayId(row.id),
        plan=from_json(row.plan, Plan),
        plan_source=row.plan_source,
        experiments=from_json(row.experiments, dict[str, PinnedExperiment]),
        state=DayState(row.state),
        created_at=row.created_at,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        revealed_at=row.revealed_at,
        is_scripted=row.is_scripted,
    )


def run_to_row(run: Run) -> dict[str, Any]:
    """A run without its place in the agenda and its lease."""
    return {name: getattr(run, name) for name in Run.__dataclass_fields__}


def run_from_row(row: Row[Any]) -> Run:
    """A run."""
    fields = {name: getattr(row, name) for name in Run.__dataclass_fields__}
    return Run(
        **fields
        | {
            "phase": Phase(row.phase),
            "finding": Finding(row.finding) if row.finding else None,
            "injection": Injection(row.injection) if row.injection else None,
        }
    )


def entry_to_row(entry: TimelineEntry) -> dict[str, Any]:
    """An entry of the timeline."""
    fields = {name: getattr(entry, name) for name in TimelineEntry.__dataclass_fields__}
    return fields | {"actor": to_json(entry.actor), "details": to_json(entry.details)}


def entry_from_row(row: Row[Any]) -> TimelineEntry:
    """An entry of the timeline."""
    return TimelineEntry(
        id=EntryId(row.id),
        day=DayId(row.day),
        seq=row.seq,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        lane=Lane(row.lane),
        kind=Kind(row.kind),
        text=row.text,
        actor=from_json(row.actor, Actor),
        source=row.source,
        visible_after=VisibleAfter(row.visible_after),
        precision=Precision(row.precision),
        run=RunId(row.run) if row.run else None,
        incident=IncidentId(row.incident) if row.incident else None,
        corrects=EntryId(row.corrects) if row.corrects else None,
        details=row.details,
    )


def incident_to_row(incident: Incident) -> dict[str, Any]:
    """An incident without its place in the day."""
    return {name: getattr(incident, name) for name in Incident.__dataclass_fields__}


def incident_from_row(row: Row[Any]) -> Incident:
    """An incident."""
    fields = {name: getattr(row, name) for name in Incident.__dataclass_fields__}
    return Incident(
        **fields | {"status": Status(row.status), "visible_after": VisibleAfter(row.visible_after)}
    )


def link_from_row(row: Row[Any]) -> RunLink:
    """A link between an incident and a run."""
    return RunLink(**{name: getattr(row, name) for name in RunLink.__dataclass_fields__})


def halt_from_row(row: Row[Any]) -> Halt:
    """A halt."""
    return Halt(
        day=DayId(row.day),
        by=from_json(row.by, Actor),
        reason=row.reason,
        engaged_at=row.engaged_at,
        released_at=row.released_at,
        released_by=row.released_by,
    )


def sample_to_row(sample: Sample) -> dict[str, Any]:
    """A sample."""
    return {
        "run": sample.run,
        "probe": sample.probe,
        "at": sample.at,
        "within": sample.within,
        "value": sample.value,
        "took_ms": sample.took / timedelta(milliseconds=1),
        "problem": sample.problem,
    }


def sample_from_row(row: Row[Any]) -> Sample:
    """A sample."""
    return Sample(
        run=RunId(row.run),
        probe=row.probe,
        at=row.at,
        within=row.within,
        value=row.value,
        took=timedelta(milliseconds=row.took_ms),
        problem=row.problem,
    )


def token_from_row(row: Row[Any]) -> Token:
    """A token, without the hash of its secret."""
    return Token(
        id=TokenId(row.id),
        name=row.name,
        role=Role(row.role),
        day=DayId(row.day) if row.day else None,
        is_script=row.is_script,
    )


def preview_from_row(row: Row[Any]) -> Preview:
    """A preview, with its approval."""
    preview = from_json(row.document, Preview)
    return replace(preview, approved_by=row.approved_by, approved_at=row.approved_at)


def ref_from_json(document: Any) -> ObjectRef:
    """Where an object of the cluster is."""
    return from_json(document, ObjectRef)


def record_to_row(record: UndoRecord) -> dict[str, Any]:
    """A record of the undo journal."""
    return {
        "run": record.run,
        "seq": record.seq,
        "at": record.at,
        "verb": record.verb,
        "ref": to_json(record.ref),
        "before": record.before,
        "after": record.after,
        "lost": list(record.lost),
        "workloads": to_json(record.workloads),
        "state": record.state,
        "note": record.note,
    }


def record_from_row(row: Row[Any]) -> UndoRecord:
    """A record of the undo journal."""
    return UndoRecord(
        run=RunId(row.run),
        seq=row.seq,
        at=row.at,
        verb=Verb(row.verb),
        ref=from_json(row.ref, ObjectRef),
        before=row.before,
        after=row.after,
        lost=tuple(row.lost),
        workloads=_portions(row.workloads),
        state=UndoState(row.state),
        note=row.note,
    )


def _portions(document: Any) -> dict[str, Portion] | None:
    return None if document is None else from_json(document, dict[str, Portion])
