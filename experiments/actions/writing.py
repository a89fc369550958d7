"""How our actions write: one small JSON Patch, guarded by tests of what was read before.

It never sends a whole object, so that whatever others write beside it stays.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from chaoslib.exceptions import ActivityFailed
from kubernetes.client.exceptions import ApiException

Operations: TypeAlias = list[dict[str, Any]]
"""A JSON Patch (RFC 6902)."""

Decision: TypeAlias = tuple[dict[str, Any], Operations]
"""The answer of an action, and the patch that makes it true; empty if it is true already."""

TRIES: Final = 5
"""How often a write is tried again when somebody else wrote in between."""

PATIENCE: Final = 10
"""Seconds until a request to the cluster counts as failed."""

# A test operation that fails is 422 for most servers; a lost race for the version is 409.
OVERTAKEN: Final = frozenset({409, 422})


def pointer(*segments: str | int) -> str:
    """The JSON Pointer of a path. Source: RFC 6901, section 3."""
    return "".join(f"/{str(segment).replace('~', '~0').replace('/', '~1')}" for segment in segments)


def settle(decide: Callable[[], Decision], send: Callable[[Operations], None]) -> dict[str, Any]:
    """Read, decide and write until the write holds or there is nothing to write.

    Shape: decide reads afresh each time.
    Raises: ActivityFailed: the cluster refuses the patch though nobody changes what it tests.
    """
    refusal = ""
    for _ in range(TRIES):
        answer, operations = decide()
        if not operations:
            return answer
        try:
            send(operations)
        except ApiException as error:
            if error.status not in OVERTAKEN:
                raise
            refusal = reason_of(error)
            continue
        return answer
    raise ActivityFailed(f"the cluster refused the change {TRIES} times: {refusal}")


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turn the client's errors into one sentence that says what was being done.

    Raises: ActivityFailed: the cluster refused, or has no such object.
    """
    try:
        yield
    except ApiException as error:
        raise ActivityFailed(f"cannot {doing}: {error.status} {reason_of(error)}") from error


def reason_of(error: ApiException) -> str:
    """What the server said in its Status, or else its reason phrase."""
    try:
        status = json.loads(error.body or "")
    except ValueError:
        return str(error.reason)
    message = status.get("message") if isinstance(status, dict) else None
    return str(message or error.reason)


def names(items: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    return ", ".join(items) or "none"
