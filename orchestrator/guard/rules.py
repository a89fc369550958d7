"""Rules about what a write does to its object, beside the limits of the run.

A write that could not be put back, or that would gain powers over the cluster, is refused
whatever the plan says. Where a write may lie and how much it may take is the blast radius's to
say.
"""

from collections.abc import Iterable
from typing import Final

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.deciding import Recreate, decide
from orchestrator.domain.net_effect import NetEffect, marks_of
from orchestrator.domain.remade import is_mark, leaves_between
from orchestrator.domain.undo import Change, Document, Path, UndoRecord, Verb, value_at
from orchestrator.guard.drafting import Draft
from orchestrator.guard.kinds import Expansion
from orchestrator.guard.outside import gives_up
from orchestrator.guard.powers import asked_for, powers_of

_ANNOTATIONS: Final[Path] = ("metadata", "annotations")
_REVISION: Final[Path] = (*_ANNOTATIONS, "deployment.kubernetes.io/revision")
_APPLIED: Final[Path] = (*_ANNOTATIONS, "kubectl.kubernetes.io/last-applied-configuration")
"""What a client notes of its own file: it differs between two ways to make the same object."""
_TAKEN_OFF: Final = frozenset(
    {
        "foregroundDeletion",
        "orphan",
        "batch.kubernetes.io/job-tracking",
        "service.kubernetes.io/load-balancer-cleanup",
    }
)
"""Finalizers that the cluster's own controllers take off, and soon."""
_UNDOES: Final = "undoes"
"""Marks a command of the rollbacks in the journal; no request has a parameter of that name."""


def never(draft: Draft) -> Denied | None:
    """Why no run may make this write; None when one might."""
    return _fields(draft) or _finalizers(draft) or _privileges(draft) or gives_up(draft)


def _finalizers(draft: Draft) -> Denied | None:
    """An object that goes only when somebody takes a finalizer off is neither made nor deleted."""
    if draft.verb is Verb.CREATE and draft.call.kind.expansion is not Expansion.CHAOS:
        return _made_to_stay(draft)
    # What a run made, it made without one; whoever put one on it since takes it off.
    is_own = bool(marks_of(draft.before))
    if draft.verb not in {Verb.DELETE, Verb.EVICT} or is_own or draft.call.kind.is_carrier:
        return None
    held = set(((draft.before or {}).get("metadata") or {}).get("finalizers") or ())
    if unknown := sorted(held - _TAKEN_OFF):
        return Denied(
            rule="finalizers",
            reason=f"it has the finalizer {unknown[0]}: what that frees would be lost, and nothing"
            " says that it is ever taken off, so that the object could be made anew;"
            " choose another",
        )
    return None


def _made_to_stay(draft: Draft) -> Denied | None:
    if not ((draft.call.body or {}).get("metadata") or {}).get("finalizers"):
        return None
    return Denied(
        rule="finalizers",
        reason="an object that is created with metadata.finalizers may never go again;"
        " leave them out",
    )


def _fields(draft: Draft) -> Denied | None:
    for path in draft.changes:
        if not any(path[: len(allowed)] == allowed for allowed in draft.call.kind.fields):
            return Denied(
                rule="fields",
                reason=f"{'.'.join(path)} is no field that can be changed and safely put back",
            )
    if draft.before is not None and draft.after is not None:
        before, after = (value_at(each, _REVISION) for each in (draft.before, draft.after))
        if before != after:
            return Denied(rule="fields", reason=f"{'.'.join(_REVISION)} is its controller's")
    return None


def _privileges(draft: Draft) -> Denied | None:
    if draft.after is None:
        return None
    kind, after = draft.ref.kind, powers_of(draft.ref.kind, draft.after)
    if draft.verb is Verb.CREATE:
        after |= asked_for(kind, draft.outgoing.body or {})
    if gained := after - powers_of(kind, draft.before or {}):
        return Denied(
            rule="privileges",
            reason=f"it would give what was not given before: {min(gained)}; leave that out",
        )
    return None


def not_ours(draft: Draft, effect: NetEffect | None) -> Denied | None:
    """Why a write may not be made while the run rolls back; None when it may.

    Then only what the run itself did may be written, as far as nobody else has changed it.
    """
    if effect is None:
        return Denied(rule="rollback", reason="this run has not changed it, so has nothing to undo")
    match draft.verb:
        case Verb.EVICT:
            return Denied(rule="rollback", reason="an eviction undoes nothing")
        case Verb.EXEC if not any(each.verb is Verb.EXEC for each in effect.records):
            return Denied(rule="rollback", reason="this run has not run a command in it")
        case Verb.DELETE if not effect.made(draft.document):
            return Denied(rule="rollback", reason="this run did not create it")
        case Verb.CREATE if effect.deleted is None:
            return Denied(rule="rollback", reason="this run did not delete it")
        case Verb.CHANGE if not effect.made(draft.document):
            return _changed_by_others(draft, effect)
        case _:
            return None


def not_back(draft: Draft, effect: NetEffect | None) -> Denied | None:
    """Why a change or a create may not be made while the run rolls back; None when it may.

    The next action of a method that was stopped may be about the same field, or about what the
    run itself made; that one is taken away, and not changed.
    """
    if draft.verb is Verb.CREATE and effect is not None:
        return _not_made_anew(draft, effect)
    if draft.verb is not Verb.CHANGE or draft.changes_nothing or effect is None:
        return None
    if effect.made(draft.document):
        return Denied(rule="rollback", reason="this run made it: delete it, and change nothing")
    for path, change in effect.changes.items():
        is_meant = any(_overlap(path, each) for each in draft.changes)
        if is_meant and value_at(draft.after or {}, path) != change.was:
            return Denied(rule="rollback", reason=f"{'.'.join(path)} would not be as it was")
    return None


def _not_made_anew(draft: Draft, effect: NetEffect) -> Denied | None:
    """Why an object is not the one that the run deleted; None when the undo would make the same."""
    decision = decide(effect, None)
    if not isinstance(decision, Recreate):
        return Denied(rule="rollback", reason="this run need not make it anew")
    for path in leaves_between(draft.ref.kind, decision.document, draft.after or {}):
        if not is_mark(path) and path != _APPLIED:
            return Denied(rule="rollback", reason=f"{'.'.join(path)} would not be as it was")
    return None


def repeats(draft: Draft, records: Iterable[UndoRecord]) -> Denied | None:
    """Why a command may not be run while the run rolls back; None when it may.

    A method that was stopped goes on until its runner hears of it: what it ran, or tried to, is
    no rollback, in whichever pod and with whatever options.
    """
    if draft.verb is not Verb.EXEC:
        return None
    commands = (each for each in records if each.verb is Verb.EXEC)
    run_by_method = (each.after or {} for each in commands if not is_of_rollbacks(each))
    words = draft.call.body["command"]
    if any(each.get("command") == words for each in run_by_method):
        return Denied(
            rule="rollback", reason="the method ran that very command, so it undoes nothing"
        )
    return None


def is_of_rollbacks(record: UndoRecord) -> bool:
    """Whether a command in the journal was one of the rollbacks'."""
    return bool((record.after or {}).get(_UNDOES))


def command_run(draft: Draft, *, undoes: bool) -> Document:
    """A command as the journal keeps it: with whether it is one of the rollbacks'."""
    body: Document = draft.call.body
    return {**body, _UNDOES: True} if undoes else body


def _changed_by_others(draft: Draft, effect: NetEffect) -> Denied | None:
    for path in draft.changes:
        ours = [(each, c) for each, c in effect.changes.items() if _overlap(each, path)]
        field = ".".join(path)
        if not ours:
            return Denied(rule="rollback", reason=f"this run has not changed {field}")
        if not all(_holds(draft.document, each, change) for each, change in ours):
            return Denied(rule="rollback", reason=f"{field} was changed by others meanwhile")
    return None


def _overlap(one: Path, other: Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _holds(document: Document, path: Path, change: Change) -> bool:
    return value_at(document, path) in change.ours


def puts_back(draft: Draft, effect: NetEffect | None) -> bool:
    """Whether a write does nothing but restore what was there before the run."""
    if effect is None:
        return False
    if draft.verb is Verb.DELETE:
        return effect.made(draft.document)
    return draft.verb is Verb.CHANGE and all(
        path in effect.changes and after == effect.changes[path].was
        for path, (_, after) in draft.changes.items()
    )


def removes_own(draft: Draft, effect: NetEffect | None) -> bool:
    """Whether a write takes away nothing but what the run itself made."""
    return draft.verb is Verb.DELETE and effect is not None and effect.made(draft.document)


def not_carried(draft: Draft, effect: NetEffect | None) -> Denied | None:
    """Why a write may not touch something that carries a fault; None when it may.

    A client that was told that its object exists already may take another's for its own.
    """
    is_own = effect is not None and effect.made(draft.document)
    if draft.verb is Verb.CREATE or not draft.call.kind.is_carrier or is_own:
        return None
    return Denied(
        rule="own", reason="this run did not make it, and only what it made may it change or delete"
    )
