"""The practice cluster's clock: it lives in real time, whatever the agenda of the day does.

It does not wait for anything; timers belong to the controllers.
"""

from datetime import UTC, datetime
from functools import lru_cache


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)  # noqa: TID251 - the practice cluster is its own world with its own clock


def stamp(at: datetime) -> str:
    """An instant as Kubernetes writes it in metadata and conditions.

    Units: whole seconds.
    """
    return _second(int(at.timestamp()))


@lru_cache(maxsize=64)
def _second(number: int) -> str:
    return datetime.fromtimestamp(number, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def fine_stamp(at: datetime) -> str:
    """An instant as Kubernetes writes it in leases and in `eventTime`.

    Units: microseconds.
    """
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant(text: str) -> datetime:
    """The instant that a stamp of either kind names.

    Raises: ValueError: the text is no RFC 3339 date-time.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return at.astimezone(UTC)
