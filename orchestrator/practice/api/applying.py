"""Server-side apply: a manager's configuration merged into an object by the types of its fields.

A manager that sets another value than the one somebody else set is in conflict with them, and a
field that it no longer sets goes, unless somebody else owns it. Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from orchestrator.practice.api import fields
from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.fields import Path
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.ownership import APPLY, Entry, capped, encoded, managed_by, relieved
from orchestrator.practice.api.schema import ANY, Node, Type, type_of
from orchestrator.practice.api.statuses import ApiError

Object = dict[str, Any]
_KUBECTL: Final = "kubectl"
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_Clash = tuple[Entry, Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One manager's wish about one object."""

    kind: Kind
    configuration: Object
    manager: str
    subresource: str = ""
    force: bool = False
    at: datetime


def applied(wish: Application, old: Object | None, name: str) -> Object:
    """The object as a manager wants it, with what it owns recorded.

    Raises: ApiError: 409, the manager wants another value for a field that others own.
    """
    base = old or {"metadata": {"name": name}}
    entries = [Entry.of(raw) for raw in base["metadata"].get("managedFields", [])]
    mine = _entry(wish)
    before = next((entry for entry in entries if entry.identity == mine.identity), None)
    others = [entry for entry in entries if entry is not before]
    merged = merge(base, wish.configuration, wish.kind.schema)
    merged = _pruned(merged, before, [*others, mine])
    difference = fields.Difference(base, merged, type_of(wish.kind.schema))
    clashes = list(_clashes(others, difference))
    if clashes and not wish.force:
        clashes = _unexplained(wish, base, clashes)
        if clashes:
            raise _conflict(clashes)
    if before and before.json == mine.json and not (difference.changed or difference.removed):
        mine = before
    others = [relieved(entry, difference) for entry in others]
    raws = [entry.raw() for entry in capped([*others, mine])]
    return managed_by(_noted(wish, merged), raws)


def _entry(wish: Application) -> Entry:
    owned = fields.named_in(wish.configuration, type_of(wish.kind.schema))
    return Entry(
        manager=wish.manager, operation=APPLY, version=wish.kind.api_version,
        time=stamp(wish.at), subresource=wish.subresource, json=encoded(owned),
    )  # fmt: skip


# Conflicts


def _clashes(others: list[Entry], difference: fields.Difference) -> Iterator[_Clash]:
    changed = set(fields.members(difference.changed))
    if not changed:
        return
    for entry in sorted(others, key=lambda entry: entry.identity):
        for path in fields.members(entry.owned):
            if path in changed:
                yield entry, path


def _unexplained(wish: Application, base: Object, clashes: list[_Clash]) -> list[_Clash]:
    """The conflicts that do not come from kubectl's having applied the object by itself before.

    Source: Kubernetes' rules for upgrading from client-side to server-side apply.
    """
    text = base["metadata"].get("annotations", {}).get(LAST_APPLIED)
    if wish.manager != _KUBECTL or not text:
        return clashes
    try:
        former = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return clashes
    root = type_of(wish.kind.schema)
    own = {
        path for path in fields.members(fields.named_in(former, root))
        if fields.read(former, path) == fields.read(base, path)
    }  # fmt: skip
    return [(entry, path) for entry, path in clashes if path not in own]


def _conflict(clashes: list[_Clash]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {entry}",
            "field": fields.dotted(path),
        }
        for entry, path in clashes
    ]
    if len(clashes) == 1:
        told = f"1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        told = f"{len(clashes)} conflicts: " + "\n".join(_listed(clashes))
    return ApiError(409, "Conflict", f"Apply failed with {told}", details={"causes": causes})


def _listed(clashes: list[_Clash]) -> Iterator[str]:
    named = ""
    for entry, path in clashes:
        if str(entry) != named:
            named = str(entry)
            yield f"conflicts with {named}:"
        yield f"- {fields.dotted(path)}"


def _noted(wish: Application, merged: Object) -> Object:
    """The object with the annotation that `kubectl apply` without server keeps, kept as well."""
    annotations = merged["metadata"].get("annotations", {})
    if wish.manager != _KUBECTL or LAST_APPLIED not in annotations:
        return merged
    metadata = dict(wish.configuration.get("metadata", {}))
    own = {k: v for k, v in metadata.get("annotations", {}).items() if k != LAST_APPLIED}
    metadata.pop("annotations", None)
    if own:
        metadata["annotations"] = own
    document = {**wish.configuration, "metadata": metadata}
    text = msgspec.json.encode(document, order="sorted").decode() + "\n"
    noted = {**merged["metadata"], "annotations": {**annotations, LAST_APPLIED: text}}
    return {**merged, "metadata": noted}


# Fields that are no longer applied


def _pruned(merged: Object, before: Entry | None, owners: list[Entry]) -> Object:
    """The object without what this manager applied before and nobody owns now."""
    if before is None:
        return merged
    owned = {
        path[:length] for entry in owners for path in fields.members(entry.owned)
        for length in range(1, len(path) + 1)
    }  # fmt: skip
    # Everything has metadata: its name is in it, which nobody owns.
    owned.add(("f:metadata",))
    gone = {_widest(path, owned) for path in fields.members(before.owned) if path not in owned}
    for path in sorted(gone):
        merged = fields.removed(merged, path)
    return merged


def _widest(path: Path, owned: set[Path]) -> Path:
    """The outermost field around a path in which nobody owns anything."""
    lengths = range(1, len(path))
    return next((path[:length] for length in lengths if path[:length] not in owned), path)


# Merging


def merge(document: Object, configuration: Object, name: str) -> Object:
    """The document with every field that the configuration names set to what it says."""
    return _merge_object(document, configuration, type_of(name))


def _merge_object(document: Object, configuration: Object, kind: Type | None) -> Object:
    merged = dict(document)
    for key, value in configuration.items():
        node = (kind.fields.get(key) if kind else None) or ANY
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge_value(merged.get(key), value, node)
    return merged


def _merge_value(current: Any, value: Any, node: Node) -> Any:
    """One field merged: objects and maps by key, lists by their type, all else replaced."""
    if fields.is_whole(value, node):
        return value
    if isinstance(value, list):
        return _merge_list(current if isinstance(current, list) else [], value, node)
    base = current if isinstance(current, dict) else {}
    if node.refers:
        return _merge_object(base, value, node.type)
    item = node.item or ANY
    return base | {key: _merge_value(base.get(key), entry, item) for key, entry in value.items()}


def _merge_list(current: list[Any], value: list[Any], node: Node) -> list[Any]:
    if not node.keys:
        return current + [item for item in value if item not in current]
    merged = list(current)
    for item in value:
        identity = fields.item_key(item, node)
        for index, entry in enumerate(merged):
            if fields.item_key(entry, node) == identity:
                merged[index] = _merge_value(entry, item, node.item or ANY)
                break
        else:
            merged.append(item)
    return merged
