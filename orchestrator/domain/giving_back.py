"""Gives the fields that a run wrote back to those who owned them before.

    before each write ─┐
    after each write ──┼─> field by field: who owned it, who came by us ─> the entries wanted
    the object now ────┘

Decided from the journal and the object as it is now, once its fields are put back. It does not
decide about the fields themselves; `deciding` does.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.domain.ownership import (
    Entry,
    Field,
    Owner,
    entries_of,
    fields_of,
    owners_by_field,
    owning,
    value_of,
)
from orchestrator.domain.undo import ABSENT, Document, UndoRecord

_NOBODY: frozenset[Owner] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a run did to the owners of one field.

    Shape: was is the value before; ours holds each value that may be ours; owners are those
    before a write of ours, added those who came by one.
    """

    was: Any
    ours: tuple[Any, ...] = ()
    owners: frozenset[Owner] = _NOBODY
    added: frozenset[Owner] = _NOBODY


def entries_wanted(
    records: Sequence[UndoRecord], now: Document, *, earlier: Document | None, us: str
) -> list[Entry] | None:
    """The entries that the object is to have; None when it has them.

    An owner that a write of ours did not bring in keeps all that it has. A field that holds
    another value than before is of whoever wrote it since.

    Shape: us is the manager that puts back; earlier is the object before it did so, if known.
    """
    holdings = _holdings(records)
    now_owned = owners_by_field(now)
    inner = _inner([*now_owned, *holdings])
    wanted: dict[Owner, set[Field]] = {
        Owner.of(each): set(fields_of(each)) for each in entries_of(now)
    }
    for owner in wanted:
        if owner.manager == us:
            wanted[owner] = set()
    for field, holding in holdings.items():
        _give_back(field, holding, value_of(now, field), field in inner, wanted)
    taken = {field for field, owners in now_owned.items() if _is_of(us, owners)}
    for field, owners in owners_by_field(earlier).items():
        if field in taken:
            _give(field, _others(owners, holdings.get(field), us), wanted)
    return _entries(wanted, now, [*_known(records), *entries_of(earlier)])


def _give_back(
    field: Field, holding: Holding, value: Any, is_outer: bool, wanted: dict[Owner, set[Field]]
) -> None:
    # What holds owned fields is as before when it is there; what is in it speaks for itself.
    is_same = ABSENT not in (value, holding.was) if is_outer else value == holding.was
    if is_outer or value in (ABSENT, holding.was, *holding.ours):
        for owner in holding.added:
            wanted.get(owner, set()).discard(field)
    if is_same and value is not ABSENT:
        _give(field, holding.owners, wanted)


def _give(field: Field, owners: Iterable[Owner], wanted: dict[Owner, set[Field]]) -> None:
    for owner in owners:
        wanted.setdefault(owner, set()).add(field)


def _others(owners: frozenset[Owner], holding: Holding | None, us: str) -> frozenset[Owner]:
    added = _NOBODY if holding is None else holding.added
    return frozenset(each for each in owners - added if each.manager != us)


def _is_of(manager: str, owners: Iterable[Owner]) -> bool:
    return any(owner.manager == manager for owner in owners)


def is_of(manager: str, document: Document) -> bool:
    """Whether a manager owns anything of an object."""
    return _is_of(manager, map(Owner.of, entries_of(document)))


def _holdings(records: Iterable[UndoRecord]) -> dict[Field, Holding]:
    found: dict[Field, Holding] = {}
    for record in records:
        old, new = owners_by_field(record.before), owners_by_field(record.after)
        inner = _inner([*old, *new])
        for field in old.keys() | new.keys():
            was = value_of(record.before, field)
            known = found.get(field)
            if known is None or (field not in inner and was not in (known.was, *known.ours)):
                # A value that is not ours is somebody else's, made in between: so are its owners.
                known = Holding(was=was)
            had, have = old.get(field, _NOBODY), new.get(field, _NOBODY)
            owners = known.owners | (had - known.added)
            found[field] = replace(
                known,
                ours=(*known.ours, value_of(record.after, field)),
                owners=owners,
                added=known.added | (have - owners),
            )
    return found


def _inner(fields: Iterable[Field]) -> frozenset[Field]:
    """The fields that hold others of these."""
    return frozenset(field[:end] for field in fields for end in range(1, len(field)))


def _known(records: Iterable[UndoRecord]) -> list[Entry]:
    return [entry for record in records for entry in entries_of(record.before)]


def _entries(
    wanted: Mapping[Owner, Set[Field]], now: Document, known: Iterable[Entry]
) -> list[Entry] | None:
    present = {Owner.of(each): each for each in entries_of(now)}
    if all(fields_of(present.get(owner, {})) == fields for owner, fields in wanted.items()):
        return None
    first: dict[Owner, Entry] = {}
    for each in known:
        first.setdefault(Owner.of(each), each)
    return [
        entry if fields_of(entry) == fields else owning(entry, fields)
        for owner, fields in wanted.items()
        if (entry := present.get(owner) or first[owner]) and (fields or not fields_of(entry))
    ]
