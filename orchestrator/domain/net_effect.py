"""What all writes of a run together did to one object, summed up from the journal.

It does not say what is left to do about it; `deciding` does.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final

from orchestrator.domain.remade import MARK, leaves_between
from orchestrator.domain.undo import (
    ABSENT,
    Change,
    Document,
    ObjectRef,
    Path,
    UndoRecord,
    UndoState,
    Verb,
    added_maps,
    changed_leaves,
    putting_back,
    value_at,
)

_RENAMED: Final = frozenset({"pods", "replicasets", "jobs"})
"""Kinds in whose place a controller makes another under another name, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetEffect:
    """The writes to one object, summed up.

    Shape: created holds the uids and marks of what we made at its path; deleted is the
    object as it was when we took it away, None when we did not; origin is what we first took
    away and then made anew, and latest is the last that we made of it; added holds the maps in
    it that were not there before us; is_refused tells that the server took no patch of it.
    """

    ref: ObjectRef
    records: tuple[UndoRecord, ...]
    existed: bool
    uid: str
    changes: Mapping[Path, Change]
    added: frozenset[Path] = frozenset()
    created: frozenset[str] = frozenset()
    deleted: Document | None = None
    origin: Document | None = None
    latest: Document | None = None
    is_refused: bool = False

    @property
    def has_controller(self) -> bool:
        """Whether a controller owns the object, and replaces it when it is gone."""
        return any(has_controller(record.before) for record in self.records)

    @property
    def returns(self) -> bool:
        """Whether a controller that owns the object makes it anew under its own name."""
        is_evicted = any(record.verb is Verb.EVICT for record in self.records)
        return self.has_controller and self.ref.kind not in _RENAMED and not is_evicted

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

    def may_go_on(self, now: Document | None, *, seen: Set[str]) -> bool:
        """Whether a write may still be made that nothing locks, and of which nothing was seen.

        Shape: seen holds the marks of all that was found at the object's path so far.
        """
        intents = [each for each in self.records if each.state is UndoState.INTENT]
        return any(self._may_come(each, now, seen) for each in intents)

    def _may_come(self, intent: UndoRecord, now: Document | None, seen: Set[str]) -> bool:
        match intent.verb:
            case Verb.CREATE:
                is_free = not self.existed or (now is None and self.deleted is None)
                return is_free and not marks_of(intent.after) & seen
            case Verb.DELETE | Verb.EVICT:
                # A pod that has a controller is replaced, whenever it goes.
                is_there = now is not None and uid_of(now) == intent.ref.uid
                return self._is_pod and is_there and not self.has_controller
            case _:
                return False


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


def marks_of(document: Document | None) -> frozenset[str]:
    """The marks of an object that a run created."""
    annotations = _metadata(document).get("annotations") or {}
    return frozenset(f"{key}={value}" for key, value in annotations.items() if MARK.fullmatch(key))


def _names_of(document: Document) -> frozenset[str]:
    return marks_of(document) | {uid_of(document)} - {""}


def net_effects(records: Iterable[UndoRecord]) -> tuple[NetEffect, ...]:
    """The net effect on each object, the one touched last coming first.

    An object of which nothing is left to put back counts for nothing. Of any other all writes
    count that were made: an undo settles one after the other, and whoever goes on with it, after
    a kill or beside it, would take the last of them for all that happened.
    """
    by_path: dict[str, list[UndoRecord]] = {}
    for record in records:
        if record.was_made:
            by_path.setdefault(record.ref.path, []).append(record)
    left = [group for group in by_path.values() if any(map(_is_left, group))]
    latest_first = sorted(left, key=lambda group: group[-1].seq, reverse=True)
    return tuple(net_effect(group) for group in latest_first)


def _is_left(record: UndoRecord) -> bool:
    return record.state is not UndoState.UNDONE


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
    effect = _on_what_is_there(effect, record)
    match record.verb:
        case Verb.CREATE:
            return _after_create(effect, record)
        case Verb.CHANGE:
            leaves = changed_leaves(record.before or {}, record.after or {})
            return _with(effect, record, record.before or {}, leaves)
        case Verb.DELETE | Verb.EVICT if is_leaving(record.before or {}):
            # Somebody had deleted it already, or this run had.
            return effect
        case Verb.DELETE | Verb.EVICT:
            return replace(effect, deleted=_as_before_us(effect, record.before or {}))
        case Verb.EXEC:
            return effect


def _on_what_is_there(effect: NetEffect, record: UndoRecord) -> NetEffect:
    """The effect on the object that a write is about, which may be another than before.

    With the one that was there before, all that was done to that one is gone.
    """
    if record.verb in {Verb.CREATE, Verb.EXEC}:
        return effect
    if record.ref.uid in {"", effect.uid} or effect.made(record.before or {}):
        return effect
    return NetEffect(
        ref=effect.ref, records=effect.records, existed=True, uid=record.ref.uid, changes={}
    )


def _as_before_us(effect: NetEffect, deleted: Document) -> Document:
    """What we took away, with our own changes taken back.

    What is made in its place may hide them: it may have a field as it was before us.
    """
    key, changes, added = effect.ref.key, effect.changes, effect.added
    return merged(deleted, putting_back(key=key, changes=changes, added=added, now=deleted).patch)


def _after_create(effect: NetEffect, record: UndoRecord) -> NetEffect:
    after = record.after or {}
    # The uid that a dry run promised belongs to nobody.
    is_made = record.state is not UndoState.INTENT
    names = _names_of(after) if is_made else marks_of(after)
    created = replace(effect, created=effect.created | names)
    if effect.deleted is None:
        return created
    leaves = leaves_between(effect.ref.kind, effect.deleted, after)
    origin = effect.deleted if effect.origin is None else effect.origin
    changed = _with(replace(created, origin=origin), record, effect.deleted, leaves)
    return replace(changed, deleted=None, uid=uid_of(after)) if is_made else changed


def _with(
    effect: NetEffect,
    record: UndoRecord,
    before: Document,
    leaves: Mapping[Path, tuple[Any, Any]],
) -> NetEffect:
    """The effect with one more write, field by field.

    A value found before the write that was not ours is somebody else's, made in between:
    theirs is what to put back.
    """
    found = dict(effect.changes)
    for path, (was, ours) in leaves.items():
        is_added = path in effect.added
        earlier = found.get(path, Change(was=ABSENT, ours=({},)) if is_added else None)
        is_ours = earlier is not None and was in earlier.ours
        maybe = (was, ours) if record.state is UndoState.INTENT and is_ours else (ours,)
        found[path] = Change(was=earlier.was if earlier and is_ours else was, ours=maybe)
    were_there = {p for p, change in effect.changes.items() if isinstance(change.was, Mapping)}
    new = added_maps(before, leaves) - were_there
    added = new | _still_added(effect, record, before)
    return replace(effect, changes=found, added=added, latest=record.after)


def _still_added(effect: NetEffect, record: UndoRecord, before: Document) -> frozenset[Path]:
    """The maps of earlier writes that are still there: one that is made anew is another's."""
    # Whether an intent took a map away is not known.
    images = (before,) if record.state is UndoState.INTENT else (before, record.after or {})
    return frozenset(
        path
        for path in effect.added
        if all(isinstance(value_at(image, path), Mapping) for image in images)
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
