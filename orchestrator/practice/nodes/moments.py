"""Instants as the nodes stamp them on what they report to the API.

The nodes live in real time; this is their one look at the wall clock. Durations
are measured on the event loop's clock, never here.
"""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)  # noqa: TID251


def stamp(at: datetime) -> str:
    """An instant as metav1.Time, in whole seconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(at: datetime) -> str:
    """An instant as metav1.MicroTime."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
