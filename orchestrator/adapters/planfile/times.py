"""Where the window and the boxes of a plan lie on the calendar.

It places them; what a box does in its time is none of its business.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from orchestrator.adapters.planfile.models import WrittenBox, WrittenWindow
from orchestrator.adapters.planfile.moments import AfterOpening, first_at, instant_of
from orchestrator.adapters.planfile.tree import Path, dotted
from orchestrator.adapters.planfile.units import Unreadable
from orchestrator.domain.plan import Window

Finding: TypeAlias = tuple[Path, str, str]
"""The field, what is wrong with it, and the way out."""

_APART: Final = "move one, make the earlier one shorter, or write `beside_others: true` into both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A box on the calendar."""

    path: Path
    name: str
    starts_at: datetime
    ends_at: datetime
    beside_others: bool


def window_of(window: WrittenWindow) -> Window:
    """The window in instants.

    Raises: Unreadable: the clocks are changed at one of its ends.
    """
    return Window(
        zone=window.zone.key,
        opens_at=instant_of(window.opens, window.zone),
        closes_at=instant_of(window.closes, window.zone),
    )


def starts_at(box: WrittenBox, window: Window) -> datetime:
    """When a box starts if the day opens as planned.

    Raises: Unreadable: the clocks are changed across its start.
    """
    zone = ZoneInfo(window.zone)
    match box.at:
        case AfterOpening(after=after):
            return window.opens_at + after
        case time() as clock:
            return first_at(clock, window.opens_at, zone)
    return instant_of(box.at, zone)


def window_findings(window: WrittenWindow) -> Iterator[Finding]:
    """What is wrong with the window."""
    broken = False
    for field, moment in (("opens", window.opens), ("closes", window.closes)):
        try:
            instant_of(moment, window.zone)
        except Unreadable as unreadable:
            broken = True
            yield ("window", field), unreadable.problem, unreadable.way_out
    if not broken and (whole := window_of(window)).closes_at <= whole.opens_at:
        opens = local(whole.opens_at, window.zone)
        yield ("window", "closes"), "is not after the opening", f"write a time after {opens}"


def box_findings(agenda: Mapping[int, WrittenBox], window: Window) -> Iterator[Finding]:
    """What is wrong with the times of the boxes."""
    placed: list[Placed] = []
    for place, box in agenda.items():
        path: Path = ("agenda", place)
        try:
            start = starts_at(box, window)
        except Unreadable as unreadable:
            yield (*path, "at"), unreadable.problem, unreadable.way_out
            continue
        placed.append(
            Placed(
                path=path,
                name=box.box,
                starts_at=start,
                ends_at=start + box.lasts,
                beside_others=box.beside_others,
            )
        )
    zone = ZoneInfo(window.zone)
    for one in placed:
        yield from _outside(one, window, zone)
    yield from _overlaps(placed, zone)


def _outside(box: Placed, window: Window, zone: ZoneInfo) -> Iterator[Finding]:
    if box.starts_at < window.opens_at:
        opens = local(window.opens_at, zone)
        problem = f"lies before the window, which opens at {opens}"
        yield (*box.path, "at"), problem, "start later, or open earlier"
    elif box.ends_at > window.closes_at:
        end, closes = local(box.ends_at, zone), local(window.closes_at, zone)
        problem = f"makes the box end at {end}, after the window closes at {closes}"
        field = "lasts" if box.starts_at < window.closes_at else "at"
        yield (*box.path, field), problem, "start earlier, make it shorter, or close later"


def _overlaps(boxes: list[Placed], zone: ZoneInfo) -> Iterator[Finding]:
    boxes = sorted(boxes, key=lambda box: (box.starts_at, box.path))
    for place, box in enumerate(boxes):
        for other in boxes[:place]:
            if other.ends_at > box.starts_at and not (box.beside_others and other.beside_others):
                end = local(other.ends_at, zone)
                problem = f"overlaps with {dotted(other.path)} ({other.name}), which ends at {end}"
                yield (*box.path, "at"), problem, _APART
                break


def local(instant: datetime, zone: ZoneInfo) -> str:
    """An instant as clocks in the zone show it."""
    shown = instant.astimezone(zone).replace(tzinfo=None)
    return shown.isoformat(timespec="seconds" if shown.second else "minutes")
