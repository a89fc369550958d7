"""Fields that a body says twice, of which only the last counts.

Parsers drop the first silently, so the body is read once more; it is not judged otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


class _Pairs(list[tuple[str, Any]]):
    """An object of a body with everything that it says."""


def duplicated(body: bytes) -> list[str]:
    """The paths of fields that a JSON body says more than once; none when it is no JSON."""
    try:
        if not _has_any(body):
            return []
        return list(dict.fromkeys(_walk(json.loads(body, object_pairs_hook=_Pairs), "")))
    except (ValueError, RecursionError):
        return []


def _has_any(body: bytes) -> bool:
    found = False

    def collected(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        read = dict(pairs)
        found = found or len(read) < len(pairs)
        return read

    json.loads(body, object_pairs_hook=collected)
    return found


def _walk(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for key, item in value:
            inner = f"{path}.{key}" if path else key
            if key in seen:
                yield inner
            seen.add(key)
            yield from _walk(item, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")
