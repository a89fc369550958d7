"""Which manager applied which fields, as `managedFields` records it.

Only managers that apply are recorded. Fields that a manager stops applying are removed, unless
another manager applied them too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.schema import ANY, Node, Type, type_of
from orchestrator.practice.api.statuses import ApiError

Object = dict[str, Any]
Path = tuple[str, ...]
_UNOWNED: Final = {"apiVersion", "kind"}
_UNOWNED_METADATA: Final = {
    "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation",
    "managedFields", "selfLink",
}  # fmt: skip


def record_apply(
    merged: Object,
    old: Object | None,
    configuration: Object,
    kind: Kind,
    *,
    manager: str,
    force: bool,
    subresource: str,
    at: datetime,
) -> Object:
    """The merged object with the manager's fields recorded and its former fields removed.

    Raises: ApiError: 409, another manager applied one of the fields with another value.
    """
    root = type_of(kind.schema)
    fields = fields_of(configuration, root)
    entries = (old or {}).get("metadata", {}).get("managedFields", [])
    mine = [entry for entry in entries if _is_by(entry, manager, subresource)]
    others = [entry for entry in entries if not _is_by(entry, manager, subresource)]
    if old is not None:
        clashing = set(_conflicts(old, merged, fields, others))
        if clashing and not force:
            raise _refusal(clashing)
        others = [_without(entry, {path for path, _ in clashing}) for entry in others]
        merged = _abandon(merged, mine, fields, others)
    entry = {
        "manager": manager, "operation": "Apply", "apiVersion": kind.api_version,
        "time": stamp(at), "fieldsType": "FieldsV1", "fieldsV1": fields,
    }  # fmt: skip
    if subresource:
        entry["subresource"] = subresource
    if mine and mine[0].get("fieldsV1") == fields:
        entry["time"] = mine[0]["time"]
    kept = [other for other in others if other.get("fieldsV1")]
    metadata = {**merged.get("metadata", {}), "managedFields": [*kept, entry]}
    return {**merged, "metadata": metadata}


def _is_by(entry: Object, manager: str, subresource: str) -> bool:
    return (
        entry.get("manager") == manager
        and entry.get("operation") == "Apply"
        and entry.get("subresource", "") == subresource
    )


def fields_of(configuration: Object, root: Type) -> Object:
    """The set of fields that a configuration names, in the form of FieldsV1."""
    fields: Object = {}
    for key, value in configuration.items():
        if key in _UNOWNED:
            continue
        node = root.fields.get(key, ANY)
        found = _fields_of(value, node)
        if key == "metadata":
            found = {
                name: item for name, item in found.items() if name[2:] not in _UNOWNED_METADATA
            }
            if not found:
                continue
        fields[f"f:{key}"] = found
    return fields


def _fields_of(value: Any, node: Node) -> Object:
    if isinstance(value, dict) and (node.refers or node.name == "map"):
        kind = node.type
        return {
            f"f:{key}": _fields_of(item, (kind.fields.get(key, ANY) if kind else node.item) or ANY)
            for key, item in value.items()
        }
    if isinstance(value, list) and node.keys:
        return {
            _item_key(item, node): {".": {}, **_fields_of(item, node.item or ANY)}
            for item in value
            if isinstance(item, dict)
        }
    if isinstance(value, list) and node.keys == ():
        return {f"v:{msgspec.json.encode(item).decode()}": {} for item in value}
    return {}


def _item_key(item: Object, node: Node) -> str:
    defaults = {"protocol": "TCP"}
    key = {name: item.get(name, defaults.get(name)) for name in node.keys or ()}
    return f"k:{msgspec.json.encode(key).decode()}"


def paths_of(fields: Object, prefix: Path = ()) -> Iterator[Path]:
    """The leaves of a set of fields."""
    for key, inner in fields.items():
        if key == ".":
            continue
        if any(name != "." for name in inner):
            yield from paths_of(inner, (*prefix, key))
        else:
            yield (*prefix, key)


def _conflicts(
    old: Object, merged: Object, fields: Object, others: list[Object]
) -> Iterator[tuple[Path, str]]:
    mine = list(paths_of(fields))
    for entry in others:
        theirs = set(paths_of(entry.get("fieldsV1", {})))
        for path in mine:
            if path in theirs and _read(old, path) != _read(merged, path):
                yield path, entry.get("manager", "")


def _refusal(clashing: set[tuple[Path, str]]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}"',
            "field": _dotted(path),
        }
        for path, manager in sorted(clashing)
    ]
    count = len(causes)
    noun = "conflict" if count == 1 else "conflicts"
    first = causes[0]
    listed = f"{first['message']}: {first['field']}" if count == 1 else "\n".join(
        ["conflicts:", *(f"- {cause['message']}: {cause['field']}" for cause in causes)]
    )  # fmt: skip
    return ApiError(
        409, "Conflict", f"Apply failed with {count} {noun}: {listed}", details={"causes": causes}
    )


def _dotted(path: Path) -> str:
    return "".join(
        f".{part[2:]}" if part.startswith("f:") else f"[{part[2:].strip('{}')}]" for part in path
    )


def _step(value: Any, part: str) -> Any:
    if part.startswith("f:"):
        return value.get(part[2:]) if isinstance(value, dict) else None
    if not isinstance(value, list):
        return None
    if part.startswith("v:"):
        wanted = msgspec.json.decode(part[2:])
        return wanted if wanted in value else None
    key = msgspec.json.decode(part[2:])
    return next((item for item in value if _has_key(item, key)), None)


def _has_key(item: Any, key: Object) -> bool:
    defaults = {"protocol": "TCP"}
    return isinstance(item, dict) and all(
        item.get(name, defaults.get(name)) == value for name, value in key.items()
    )


def _read(obj: Any, path: Path) -> Any:
    for part in path:
        obj = _step(obj, part)
    return obj


def _without(entry: Object, taken: set[Path]) -> Object:
    """A manager's entry after others took some of its fields."""
    fields = entry.get("fieldsV1", {})
    for path in taken:
        fields = _cut(fields, path)
    return {**entry, "fieldsV1": fields}


def _cut(fields: Object, path: Path) -> Object:
    head, rest = path[0], path[1:]
    if head not in fields:
        return fields
    inner = _cut(fields[head], rest) if rest else {}
    others = {key: value for key, value in fields.items() if key != head}
    return others | {head: inner} if any(key != "." for key in inner) else others


def _abandon(merged: Object, mine: list[Object], fields: Object, others: list[Object]) -> Object:
    """The object without the fields that this manager applied before and no longer applies."""
    still = set(paths_of(fields))
    owned = {path for entry in others for path in paths_of(entry.get("fieldsV1", {}))}
    prefixes = {path[:length] for path in still | owned for length in range(1, len(path) + 1)}
    for entry in mine:
        for path in paths_of(entry.get("fieldsV1", {})):
            if path not in still | owned:
                merged = _removed(merged, _shortest(path, prefixes))
    return merged


def _shortest(path: Path, prefixes: set[Path]) -> Path:
    """The item of a keyed list that goes as a whole, where nobody applies anything in it."""
    for length in range(1, len(path)):
        if path[length - 1].startswith("k:") and path[:length] not in prefixes:
            return path[:length]
    return path


def _removed(value: Any, path: Path) -> Any:
    head, rest = path[0], path[1:]
    if isinstance(value, dict):
        name = head[2:]
        if name not in value:
            return value
        if not rest:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: _removed(value[name], rest)}
    if not isinstance(value, list):
        return value
    target = _step(value, head)
    if not rest:
        return [item for item in value if item is not target and item != target]
    return [_removed(item, rest) if item is target else item for item in value]
