"""Kubernetes' protobuf bodies, read as the JSON they stand for.

kubectl writes them. Answers are JSON, which every client that sends protobuf accepts as well.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec

from orchestrator.practice.api.clock import fine_stamp, stamp
from orchestrator.practice.api.schema import Node, Type, type_of, wire_of

Object = dict[str, Any]
Raw = int | bytes
MAGIC: Final = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DEEPEST: Final = 100


class Garbled(Exception):
    """The bytes are no protobuf message of the expected type."""


def decode(body: bytes, schema: str) -> Object:
    """The object of the named type in an enveloped body, with its apiVersion and kind.

    Raises: Garbled: the body is something else.
    """
    if not body.startswith(MAGIC):
        raise Garbled("provided data does not appear to be a protobuf message, expected prefix")
    envelope = dict(_fields(body[len(MAGIC) :]))
    head = dict(_fields(_bytes(envelope.get(1, b""))))
    obj = _message(_bytes(envelope.get(2, b"")), schema, 0)
    named = {"apiVersion": head.get(1, b""), "kind": head.get(2, b"")}
    return {key: _text(value) for key, value in named.items() if value} | obj


def _fields(raw: bytes) -> Iterator[tuple[int, Raw]]:
    """The numbers and raw values of a message's fields, in order."""
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        number, form = tag >> 3, tag & 7
        if form == _VARINT:
            value, position = _varint(raw, position)
            yield number, value
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(form)
        if form == _BYTES:
            length, position = _varint(raw, position)
        if length is None or position + length > len(raw):
            raise Garbled("proto: unexpected EOF or wire type")
        yield number, raw[position : position + length]
        position += length


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(raw) or shift > 63:
            raise Garbled("proto: integer overflow or unexpected EOF")
        byte = raw[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if not byte & 0x80:
            return value, position


@cache
def _wire(schema: str) -> dict[int, Any]:
    return _numbered(wire_of(schema))


def _numbered(wire: Object) -> dict[int, Any]:
    return {
        int(number): _numbered(entry) if isinstance(entry, dict) else entry
        for number, entry in wire.items()
    }


def _message(raw: bytes, schema: str, depth: int) -> Object:
    if depth > _DEEPEST:
        raise Garbled("proto: nested too deeply")
    obj: Object = {}
    _fill(obj, raw, type_of(schema), _wire(schema), depth)
    return obj


def _fill(obj: Object, raw: bytes, kind: Type, wire: dict[int, Any], depth: int) -> None:
    """Read a message's fields, those of embedded structs too, into one object."""
    for number, value in _fields(raw):
        entry = wire.get(number)
        if isinstance(entry, dict):
            _fill(obj, _bytes(value), kind, entry, depth)
        elif entry is not None:
            _read(obj, kind, entry, value, depth)


def _read(obj: Object, kind: Type, entry: str, value: Raw, depth: int) -> None:
    name, nullable = entry.rstrip("*"), entry.endswith("*")
    node = kind.fields.get(name)
    if node is None:
        return
    if node.name == "list" and node.item is not None:
        obj.setdefault(name, []).extend(_items(value, node.item, depth))
    elif node.name == "map" and node.item is not None:
        pair = dict(_fields(_bytes(value)))
        item = _value(pair.get(2, b""), node.item, depth)
        obj.setdefault(name, {})[_text(pair.get(1, b""))] = item
    else:
        read = _value(value, node, depth)
        # Structs are always written; only pointers tell "not set" from "set to zero".
        if nullable or read not in ("", 0, False, None, {}):
            obj[name] = read


def _items(value: Raw, item: Node, depth: int) -> Iterator[Any]:
    numeric = item.name in {"int32", "int64", "integer"}
    if numeric and isinstance(value, bytes):
        position = 0
        while position < len(value):
            number, position = _varint(value, position)
            yield _signed(number)
        return
    yield _value(value, item, depth)


def _value(value: Raw, node: Node, depth: int) -> Any:
    if node.refers:
        return _message(_bytes(value), node.name, depth + 1)
    match node.name:
        case "string":
            return _text(value)
        case "boolean":
            return bool(value)
        case "int32" | "int64" | "integer":
            return _signed(value if isinstance(value, int) else 0)
        case "bytes":
            return b64encode(_bytes(value)).decode()
        case "quantity":
            return _text(dict(_fields(_bytes(value))).get(1, b""))
        case "time" | "microtime":
            return _time(_bytes(value), fine=node.name == "microtime")
        case "int-or-string":
            return _int_or_string(_bytes(value))
        case _:
            return _embedded_json(_bytes(value))


def _int_or_string(raw: bytes) -> int | str:
    fields = dict(_fields(raw))
    if fields.get(1, 0):
        return _text(fields.get(3, b""))
    number = fields.get(2, 0)
    return _signed(number if isinstance(number, int) else 0)


def _time(raw: bytes, *, fine: bool) -> str | None:
    fields = dict(_fields(raw))
    seconds, nanos = fields.get(1), fields.get(2, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        return None
    try:
        at = _EPOCH + timedelta(seconds=_signed(seconds), microseconds=nanos // 1000)
    except OverflowError:
        raise Garbled("proto: time out of range") from None
    return fine_stamp(at) if fine else stamp(at)


def _embedded_json(raw: bytes) -> Any:
    inner = _bytes(dict(_fields(raw)).get(1, b""))
    try:
        return msgspec.json.decode(inner) if inner else None
    except msgspec.DecodeError as error:
        raise Garbled(f"embedded JSON: {error}") from error


def _signed(number: int) -> int:
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >> 63 else number


def _bytes(value: Raw) -> bytes:
    if not isinstance(value, bytes):
        raise Garbled("proto: wrong wire type")
    return value


def _text(value: Raw) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError:
        raise Garbled("proto: a string is not valid UTF-8") from None
