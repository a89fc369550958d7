"""How members of a document are checked, and how a fault of one is told.

It knows nothing of experiments.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from orchestrator.domain.errors import Fault


def text_faults(members: Mapping[str, Any], field: str, at: str) -> Iterator[Fault]:
    """What is wrong with a member that has to be a text."""
    value = members.get(field)
    place = f"{at}.{field}" if at else field
    if value is None:
        yield fault(place, None, "is missing", "write a text")
    elif not isinstance(value, str) or not value.strip():
        yield fault(place, value, "is no text", "write a text")


def kind_faults(
    members: Mapping[str, Any], field: str, kind: type, called: str, *, at: str = ""
) -> Iterator[Fault]:
    if field in members and not isinstance(members[field], kind):
        place = f"{at}.{field}" if at else field
        yield fault(place, members[field], f"is not {called}", f"write {called}, or leave it out")


def fault(field: str, value: object, problem: str, way_out: str) -> Fault:
    """One fault, with the value as a reader of the file would write it, cut to a line."""
    shown = "" if value is None else repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return Fault(field=field, value=shown, problem=problem, way_out=way_out)


def near(given: str, allowed: Sequence[str]) -> str:
    """The way out of a word that is not among those allowed."""
    close = get_close_matches(given, allowed, n=1)
    return f"did you mean {close[0]}?" if close else f"write {listed(allowed)}"


def items_of(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
