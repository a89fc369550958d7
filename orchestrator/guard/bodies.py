"""Request bodies: JSON, and nothing else.

What is forwarded is written anew from what was read, so both are the same. It does not look
into an object.
"""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

from orchestrator.guard.refusals import NotLetThrough

MOST_BYTES: Final = 3 * 1024 * 1024
"""What an API server takes at most."""


class Media(StrEnum):
    """What a body is, which decides how it changes an object."""

    JSON = "application/json"
    JSON_PATCH = "application/json-patch+json"
    MERGE_PATCH = "application/merge-patch+json"
    STRATEGIC_PATCH = "application/strategic-merge-patch+json"
    APPLY_PATCH = "application/apply-patch+yaml"

    @property
    def is_patch(self) -> bool:
        """Whether it is one of the four kinds of patch."""
        return self is not Media.JSON


def media_of(content_type: str, *, target: str) -> Media:
    """What a body is; JSON when the client did not say.

    Raises: NotLetThrough: when it is something that cannot be read here.
    """
    essence = content_type.partition(";")[0].strip().lower()
    if not essence:
        return Media.JSON
    try:
        return Media(essence)
    except ValueError:
        raise NotLetThrough(
            target=target, rule="body", reason=f"a body of {essence} cannot be read; send JSON"
        ) from None


def parse_body(raw: bytes, media: Media, *, target: str) -> Any:
    """The body as JSON; None when there is none.

    Raises: NotLetThrough: when it is not JSON, or has a second reading.
    """
    if not raw:
        return None
    try:
        body = json.loads(raw, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotLetThrough(
            target=target, rule="body", reason=f"the body is not plain JSON: {error}"
        ) from None
    wanted = list if media is Media.JSON_PATCH else dict
    if not isinstance(body, wanted):
        raise NotLetThrough(
            target=target,
            rule="body",
            reason=f"the body of {media} is not a JSON {wanted.__name__}",
        )
    return body


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def dump(body: Any) -> bytes:
    """The body as it is sent upstream."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
