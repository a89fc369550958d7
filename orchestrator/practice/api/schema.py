"""The types of Kubernetes' objects, and what a server does with input that does not fit them.

Types only, read off Kubernetes' own OpenAPI document into `schema.json`; rules about values
are in `validation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from orchestrator.practice.api.clock import instant

Object = dict[str, Any]
_BASE64: Final = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_QUANTITY: Final = re.compile(
    r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?"
)
_GO_NAMES: Final = {"string": "string", "boolean": "bool", "number": "float64"}
_ZEROS: Final = {"quantity": "0"}
_NULLS: Final[Mapping[str, tuple[str, ...]]] = {"core.v1.PodCondition": ("lastProbeTime",)}
_BOUNDS: Final = {"int32": 2**31, "int64": 2**63, "integer": 2**63}


class TypeMismatch(Exception):
    """A value does not have the type of its field."""


@dataclass(frozen=True, slots=True)
class Node:
    """The type of one field.

    `name` is a scalar's word, a type's name, `list`, `map` or `any`. A list with `keys` holds
    one item per key, with empty `keys` it is a set, with none it is replaced as a whole.
    """

    name: str
    item: Node | None = None
    merge: str | None = None
    keys: tuple[str, ...] | None = None
    retain: bool = False
    refers: bool = False
    atomic: bool = False
    """A map that has one owner and is replaced as a whole."""

    @property
    def type(self) -> Type | None:
        """The fields of the object that the node refers to."""
        return type_of(self.name) if self.refers else None


@dataclass(frozen=True, slots=True)
class Type:
    """The fields of one type of object."""

    name: str
    fields: Mapping[str, Node]
    required: tuple[str, ...] = ()
    lenient: bool = False
    """Values that do not fit are kept; rules of its own judge them."""
    is_open: bool = False
    """Fields that are not declared are kept."""
    atomic: bool = False
    """It has one owner and is replaced as a whole."""
    always: frozenset[str] = frozenset()
    """Fields that every object of the type has, if only empty ones."""
    nulls: tuple[str, ...] = ()
    """Fields that say null when they are not set."""

    @property
    def go_name(self) -> str:
        """The name that error messages use."""
        return self.name.rsplit(".", 1)[-1]


@dataclass(slots=True)
class Findings:
    """What was remarkable about an input that fits its type."""

    unknown: list[str] = field(default_factory=list)


ANY: Final = Node("any")
_declared: Final[dict[str, Type]] = {}


@cache
def _table() -> dict[str, Any]:
    raw = files("orchestrator.practice.api").joinpath("schema.json").read_bytes()
    types: dict[str, Any] = msgspec.json.decode(raw)["types"]
    return types


def declare(kind: Type) -> None:
    """Make a type known that is not Kubernetes' own."""
    _declared[kind.name] = kind


def type_of(name: str) -> Type:
    """A type by its name, such as `core.v1.PodSpec`."""
    return _declared.get(name) or _built_in(name)


@cache
def _built_in(name: str) -> Type:
    entry = _table()[name]
    fields = {key: _node(value) for key, value in entry["fields"].items()}
    required = tuple(entry.get("required", ()))
    return Type(
        name,
        fields,
        required,
        atomic=entry.get("atomic", False),
        always=frozenset(_always(fields, required, entry["wire"])),
        nulls=_NULLS.get(name, ()),
    )


def _always(
    fields: Mapping[str, Node], required: tuple[str, ...], wire: Mapping[str, Any]
) -> Iterator[str]:
    """The structs that no pointer leads to, and what has to be there."""
    yield from required
    for entry in wire.values():
        if isinstance(entry, dict):
            yield from _always(fields, (), entry)
        elif entry in fields and fields[entry].refers:
            yield entry


def wire_of(name: str) -> Object:
    """The fields of a type by their protobuf number, with a star where unset differs from zero."""
    wire: Object = _table()[name]["wire"]
    return wire


def _node(value: Any) -> Node:
    if isinstance(value, str):
        return Node(value.removeprefix("@"), refers=value.startswith("@"))
    if "of" in value:
        inner = _node(value["of"])
        return Node(inner.name, refers=inner.refers, retain=True)
    if "map" in value:
        return Node("map", _node(value["map"]), atomic=value.get("atomic", False))
    keys = tuple(value["keys"]) if "keys" in value else None
    return Node("list", _node(value["list"]), value.get("merge"), keys, value.get("retain", False))


def conform(value: Object, name: str, findings: Findings | None = None) -> Object:
    """The object as a server reads it: nulls dropped, unknown fields dropped and reported.

    Raises: TypeMismatch: a value has another type than its field.
    """
    reader = _Reader(findings or Findings())
    return reader.object(value, type_of(name), "", "")


@dataclass(slots=True)
class _Reader:
    """Walks one input. Paths come in two spellings: with list indexes, and the way Go has them."""

    findings: Findings
    lenient: bool = False

    def object(self, value: Any, kind: Type, path: str, go_path: str) -> Object:
        outer, self.lenient = self.lenient, kind.lenient
        read = self._fields(value, kind, path, go_path)
        self.lenient = outer
        return read

    def _fields(self, value: Any, kind: Type, path: str, go_path: str) -> Object:
        if not isinstance(value, dict):
            raise _mismatch(value, kind.go_name, go_path, kind.go_name)
        read: Object = {}
        for key, item in value.items():
            node = kind.fields.get(key)
            inner = f"{path}.{key}" if path else key
            if node is None and kind.is_open:
                read[key] = item
            elif node is None:
                self.findings.unknown.append(f'unknown field "{inner}"')
            elif item is not None:
                go_inner = f"{go_path}.{key}" if go_path else key
                found = self.value(item, node, inner, go_inner, kind.go_name)
                if found or not _is_left_out(key, node, kind):
                    read[key] = found
        for key in kind.nulls:
            read.setdefault(key, None)
        return read

    def value(self, value: Any, node: Node, path: str, go_path: str, struct: str) -> Any:
        if self.lenient and not _has_form(value, node):
            return value
        if node.refers:
            return self.object(value, type_of(node.name), path, go_path)
        if node.name == "list" and node.item is not None:
            return self._list(value, node.item, path, go_path, struct)
        if node.name == "map" and node.item is not None:
            return self._map(value, node.item, path, go_path, struct)
        return _scalar(value, node.name, go_path, struct)

    def _list(self, value: Any, item: Node, path: str, go_path: str, struct: str) -> list[Any]:
        if not isinstance(value, list):
            raise _mismatch(value, struct, go_path, f"[]{_go_type(item)}")
        return [
            self.value(entry, item, f"{path}[{index}]", go_path, struct)
            for index, entry in enumerate(value)
            if entry is not None
        ]

    def _map(self, value: Any, item: Node, path: str, go_path: str, struct: str) -> Object:
        if not isinstance(value, dict):
            raise _mismatch(value, struct, go_path, f"map[string]{_go_type(item)}")
        return {
            key: self.value(entry, item, f"{path}.{key}", go_path, struct)
            if entry is not None
            else _zero(item)
            for key, entry in value.items()
        }


def _is_left_out(key: str, node: Node, kind: Type) -> bool:
    """Whether Kubernetes forgets the field when its list or map holds nothing."""
    forgets = node.name in {"list", "map"} and key not in kind.required
    return forgets and kind.name not in _declared


def _zero(node: Node) -> Any:
    """What a null stands for where a value has to be."""
    if node.refers or node.name == "map":
        return {}
    return [] if node.name == "list" else _ZEROS.get(node.name, "")


def _has_form(value: Any, node: Node) -> bool:
    """Whether a value is an object or a list where its type has one, or has to be judged anyway."""
    if node.name == "list":
        return isinstance(value, list)
    strict = node.type is not None and not node.type.lenient
    return strict or isinstance(value, dict) or not (node.refers or node.name == "map")


def _scalar(value: Any, name: str, path: str, struct: str) -> Any:
    match name:
        case "any":
            return value
        case "string" if isinstance(value, str):
            return value
        case "bytes" if isinstance(value, str):
            return _bytes(value)
        case "boolean" if isinstance(value, bool):
            return value
        case "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        case "int32" | "int64" | "integer":
            return _integer(value, name, path, struct)
        case "int-or-string":
            return value if isinstance(value, str) else _integer(value, "int32", path, struct)
        case "quantity":
            return _quantity(value)
        case "time" | "microtime" if isinstance(value, str):
            return _time(value)
    raise _mismatch(value, struct, path, _GO_NAMES.get(name, name))


def _bytes(value: str) -> str:
    found = _BASE64.match(value)
    good = found.end() if found else 0
    if good < len(value):
        raise TypeMismatch(f"illegal base64 data at input byte {good}")
    return value


def _integer(value: Any, name: str, path: str, struct: str) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if isinstance(value, float) and value.is_integer():
        value, whole = int(value), True
    if not whole or not -_BOUNDS[name] <= value < _BOUNDS[name]:
        raise _mismatch(value, struct, path, "int64" if name == "integer" else name)
    return int(value)


def _quantity(value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    text = str(value) if number else value
    if not isinstance(text, str) or not _QUANTITY.fullmatch(text.strip()):
        raise TypeMismatch(
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    return text


def _time(value: str) -> str:
    try:
        instant(value)
    except ValueError:
        raise TypeMismatch(
            f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": '
            f'cannot parse "{value}" as "2006"'
        ) from None
    return value


def _go_type(node: Node) -> str:
    if node.refers:
        return ".".join(node.name.split(".")[-2:])
    return _GO_NAMES.get(node.name, node.name)


def _mismatch(value: Any, struct: str, path: str, wanted: str) -> TypeMismatch:
    found = _json_name(value)
    where = (
        f"Go struct field {struct}.{path} of type {wanted}"
        if path
        else f"Go value of type {wanted}"
    )
    return TypeMismatch(f"json: cannot unmarshal {found} into {where}")


def _json_name(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case dict():
            return "object"
        case list():
            return "array"
        case int():
            return "number" if abs(value) < 2**31 else f"number {value}"
        case float():
            return f"number {value}"
        case _:
            return "null"
