"""Instants and time zones as people write them in a plan.

It does not know the present: every time is taken from the file.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from orchestrator.adapters.planfile.units import Unreadable, read_span

CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"
MOMENT: Final = rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{CLOCK}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})?"

_YEARS: Final = range(2000, 2200)
_MOMENT_FORMS: Final = "write 2026-12-01T09:00, or with an offset 2026-12-01T09:00+01:00"
_START_FORMS: Final = "write 09:30, 2026-12-01T09:30, or +10m for ten minutes after the opening"


@dataclass(frozen=True, slots=True)
class AfterOpening:
    """A start that is placed by the opening of the day."""

    after: timedelta


Start: TypeAlias = datetime | time | AfterOpening
"""A datetime is local to the plan's zone unless it has an offset."""


def read_zone(value: object) -> ZoneInfo:
    """Read an IANA time zone. Raises: Unreadable."""
    if isinstance(value, str):
        try:
            return ZoneInfo(value)
        except (KeyError, OSError, ValueError):
            # What a wrong name leads to depends on the files it happens to hit.
            near = get_close_matches(value, available_timezones(), n=1)
            way_out = f"did you mean {near[0]}?" if near else "write one such as Europe/Vienna"
            raise Unreadable("is no IANA time zone", way_out) from None
    raise Unreadable("is no IANA time zone", "write one such as Europe/Vienna")


def read_moment(value: object) -> datetime:
    """Read a date with a time of day; naive unless an offset is written. Raises: Unreadable."""
    if not isinstance(value, str) or not re.fullmatch(MOMENT, value):
        raise Unreadable("is no date with a time of day", _MOMENT_FORMS)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Unreadable("is not in the calendar", _MOMENT_FORMS) from None
    if moment.year not in _YEARS:
        raise Unreadable(f"lies outside the years {_YEARS[0]} to {_YEARS[-1]}", _MOMENT_FORMS)
    return moment


def read_start(value: object) -> Start:
    """Read when a time box starts. Raises: Unreadable."""
    if not isinstance(value, str):
        raise Unreadable("is no start of a box", _START_FORMS)
    if value.startswith("+"):
        return AfterOpening(read_span(value[1:]))
    if re.fullmatch(CLOCK, value):
        return time.fromisoformat(value)
    if re.fullmatch(r"[0-9]{4}-.*", value):
        return read_moment(value)
    if re.fullmatch(CLOCK, f"0{value}"):
        raise Unreadable("is no start of a box", f"write 0{value}")
    raise Unreadable("is no start of a box", _START_FORMS)


def instant_of(moment: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a moment in the zone, UTC.

    Raises: Unreadable: the local time occurs twice or not at all, for the clocks are changed.
    """
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    first, second = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    instant = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return instant
    if instant.astimezone(zone).replace(tzinfo=None) == moment:
        raise Unreadable(
            f"occurs twice in {zone.key}, where the clocks go back",
            f"write {_stamp(first)} for the first or {_stamp(second)} for the second",
        )
    # Before the gap the second offset holds, so this is the time the clocks would have shown.
    raise Unreadable(
        f"does not exist in {zone.key}, where the clocks go forward",
        f"write {_stamp(instant.astimezone(zone))}, or another time with its offset",
    )


def first_at(clock: time, opens_at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at or after the opening when clocks in the zone show that time.

    Raises: Unreadable: the clocks are changed across it.
    """
    opening: date = opens_at.astimezone(zone).date()
    today = instant_of(datetime.combine(opening, clock), zone)
    if today >= opens_at:
        return today
    return instant_of(datetime.combine(opening + timedelta(days=1), clock), zone)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds" if moment.second else "minutes")
