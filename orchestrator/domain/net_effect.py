"""What all writes of a run together did to one object, and what is left to do about it.

    decide(effect, now) ──> Settled | PutBack | Remove | Recreate | Await

Decided from the journal and the object as it is now, so that it comes to the same wherever and
however often it is asked. It does not speak to the cluster.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from orchestrator.domain.undo import (
    ABSENT,
    Change,
    Difference,
    Document,
    ObjectRef,
    Path,
    UndoRecord,
    UndoState,
    Verb,
    changed_leaves,
    putting_back,
)

MARK: Final = re.compile(r"x-[0-9a-f]{8}")
"""The annotation by which an object that we created is known, though its uid never came back."""

_NEW_EACH_TIME: Final = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


_BINDING: Final = frozenset(
    {
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetEffect:
    """The writes to one object, summed up.

    Shape: created holds the uids and marks of what we made at its path; deleted is the
    object as it was when we took it away, None when we did not.
    """

    ref: ObjectRef
    records: tuple[UndoRecord, ...]
    existed: bool
    uid: str
    changes: Mapping[Path, Change]
    created: frozenset[str] = frozenset()
    deleted: Document | None = None

    @property
    def has_controller(self) -> bool:
        """Whether a controller owns the object, and replaces it when it is gone."""
        return any(has_controller(record.before) for record in self.records)

    @property
    def is_in_doubt(self) -> bool:
        """Whether a write may still be made: its answer never came, and its lock still fits.

        Only writes that are locked to a version of the object count. A create and the deletion
        of a pod are not, so a late one is seen by looking again and in no other way.
        """
        return any(
            record.state is UndoState.INTENT
            and (record.verb is Verb.CHANGE or (record.verb is Verb.DELETE and not self._is_pod))
            for record in self.records
        )

    @property
    def _is_pod(self) -> bool:
        return self.ref.kind == "pods"

    def made(self, now: Document) -> bool:
        """Whether the object there now is one that we created."""
        return bool(self.created & _names_of(now))


def has_controller(document: Document | None) -> bool:
    """Whether a controller owns the object."""
    owners = _metadata(document).get("ownerReferences") or ()
    return any(owner.get("controller") for owner in owners)


def is_leaving(document: Document) -> bool:
    """Whether the object is being deleted."""
    return bool(_metadata(document).get("deletionTimestamp"))


def uid_of(document: Document | None) -> str:
    """The uid of an object, empty when it has none."""
    return str(_metadata(document).get("uid") or "")


def _metadata(document: Document | None) -> Mapping[str, Any]:
    return (document or {}).get("metadata") or {}


def _names_of(document: Document) -> frozenset[str]:
    annotations = _metadata(document).get("annotations") or {}
    marks = {f"{key}={value}" for key, value in annotations.items() if MARK.fullmatch(key)}
    return frozenset(marks | {uid_of(document)} - {""})


def net_effects(records: Iterable[UndoRecord]) -> tuple[NetEffect, ...]:
    """The net effect on each object, the one touched last coming first.

    A write that was not made, or was put back, counts for nothing.
    """
    by_path: dict[str, list[UndoRecord]] = {}
    for record in records:
        if record.state is not UndoState.UNDONE:
            by_path.setdefault(record.ref.path, []).append(record)
    latest_first = sorted(by_path.values(), key=lambda group: group[-1].seq, reverse=True)
    return tuple(net_effect(group) for group in latest_first)


def net_effect(records: Sequence[UndoRecord]) -> NetEffect:
    """The net effect of the writes to one object, in the order made; at least one."""
    first = records[0]
    effect = NetEffect(
        ref=first.ref,
        records=tuple(records),
        existed=first.verb is not Verb.CREATE,
        uid=first.ref.uid or uid_of(first.before),
        changes={},
    )
    for record in records:
        effect = _after(effect, record)
    changes = {p: change for p, change in effect.changes.items() if change.ours != (change.was,)}
    return replace(effect, changes=changes)


def _after(effect: NetEffect, record: UndoRecord) -> NetEffect:
    match record.verb:
        case Verb.CREATE:
            return _after_create(effect, record)
        case Verb.CHANGE:
            changes = _with(effect.changes, record, record.before or {})
            return replace(effect, changes=changes)
        case Verb.DELETE | Verb.EVICT:
            return replace(effect, deleted=record.before)
        case Verb.EXEC:
            return effect


def _after_create(effect: NetEffect, record: UndoRecord) -> NetEffect:
    after = record.after or {}
    # The uid that a dry run promised belongs to nobody.
    is_made = record.state is not UndoState.INTENT
    names = _names_of(after) if is_made else _names_of(after) - {uid_of(after)}
    created = effect.created | names
    if effect.deleted is None:
        return replace(effect, created=created)
    changes = _with(effect.changes, record, effect.deleted)
    if is_made:
        return replace(effect, created=created, changes=changes, deleted=None, uid=uid_of(after))
    return replace(effect, created=created, changes=changes)


def _with(
    changes: Mapping[Path, Change], record: UndoRecord, before: Document
) -> Mapping[Path, Change]:
    """The changes with one more write, field by field.

    A value found before the write that was not ours is somebody else's, made in between:
    theirs is what to put back.
    """
    found = dict(changes)
    for path, (was, ours) in changed_leaves(before, record.after or {}).items():
        earlier = found.get(path)
        is_ours = earlier is not None and was in earlier.ours
        maybe = (was, ours) if record.state is UndoState.INTENT and is_ours else (ours,)
        found[path] = Change(was=earlier.was if earlier and is_ours else was, ours=maybe)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Nothing of ours is left; what others changed stays."""

    kept: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Fields still hold our values: a merge patch puts them back."""

    patch: Mapping[str, Any]
    kept: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """An object of ours is there: delete it by its uid."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recreate:
    """An object that we deleted is gone: make it anew."""

    document: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """The cluster is at it; there is nothing to write yet."""

    what: str


Decision: TypeAlias = Settled | PutBack | Remove | Recreate | Await


def decide(effect: NetEffect, now: Document | None) -> Decision:
    """What is left to do about one object, given what is there now; None when nothing is."""
    if not effect.existed:
        return _about_created(effect, now)
    if effect.deleted is None:
        return _about_changed(effect, now)
    return _about_deleted(effect, effect.deleted, now)


def _about_created(effect: NetEffect, now: Document | None) -> Decision:
    if now is None or not effect.made(now):
        return Settled()
    if is_leaving(now):
        return Await(what="is being deleted")
    return Remove(uid=uid_of(now))


def _about_changed(effect: NetEffect, now: Document | None) -> Decision:
    if now is not None and uid_of(now) == effect.uid:
        restoring = putting_back(key=effect.ref.key, changes=effect.changes, now=now)
        if restoring.patch and not is_leaving(now):
            return PutBack(patch=restoring.patch, kept=restoring.kept)
        return Settled(kept=restoring.kept)
    # With its object, our change is gone as well.
    if effect.has_controller or not effect.changes:
        return Settled()
    state = "deleted" if now is None else "another object of that name"
    return Settled(kept=(_gone(effect, state),))


def _about_deleted(effect: NetEffect, deleted: Document, now: Document | None) -> Decision:
    is_same = now is not None and uid_of(now) == uid_of(deleted)
    if is_same and now is not None and not is_leaving(now):
        return _about_changed(effect, now)
    if effect.has_controller:
        return Settled()
    if is_same:
        return Await(what="is being deleted before it is made anew")
    wanted = _as_before(effect, deleted)
    if now is None:
        return Recreate(document=wanted)
    return Settled(kept=_kept_of_another(effect, wanted, now))


def _kept_of_another(effect: NetEffect, wanted: Document, now: Document) -> tuple[Difference, ...]:
    """What an object that took the place of the one we deleted has otherwise than that one.

    Only what the deleted one had counts: a server adds defaults of its own.
    """
    differing = changed_leaves(wanted, now)
    return tuple(
        Difference(
            object=effect.ref.key,
            field=".".join(path),
            before=repr(was),
            ours="deleted",
            now=repr(current),
        )
        for path, (was, current) in differing.items()
        if was is not ABSENT
    )


def _as_before(effect: NetEffect, deleted: Document) -> Document:
    """The deleted object as it is to be made anew, with our own changes taken back."""
    back = putting_back(key=effect.ref.key, changes=effect.changes, now=deleted)
    whole = merged(deleted, back.patch)
    metadata = {k: v for k, v in whole["metadata"].items() if k not in _NEW_EACH_TIME}
    again = {**whole, "metadata": metadata}
    again.pop("status", None)
    if effect.ref.kind == "jobs":
        return _unbound(again)
    if effect.ref.kind == "pods" and isinstance(again.get("spec"), Mapping):
        again["spec"] = {k: v for k, v in again["spec"].items() if k != "nodeName"}
    return again


def _unbound(job: Document) -> Document:
    """A job without what ties it to the pods of the one that was deleted.

    An API server binds a job to its pods by its uid, and accepts no other binding.
    """
    spec = dict(job.get("spec") or {})
    if spec.get("manualSelector"):
        return job
    spec.pop("selector", None)
    template = dict(spec.get("template") or {})
    metadata = dict(template.get("metadata") or {})
    labels = metadata.get("labels") or {}
    metadata["labels"] = {k: v for k, v in labels.items() if k not in _BINDING}
    return {**job, "spec": {**spec, "template": {**template, "metadata": metadata}}}


def _gone(effect: NetEffect, state: str) -> Difference:
    return Difference(
        object=effect.ref.key,
        field=", ".join(".".join(path) for path in effect.changes),
        before=", ".join(repr(change.was) for change in effect.changes.values()),
        ours=", ".join(repr(change.ours[-1]) for change in effect.changes.values()),
        now=state,
    )


def merged(document: Document, patch: Mapping[str, Any]) -> dict[str, Any]:
    """A document with a JSON merge patch applied.

    Source: RFC 7396.
    """
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            inner = result.get(key)
            result[key] = merged(inner if isinstance(inner, Mapping) else {}, value)
        else:
            result[key] = value
    return result
