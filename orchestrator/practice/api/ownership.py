"""Which manager set which fields, as `managedFields` records it.

It records; what an applied configuration makes of an object is decided in `applying`. Sets are
kept as JSON, because they are sent much more often than they change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from orchestrator.practice.api import fields
from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.schema import ANY, Node, type_of

Object = dict[str, Any]
UPDATE: Final = "Update"
APPLY: Final = "Apply"
_ANCIENT: Final = "ancient-changes"
_MOST_UPDATERS: Final = 10
_REMEMBERED_BYTES: Final = 16_384
_NOTHING: Final = b"{}"
encoded: Final = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Author:
    """Who makes a change, and through which subresource."""

    manager: str
    subresource: str = ""
    is_recorded: bool = True
    """Whether the change is still to be entered into `managedFields`."""


CONTROLLERS: Final = Author("kube-controller-manager")
CONTROLLERS_OF_STATUS: Final = Author("kube-controller-manager", "status")
SERVER: Final = Author("kube-apiserver")
SCHEDULER_OF_STATUS: Final = Author("kube-scheduler", "status")
SYSTEM: Final = Author("", is_recorded=False)


class Entry(NamedTuple):
    """The fields of one manager, as JSON until somebody has to look into them."""

    manager: str
    operation: str
    version: str
    time: str
    json: bytes
    subresource: str = ""

    @classmethod
    def of(cls, raw: Object) -> Entry:
        """The entry that an object carries."""
        return cls(
            manager=raw.get("manager", ""),
            operation=raw.get("operation", ""),
            version=raw.get("apiVersion", ""),
            time=raw.get("time", ""),
            subresource=raw.get("subresource", ""),
            json=bytes(_packed(raw)["fieldsV1"]),
        )

    @property
    def owned(self) -> Object:
        """The set of fields."""
        owned: Object = msgspec.json.decode(self.json)
        return owned

    @property
    def is_empty(self) -> bool:
        """Whether nothing is owned."""
        return self.json == _NOTHING

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells a manager from others; those who apply do so whatever the version."""
        version = "" if self.operation == APPLY else self.version
        return self.operation, self.manager, version, self.subresource

    @property
    def order(self) -> tuple[str, ...]:
        """Where the entry stands among others."""
        return self.operation, self.time, self.manager, self.version, self.subresource

    def holding(self, owned: Object) -> Entry:
        """The same manager with other fields."""
        return self._replace(json=encoded(owned))

    def raw(self) -> Object:
        """The entry as an object carries it; objects that have the same share it."""
        return _raw(self)

    def __str__(self) -> str:
        """The manager as a conflict names it."""
        named = msgspec.json.encode(self.manager).decode()
        if self.subresource:
            named += f' with subresource "{self.subresource}"'
        return named if self.operation == APPLY else f"{named} using {self.version}"


@lru_cache(maxsize=1024)
def _raw(entry: Entry) -> Object:
    raw = {
        "manager": entry.manager, "operation": entry.operation, "apiVersion": entry.version,
        "time": entry.time, "fieldsType": "FieldsV1", "fieldsV1": msgspec.Raw(entry.json),
    }  # fmt: skip
    return raw | {"subresource": entry.subresource} if entry.subresource else raw


def recorded_creation(new: Object, kind: Kind, author: Author, at: datetime) -> Object:
    """A new object that says who made it."""
    if not author.is_recorded:
        return new
    body = {key: value for key, value in new.items() if key != "status" or not kind.has_status}
    given = _chosen(new, {})
    if given:
        difference = fields.Difference({}, body, type_of(kind.schema))
        mine = _entry(kind, author, at, encoded(difference.changed))
        return _entered(new, difference, given, mine)
    mine = _entry(kind, author, at, _created(kind, body))
    if mine.is_empty:
        return managed_by(new, [])
    return {**new, "metadata": {**new["metadata"], "managedFields": [mine.raw()]}}


def _created(kind: Kind, body: Object) -> bytes:
    """The fields of a new object; objects made from one template have them all in common."""
    declared = type_of(kind.schema).fields
    shape = {key: _outline(value, declared.get(key, ANY)) for key, value in body.items()}
    shape["metadata"] = {k: v for k, v in body["metadata"].items() if k not in _OF_ONE}
    raw = msgspec.json.encode(shape)
    if kind.is_custom or len(raw) > _REMEMBERED_BYTES:
        return _added(kind.schema, raw)
    return _added_before(kind.schema, raw)


def _outline(value: Any, node: Node) -> Any:
    """What stands for a value where only its form decides who owns what."""
    return True if value and fields.is_whole(value, node) else value


_OF_ONE: Final = {"name", "uid", "creationTimestamp", "managedFields", "namespace", "generation"}


def _added(schema: str, raw: bytes) -> bytes:
    difference = fields.Difference({}, msgspec.json.decode(raw), type_of(schema))
    return encoded(difference.changed)


_added_before: Final = lru_cache(maxsize=512)(_added)


def recorded_change(new: Object, old: Object, kind: Kind, author: Author, at: datetime) -> Object:
    """A changed object that says who changed what.

    The manager owns what it changed, and nobody else does any more.
    """
    if not author.is_recorded:
        return new
    given = _chosen(new, old, live=bool(author.subresource))
    difference = fields.Difference(old, new, type_of(kind.schema))
    if not difference.changed and not difference.removed:
        return managed_by(new, given)
    mine = _entry(kind, author, at, encoded(difference.changed))
    return _entered(new, difference, given, mine)


def _chosen(new: Object, old: Object, *, live: bool = False) -> list[Object]:
    """The entries to go on from: the client's own, where it sent some that make sense."""
    before: list[Object] = old.get("metadata", {}).get("managedFields", [])
    given = new["metadata"].get("managedFields", before)
    if live or given is before or not given:
        return before
    if given == [{}]:
        return []
    if not all(_makes_sense(entry) for entry in given):
        return before
    # In the form that is stored, so that the same entries are no change.
    return [_packed(entry) for entry in given]


def _makes_sense(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.get("operation") in {APPLY, UPDATE}
        and entry.get("fieldsType") == "FieldsV1"
        and isinstance(entry.get("fieldsV1", {}), dict | msgspec.Raw)
    )


def _entered(
    new: Object, difference: fields.Difference, given: list[Object], mine: Entry
) -> Object:
    entries = [Entry.of(raw) for raw in given]
    others = [relieved(entry, difference) for entry in entries if entry.identity != mine.identity]
    for entry in entries:
        if entry.identity == mine.identity:
            mine = _extended(entry, mine, difference)
    return managed_by(new, [entry.raw() for entry in capped([*others, mine])])


def _entry(kind: Kind, author: Author, at: datetime, json: bytes) -> Entry:
    return Entry(
        manager=author.manager, operation=UPDATE, version=kind.api_version, time=stamp(at),
        subresource=author.subresource, json=json,
    )  # fmt: skip


def _extended(before: Entry, now: Entry, difference: fields.Difference) -> Entry:
    """What a manager owns after one more change; its time is that of the last field it took."""
    kept = before.owned
    for path in difference.removed:
        kept = fields.cut(kept, path)
    if now.is_empty:
        return before.holding(kept)
    return now.holding(fields.all_of(kept, difference.changed))


def relieved(entry: Entry, difference: fields.Difference) -> Entry:
    """A manager's entry after somebody else changed an object."""
    if not any(encoded(part) in entry.json for part in difference.touched):
        return entry
    owned = entry.owned
    for path in difference.removed:
        owned = fields.cut(owned, path)
    for path in fields.members(difference.changed):
        owned = fields.without(owned, path)
    return entry.holding(owned)


def capped(entries: Iterable[Entry]) -> list[Entry]:
    """The entries in order, the oldest updates put together where there are too many."""
    ordered = sorted(
        (entry for entry in entries if not entry.is_empty), key=lambda entry: entry.order
    )
    updates = [entry for entry in ordered if entry.operation == UPDATE]
    if len(updates) <= _MOST_UPDATERS:
        return ordered
    oldest = updates[: len(updates) - _MOST_UPDATERS + 1]
    kept = [entry for entry in ordered if entry not in oldest]
    return sorted([*_put_together(oldest), *kept], key=lambda entry: entry.order)


def _put_together(entries: Iterable[Entry]) -> Iterable[Entry]:
    """One entry per version that owns what these own."""
    merged: dict[tuple[str, ...], Entry] = {}
    for entry in entries:
        ancient = entry._replace(manager=_ANCIENT, subresource="")
        before = merged.get(ancient.identity)
        if before:
            ancient = ancient.holding(fields.all_of(before.owned, ancient.owned))
        merged[ancient.identity] = ancient
    return merged.values()


def managed_by(obj: Object, entries: list[Object]) -> Object:
    """An object with these entries, in the form that is stored."""
    metadata = obj["metadata"]
    if metadata.get("managedFields") is entries or (
        not entries and "managedFields" not in metadata
    ):
        return obj
    metadata = {key: value for key, value in metadata.items() if key != "managedFields"}
    if entries:
        metadata["managedFields"] = [_packed(entry) for entry in entries]
    return {**obj, "metadata": metadata}


def _packed(entry: Object) -> Object:
    owned = entry.get("fieldsV1", {})
    if isinstance(owned, msgspec.Raw):
        return entry
    return {**entry, "fieldsV1": msgspec.Raw(encoded(owned))}
