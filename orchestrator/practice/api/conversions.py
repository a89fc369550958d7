"""The words in which a server says that a merged patch does not fit its type.

It decides nothing: what fits is said by `schema`, in the words of a JSON decoder.
"""

from __future__ import annotations

import re
from typing import Any, Final

_DECODED: Final = re.compile(
    r"json: cannot unmarshal (?P<found>\w+)(?: (?P<text>\S+))? into Go "
    r"(?:struct field \S+|value) of type (?P<wanted>\S+)"
)
_GO_KINDS: Final = {"array": "slice", "object": "map", "number": "int64"}
_SCALARS: Final = frozenset(("string", "bool", "int32", "int64", "float64"))


def converted(fault: str) -> str:
    """The fault of a JSON decoder, as the conversion of a merged patch words it."""
    said = _DECODED.fullmatch(fault)
    if not said:
        return fault
    found = "float64" if "." in (said["text"] or "") else said["found"]
    return _refusal(_GO_KINDS.get(found, found), said["wanted"])


def _refusal(found: str, wanted: str) -> str:
    if wanted in _SCALARS:
        related = (found, wanted) == ("int64", "string") or (
            found == "float64" and wanted.startswith("int")
        )
        return f"cannot convert {found} to {wanted}" if related else f"unrecognized type: {wanted}"
    if wanted.startswith("[]"):
        return f"cannot restore slice from {found}"
    if wanted.startswith("map["):
        return f"cannot restore map from {found}"
    return f"cannot restore struct from: {found}"


def go_text(value: Any) -> str:
    """A value of a patch as Go prints it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case dict():
            return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
        case list():
            return f"[{' '.join(map(go_text, value))}]"
        case _:
            return str(value)
