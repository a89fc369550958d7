"""Schedules in the five fields of cron, and the next moment of one.

It tells moments; it starts nothing. Seconds and `@reboot` are not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

_MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMED: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}  # fmt: skip
_BOUNDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_WORDS: Final[tuple[dict[str, int], ...]] = (
    {}, {}, {},
    {name: number for number, name in enumerate(_MONTHS, 1)},
    {name: number for number, name in enumerate(_DAYS)},
)  # fmt: skip
_HORIZON: Final = timedelta(days=5 * 366)


class BadSchedule(Exception):
    """The text is no schedule."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due, in the time zone that the moments asked about have."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Both kinds of days are restricted, and one that fits is enough."""

    def after(self, moment: datetime) -> datetime | None:
        """The first due moment after one, or none within five years."""
        at = (moment + timedelta(minutes=1)).replace(second=0, microsecond=0)
        last = at + _HORIZON
        while at < last:
            if at.month not in self.months:
                at = (at.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0)
            elif not self._is_day(at):
                at = (at + timedelta(days=1)).replace(hour=0, minute=0)
            elif at.hour not in self.hours:
                at = (at + timedelta(hours=1)).replace(minute=0)
            elif at.minute not in self.minutes:
                at += timedelta(minutes=1)
            else:
                return at
        return None

    def _is_day(self, at: datetime) -> bool:
        by_date, by_weekday = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        return by_date or by_weekday if self.either_day else by_date and by_weekday


@lru_cache(maxsize=512)
def schedule_of(text: str) -> Schedule:
    """The schedule that a text in cron's form names.

    Raises: BadSchedule: it names none.
    """
    fields = _NAMED.get(text.strip(), text).split()
    if text.startswith("@") and text.strip() not in _NAMED:
        raise BadSchedule(f"unrecognized descriptor: {text}")
    if len(fields) != len(_BOUNDS):
        listed = " ".join(fields)
        raise BadSchedule(f"expected exactly 5 fields, found {len(fields)}: [{listed}]")
    minutes, hours, days, months, weekdays = (
        _field(field, *bounds, words)
        for field, bounds, words in zip(fields, _BOUNDS, _WORDS, strict=True)
    )
    either_day = not any(fields[index].startswith(("*", "?")) for index in (2, 4))
    return Schedule(minutes, hours, days, months, weekdays, either_day)


def _field(text: str, low: int, high: int, words: dict[str, int]) -> frozenset[int]:
    return frozenset(
        number for part in text.split(",") for number in _range(part, low, high, words)
    )


def _range(text: str, low: int, high: int, words: dict[str, int]) -> range:
    span, slash, step_text = text.partition("/")
    first, dash, last = span.partition("-")
    if first in {"*", "?"}:
        start, end = low, high
    else:
        start = _number(first, words)
        end = _number(last, words) if dash else high if slash else start
    step = _number(step_text, {}) if slash else 1
    if start < low:
        raise BadSchedule(f"beginning of range ({start}) below minimum ({low}): {text}")
    if end > high:
        raise BadSchedule(f"end of range ({end}) above maximum ({high}): {text}")
    if start > end:
        raise BadSchedule(f"beginning of range ({start}) beyond end of range ({end}): {text}")
    if not step:
        raise BadSchedule(f"step of range should be a positive number: {text}")
    return range(start, end + 1, step)


def _number(text: str, words: dict[str, int]) -> int:
    if text.lower() in words:
        return words[text.lower()]
    if not (text.isascii() and text.isdigit()):
        raise BadSchedule(
            f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    return int(text)
