"""A number together with how it is computed, so that no report shows one without the other.

It does not compute; the modules beside it do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from orchestrator.domain.timeline import TimelineEntry
from reports.rules import Rule

Value: TypeAlias = timedelta | datetime | int | float
"""What a figure can be."""


class Unit(StrEnum):
    """What a figure counts or measures."""

    DURATION = "duration"
    COUNT = "count"
    SHARE = "share"
    INSTANT = "instant"


class Censoring(StrEnum):
    """Why a duration is known only to be longer than its value."""

    FAULT_ENDED = "fault ended"
    STILL_ACTIVE = "still active"
    SAMPLING_ENDED = "sampling ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of a report, with its rule and the entries it comes from.

    Shape: value is None when it is unknown; with `censored`, the value is the limit
    within which the thing did not happen, and never a duration that was observed.
    Units: a share counts from 0 to 1; from_entries are numbers on the day's timeline.
    """

    value: Value | None
    unit: Unit
    how: Rule
    from_entries: tuple[int, ...] = ()
    censored: Censoring | None = None
    note: str = ""

    @property
    def is_known(self) -> bool:
        """Whether there is a value, be it a limit."""
        return self.value is not None

    @property
    def observed(self) -> timedelta | None:
        """The duration, if one was observed and not cut short."""
        return self.value if isinstance(self.value, timedelta) and not self.censored else None


def count(how: Rule, value: int | None, *entries: TimelineEntry) -> Figure:
    """A count; None when nothing tells how many."""
    return Figure(value=value, unit=Unit.COUNT, how=how, from_entries=numbers_of(*entries))


def duration(how: Rule, value: timedelta | None, *entries: TimelineEntry) -> Figure:
    """A duration that was observed; None when it is unknown."""
    return Figure(value=value, unit=Unit.DURATION, how=how, from_entries=numbers_of(*entries))


def share(how: Rule, value: float | None, *, note: str = "") -> Figure:
    """A share from 0 to 1; None when there was nothing to take a share of."""
    return Figure(value=value, unit=Unit.SHARE, how=how, note=note)


def instant(how: Rule, value: datetime | None, *entries: TimelineEntry, note: str = "") -> Figure:
    """An instant; None when it is unknown or never came, which the note says."""
    return Figure(
        value=value, unit=Unit.INSTANT, how=how, from_entries=numbers_of(*entries), note=note
    )


def numbers_of(*entries: TimelineEntry) -> tuple[int, ...]:
    """The numbers of entries on the timeline, those that have one."""
    return tuple(entry.seq for entry in entries if entry.seq)
