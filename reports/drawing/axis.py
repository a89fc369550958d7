"""An axis of time, and where its ticks stand.

It knows no lanes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import count, takewhile
from typing import Final

from reports.drawing.lettering import width_of
from reports.drawing.svg import lettered
from reports.words import lasting

STEPS: Final = (
    1, 2, 5, 10, 15, 30,
    60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200, 86400,
)  # fmt: skip
"""Distances between ticks that people read well, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One tick and what it says."""

    x: float
    label: str

    def label_at(self, y: float, *, width: float) -> str:
        """The label, centred on the tick but never beyond the drawing."""
        half = width_of(self.label, 11) / 2 + 2
        x = min(max(self.x, half), width - half)
        return lettered(x, y, self.label, "sw-small sw-soft", anchor="middle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Maps instants to a line from left to right; end is later than start."""

    start: datetime
    end: datetime
    left: float
    right: float

    def x(self, moment: datetime) -> float:
        """Where an instant lies; beyond an end, at that end."""
        share = (moment - self.start) / (self.end - self.start)
        return self.left + (self.right - self.left) * min(max(share, 0.0), 1.0)

    def covers(self, moment: datetime) -> bool:
        """Whether the instant lies on the axis."""
        return self.start <= moment <= self.end

    def by_the_clock(self, zone: tzinfo, *, room: float) -> list[Tick]:
        """Ticks at round times of day, each with at least so much room."""
        step = self._step(room)
        local = self.start.astimezone(zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        shape = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%d %b"
        return self._ticks(midnight, step, lambda at: at.astimezone(zone).strftime(shape))

    def since(self, origin: datetime, *, room: float) -> list[Tick]:
        """Ticks at round durations before and after an instant."""

        def label(at: datetime) -> str:
            passed = at - origin
            sign = "-" if passed < timedelta() else "+"
            return "start" if not passed else f"{sign}{_rounded(abs(passed))}"

        return self._ticks(origin, self._step(room), label)

    def _step(self, room: float) -> float:
        most = max(1.0, (self.right - self.left) / room)
        needed = (self.end - self.start).total_seconds() / most
        return next((step for step in STEPS if step >= needed), needed)

    def _ticks(self, origin: datetime, step: float, label: Callable[[datetime], str]) -> list[Tick]:
        distance = timedelta(seconds=step)
        first = -((origin - self.start) // distance)
        instants = (origin + n * distance for n in count(first))
        shown = takewhile(lambda at: at <= self.end, instants)
        return [Tick(x=self.x(at), label=label(at)) for at in shown]


def _rounded(passed: timedelta) -> str:
    return lasting(timedelta(seconds=round(passed.total_seconds()))).removesuffix(".0")


def axis_over(
    start: datetime, end: datetime, *, left: float, right: float, margin: float = 0.02
) -> Axis:
    """An axis over a time with a margin at both ends; a time without extent gets a minute."""
    span = max(end - start, timedelta(seconds=1)) if end > start else timedelta(minutes=1)
    return Axis(
        start=start - span * margin, end=start + span * (1 + margin), left=left, right=right
    )
