"""What is said of a body that is no JSON, or an object of another type than asked for.

The words are those of Kubernetes' own parser, because people look them up; it parses nothing.
"""

from __future__ import annotations

import re
from typing import Any, Final

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.schema import type_of
from orchestrator.practice.api.statuses import ApiError, bad_request

_PLACE: Final = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)")
_VALUE: Final = "looking for beginning of value"
_KEY: Final = "looking for beginning of object key string"
_WORDED: Final = {
    "invalid character": _VALUE,
    "trailing comma in array": _VALUE,
    "trailing comma in object": _KEY,
    "object keys must be strings": _KEY,
    "expected ':'": "after object key",
    "expected ',' or '}'": "after object key:value pair",
    "expected ',' or ']'": "after array element",
    "trailing characters": "after top-level value",
}
_UNTYPED: Final = (
    'json: cannot unmarshal {} into Go value of type struct {{ APIVersion string "json:'
    '\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }}'
)
_SHOWN: Final = 30
"""How many bytes of an unreadable body are repeated."""
_SCHEME: Final = "pkg/runtime/scheme.go:111"
_TYPES: Final = {list: "array", str: "string", bool: "bool"}


def unrecognized(name: str, why: str, body: bytes) -> ApiError:
    """A body of which nobody can tell what it is; the name is that of the kind asked for."""
    told = f"couldn't get version/kind; json parse error: {why}"
    if not name:
        return bad_request(told)
    return bad_request(
        f"the object provided is unrecognized (must be of type {name}): {told} ({_summary(body)})"
    )


def not_an_object(value: Any) -> str:
    """What is wrong with JSON that is no object."""
    return _UNTYPED.format(_word(value))


def not_a_text(field: str, value: Any) -> str:
    """What is wrong with a version or kind that is no text."""
    word = "object" if isinstance(value, dict) else _word(value)
    return f"json: cannot unmarshal {word} into Go struct field .{field} of type string"


def in_go(error: Exception, body: bytes) -> str:
    """A parser's complaint in the words of Kubernetes' parser, where they are known."""
    if "truncated" in str(error):
        return "unexpected end of JSON input"
    found = _PLACE.match(str(error))
    if found is None or found[1] not in _WORDED:
        return str(error)
    place = int(found[2]) - (found[1] == "trailing characters")
    sign = chr(body[place]) if place < len(body) else " "
    return f"invalid character {_quoted(sign)} {_WORDED[found[1]]}"


def other_kind(kind: Kind, version: str, name: str) -> ApiError:
    """An object of another type than the path takes."""
    group, _, bare = version.rpartition("/")
    if _is_known(f"{_package(group)}.{bare}.{name}"):
        target = f"{_package(kind.group)}.{kind.name}"
        why = f"converting ({bare}.{name}) to ({target}): unknown conversion"
    else:
        why = f'no kind "{name}" is registered for version "{version}" in scheme "{_SCHEME}"'
    head = f'{name} in version "{bare}" cannot be handled as a {kind.name}'
    return bad_request(f"{head}: {why}")


def _package(group: str) -> str:
    return group.split(".", maxsplit=1)[0] or "core"


def _is_known(name: str) -> bool:
    try:
        type_of(name)
    except KeyError:
        return False
    return True


def _word(value: Any) -> str:
    return _TYPES.get(type(value), "number")


def _quoted(sign: str) -> str:
    return {"'": r"'\''", '"': "'\"'"}.get(sign, f"'{sign}'")


def _summary(body: bytes) -> str:
    """The beginning of a body: as it is when it looks like JSON, else as hexadecimal digits."""
    more = " ..." if len(body) > _SHOWN else ""
    start = body[:_SHOWN]
    shown = start.decode("latin-1") if start.startswith(b"{") else start.hex()
    return shown + more if body else "<empty>"
