"""Keeps out of a write what it says about who owns which field, which is for the server to keep.

A change of it is seen by nobody who looks at the object, and nothing puts it back. It does not
look at any other field.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from orchestrator.guard.refusals import NotLetThrough

_FIELD: Final = "managedFields"
_POINTER: Final = f"/metadata/{_FIELD}"
_ABOVE: Final = frozenset({"", "/", "/metadata"})


def without_owners(body: Any, *, target: str) -> Any:
    """The body of a change or a create without them.

    Whoever read an object and sends it back has them in it by no intention, and `kubectl apply
    --server-side` renames owners by a JSON patch of its own; a server that is told nothing keeps
    what it has. Raises: NotLetThrough: when they cannot be left out.
    """
    if isinstance(body, Sequence):
        others = [each for each in body if not _sets_owners(each)]
        if any(_is_about_owners(each) for each in others):
            raise NotLetThrough(
                target=target, rule="body", reason=f"metadata.{_FIELD} is for the server to keep"
            )
        return others
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping):
        return body
    # A directive of a strategic merge patch has the name of its field behind a slash.
    kept = {key: each for key, each in metadata.items() if key.rpartition("/")[2] != _FIELD}
    return {**body, "metadata": kept}


def _sets_owners(operation: Any) -> bool:
    """Whether an operation of a JSON patch does nothing else than to set them, all or some."""
    if not isinstance(operation, Mapping) or operation.get("op") not in {
        "add",
        "replace",
        "remove",
    }:
        return False
    path = operation.get("path")
    return isinstance(path, str) and (path == _POINTER or path.startswith(f"{_POINTER}/"))


def _is_about_owners(operation: Any) -> bool:
    """Whether an operation of a JSON patch may change them; one that cannot be read may."""
    if not isinstance(operation, Mapping):
        return True
    places = [operation[key] for key in ("path", "from") if key in operation]
    if not all(isinstance(place, str) for place in places):
        return True
    if any(place == _POINTER or place.startswith(f"{_POINTER}/") for place in places):
        return True
    if operation.get("path") not in _ABOVE:
        return False
    value = operation.get("value")
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    return not isinstance(value, Mapping) or _FIELD in value or _FIELD in (metadata or {})
