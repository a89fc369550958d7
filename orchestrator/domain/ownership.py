"""Who owns which fields of an object, as an API server keeps it in `metadata.managedFields`.

It reads such entries, cuts them and writes them anew; what is to be given back to whom is decided
in `giving_back`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from orchestrator.domain.undo import ABSENT, Document

Entry: TypeAlias = Mapping[str, Any]
"""One entry as an object carries it."""

Field: TypeAlias = tuple[str, ...]
"""The steps to an owned field as an entry has them: `f:spec`, `k:{"name":"main"}`, `v:"x"`."""

_ITSELF: Final = "."
"""Stands for a field that is owned beside fields in it."""
_STATUS: Final = "status"
_REPLICAS: Final = ("f:spec", "f:replicas")


class Owner(NamedTuple):
    """What tells one manager from another; one that applies is the same whatever the version."""

    manager: str
    operation: str
    version: str
    subresource: str

    @classmethod
    def of(cls, entry: Entry) -> "Owner":
        """Whose entry it is."""
        operation = str(entry.get("operation") or "")
        return cls(
            manager=str(entry.get("manager") or ""),
            operation=operation,
            version="" if operation == "Apply" else str(entry.get("apiVersion") or ""),
            subresource=str(entry.get("subresource") or ""),
        )


def entries_of(document: Document | None) -> list[Entry]:
    """The entries of an object, in its order."""
    found: Iterable[Entry] = ((document or {}).get("metadata") or {}).get("managedFields") or ()
    return list(found)


def with_entries(document: Document, entries: Iterable[Entry]) -> Document:
    """The object with these entries, and without any when there are none."""
    metadata = {k: v for k, v in (document.get("metadata") or {}).items() if k != "managedFields"}
    kept = [dict(each) for each in entries]
    return {**document, "metadata": metadata | ({"managedFields": kept} if kept else {})}


def fields_of(entry: Entry) -> frozenset[Field]:
    """The fields that an entry owns; none when it cannot be read."""
    tree = entry.get("fieldsV1")
    return frozenset(_fields(tree, ()) if isinstance(tree, Mapping) else ())


def _fields(tree: Mapping[str, Any], path: Field) -> Iterator[Field]:
    if path and not tree:
        yield path
    for step, inner in tree.items():
        if step == _ITSELF:
            yield path
        elif isinstance(inner, Mapping):
            yield from _fields(inner, (*path, step))


def owning(entry: Entry, fields: Set[Field]) -> Entry:
    """The entry of the same manager with these fields."""
    return {**entry, "fieldsV1": _tree(fields)}


def _tree(fields: Set[Field]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    nodes = []
    for field in sorted(fields):
        here = root
        for step in field:
            here = here.setdefault(step, {})
        nodes.append(here)
    for node in nodes:
        if node:
            node[_ITSELF] = {}
    return root


def value_of(document: Document | None, field: Field) -> Any:
    """The value of an owned field, or `ABSENT`; null is as good as absent."""
    here: Any = document
    for step in field:
        here = _inside(here, step)
        if here is None:
            return ABSENT
    return ABSENT if here is None else here


def _inside(here: Any, step: str) -> Any:
    kind, wanted = _read(step)
    if kind == "f":
        return here.get(wanted) if isinstance(here, Mapping) else None
    if not isinstance(here, list):
        return None
    match kind, wanted:
        case "k", dict():
            return next((each for each in here if _has(each, wanted)), None)
        case "v", _:
            return wanted if wanted in here else None
        case "i", int() if -1 < wanted < len(here):
            return here[wanted]
        case _:
            return None


@lru_cache(maxsize=4096)
def _read(step: str) -> tuple[str, Any]:
    """What kind of step it is, and the name, the keys, the value or the position that it names."""
    kind, _, name = step.partition(":")
    if kind == "f":
        return kind, name
    try:
        return kind, json.loads(name)
    except ValueError:
        return "", None


def _has(item: Any, wanted: Mapping[str, Any]) -> bool:
    return isinstance(item, Mapping) and all(item.get(k) == v for k, v in wanted.items())


def owners_by_field(document: Document | None) -> dict[Field, frozenset[Owner]]:
    """The owners of each field, but for what is said of the status, which is its controllers'."""
    found: dict[Field, set[Owner]] = {}
    for entry in entries_of(document):
        owner = Owner.of(entry)
        if owner.subresource == _STATUS:
            continue
        for field in fields_of(entry):
            if field[0] != f"f:{_STATUS}":
                found.setdefault(field, set()).add(owner)
    return {field: frozenset(owners) for field, owners in found.items()}


def involved(before: Document, after: Document) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """What a write between two versions of an object did to the owners of its fields.

    Shape: the entries of both, cut down to the fields whose value or owners differ.
    """
    old, new = owners_by_field(before), owners_by_field(after)
    touched = {
        field
        for field in old.keys() | new.keys()
        if old.get(field) != new.get(field) or value_of(before, field) != value_of(after, field)
    }
    return tuple(_cut(before, touched)), tuple(_cut(after, touched))


def _cut(document: Document, touched: Set[Field]) -> Iterator[Entry]:
    for entry in entries_of(document):
        if Owner.of(entry).subresource == _STATUS:
            continue
        if kept := fields_of(entry) & touched:
            yield owning(entry, kept)


def scaled(document: Document, entry: Entry) -> Document:
    """The object with that one as the only owner of its number of pods."""
    others = [
        owning(each, left)
        for each in entries_of(document)
        if (left := fields_of(each) - {_REPLICAS})
    ]
    return with_entries(document, [*others, owning(entry, {_REPLICAS})])
