"""Sets of fields in the form of FieldsV1, and what they have to do with objects.

A set is a tree: a field that is a member has no entry below it or the entry `.`. Who owns a set
is kept in `ownership`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from orchestrator.practice.api.schema import ANY, Node, Type, type_of

Object = dict[str, Any]
Path = tuple[str, ...]
ITSELF: Final = "."
_KEY_DEFAULTS: Final = {"protocol": "TCP"}
_UNOWNED: Final = {"apiVersion", "kind"}
_UNOWNED_METADATA: Final = {
    "name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation",
    "managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds",
}  # fmt: skip
_MISSING: Final = object()


def item_key(item: Any, node: Node) -> str:
    """What tells an item of a keyed list from the others; a port's protocol is TCP by default."""
    found = item if isinstance(item, dict) else {}
    names = node.keys or ()
    values = tuple(found.get(name, _KEY_DEFAULTS.get(name)) for name in names)
    if any(isinstance(value, dict | list) for value in values):
        return _key_text.__wrapped__(names, values)
    return _key_text(names, values)


@lru_cache(maxsize=2048, typed=True)
def _key_text(names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    key = dict(zip(names, values, strict=True))
    return f"k:{msgspec.json.encode(key, order='sorted').decode()}"


def is_whole(value: Any, node: Node) -> bool:
    """Whether a value has one owner and is replaced as a whole."""
    if isinstance(value, dict):
        if node.refers:
            return type_of(node.name).atomic
        return node.name != "map" or node.atomic
    return not isinstance(value, list) or node.keys is None


def _parts(value: Any, node: Node) -> dict[str, tuple[Any, Node]]:
    """What a value that is no whole consists of, by the names of FieldsV1."""
    if isinstance(value, dict):
        if not node.refers:
            item = node.item or ANY
            return {f"f:{key}": (entry, item) for key, entry in value.items()}
        fields = type_of(node.name).fields
        return {f"f:{key}": (entry, fields.get(key, ANY)) for key, entry in value.items()}
    item = node.item or ANY
    if node.keys:
        return {item_key(entry, node): (entry, item) for entry in value}
    return {f"v:{msgspec.json.encode(entry).decode()}": (entry, ANY) for entry in value}


def _owned_metadata(metadata: Object) -> Object:
    """The part of an object's metadata that somebody can own."""
    return {key: value for key, value in metadata.items() if key not in _UNOWNED_METADATA}


def named_in(configuration: Object, root: Type) -> Object:
    """The fields that a configuration names."""
    owned = {key: value for key, value in configuration.items() if key not in _UNOWNED}
    metadata = _owned_metadata(owned.pop("metadata", {}))
    if metadata:
        owned["metadata"] = metadata
    return {f"f:{key}": _named(value, root.fields.get(key, ANY)) for key, value in owned.items()}


def _named(value: Any, node: Node) -> Object:
    if is_whole(value, node):
        return {}
    named: Object = {}
    # Items of lists and entries of maps are owned themselves; structs are by what is in them.
    entries = isinstance(value, list) or not node.refers
    for part, (entry, inner) in _parts(value, node).items():
        below = _named(entry, inner)
        named[part] = {ITSELF: {}, **below} if below and entries else below
    return named


class Difference:
    """What distinguishes one version of an object from another."""

    def __init__(self, old: Object, new: Object, root: Type) -> None:
        self.removed: list[Path] = []
        self.changed: Object = {}
        """The fields that are new or have another value."""
        # Most of an object is the same object after a change, and need not be looked into.
        before = {key: value for key, value in old.items() if new.get(key) is not value}
        after = {key: value for key, value in new.items() if old.get(key) is not value}
        for part in (before, after):
            for key in _UNOWNED:
                part.pop(key, None)
            if "metadata" in part:
                part["metadata"] = _owned_metadata(part["metadata"])
        node = Node(root.name, refers=True)
        self.changed = self._compared(before, after, node, ()) or {}

    @property
    def touched(self) -> set[str]:
        """The outermost fields in which something differs."""
        return {*self.changed, *(path[0] for path in self.removed)}

    def _compared(self, old: Any, new: Any, node: Node, path: Path) -> Object | None:
        """The fields below that differ, none where there are none."""
        if old is new or old == new:
            return None
        if is_whole(new, node) or is_whole(old, node):
            if isinstance(old, dict | list):
                self.removed.append(path)
            return _added(new, node)
        parts, former = _parts(new, node), _parts(old, node)
        self.removed += [(*path, part) for part in former if part not in parts]
        changed: Object = {}
        for part, (value, inner) in parts.items():
            before = former[part][0] if part in former else _nothing(part, value, node)
            below = (
                _added(value, inner)
                if before is _MISSING
                else self._compared(before, value, inner, (*path, part))
            )
            if below is not None:
                changed[part] = below
        return changed or None


def _nothing(part: str, value: Any, node: Node) -> Any:
    """What stands where a field is not set: something empty in structs, as a server has them."""
    if not node.refers or part[2:] not in type_of(node.name).always:
        return _MISSING
    return type(value)()


def _added(value: Any, node: Node) -> Object:
    """All fields of a value that was not there before."""
    if is_whole(value, node):
        return {}
    below = {part: _added(entry, inner) for part, (entry, inner) in _parts(value, node).items()}
    return {ITSELF: {}, **below} if below else {}


# Sets


def members(fields: Object, prefix: Path = ()) -> Iterator[Path]:
    """The members of a set, those of a level before those below it."""
    parts = sorted(part for part in fields if part != ITSELF)
    for part in parts:
        if not fields[part] or ITSELF in fields[part]:
            yield (*prefix, part)
    for part in parts:
        yield from members(fields[part], (*prefix, part))


def union(left: Object, right: Object) -> Object:
    """The fields of either set."""
    if not left or not right:
        # An empty entry says that the field itself is a member.
        below = left or right
        return {ITSELF: {}, **below} if below else {}
    both = {part: fields for part, fields in left.items() if part not in right}
    for part, fields in right.items():
        both[part] = union(left[part], fields) if part in left else fields
    return both


def all_of(left: Object, right: Object) -> Object:
    """The union of two whole sets, either of which may be empty."""
    return union(left, right) if left and right else left or right


def without(fields: Object, path: Path) -> Object:
    """A set without one member; what is below it stays."""
    head, rest = path[0], path[1:]
    if head not in fields:
        return fields
    inner: Object = fields[head]
    if rest:
        return _replaced(fields, head, without(inner, rest))
    return _replaced(fields, head, {key: inner[key] for key in inner if key != ITSELF})


def cut(fields: Object, path: Path) -> Object:
    """A set without a field and all that is below it."""
    head, rest = path[0], path[1:]
    if head not in fields:
        return fields
    return _replaced(fields, head, cut(fields[head], rest) if rest else {})


def _replaced(fields: Object, head: str, below: Object) -> Object:
    """A set with something else below a field, which goes when that is nothing."""
    if below is fields[head] and below:
        return fields
    others = {key: value for key, value in fields.items() if key != head}
    if not below:
        return others
    return {**others, head: {} if set(below) == {ITSELF} else below}


def dotted(path: Path) -> str:
    """A field as messages name it."""
    return "".join(_shown(part) for part in path)


def _shown(part: str) -> str:
    if part.startswith("f:"):
        return f".{part[2:]}"
    if part.startswith("v:"):
        return f"[={part[2:]}]"
    key = msgspec.json.decode(part[2:])
    return f"[{','.join(f'{name}={_literal(value)}' for name, value in key.items())}]"


def _literal(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# Fields of objects


def read(obj: Any, path: Path) -> Any:
    """What an object has at a path, or none."""
    for part in path:
        obj = _step(obj, part)
    return obj


def _step(value: Any, part: str) -> Any:
    if part.startswith("f:"):
        return value.get(part[2:]) if isinstance(value, dict) else None
    if not isinstance(value, list):
        return None
    wanted = msgspec.json.decode(part[2:])
    if part.startswith("v:"):
        return wanted if wanted in value else None
    return next((item for item in value if _has_key(item, wanted)), None)


def _has_key(item: Any, key: Object) -> bool:
    return isinstance(item, dict) and all(
        item.get(name, _KEY_DEFAULTS.get(name)) == value for name, value in key.items()
    )


def removed(value: Any, path: Path) -> Any:
    """An object without what it has at a path."""
    head, rest = path[0], path[1:]
    if isinstance(value, dict):
        name = head[2:]
        if name not in value:
            return value
        if not rest:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: removed(value[name], rest)}
    if not isinstance(value, list):
        return value
    target = _step(value, head)
    if not rest:
        return [item for item in value if item is not target and item != target]
    return [removed(item, rest) if item is target else item for item in value]
