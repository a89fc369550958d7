"""Durations and shares as people write them, both ways.

It does not decide how long or how large something may be on a day; the checks do.
"""

import re
from datetime import timedelta
from fractions import Fraction
from typing import Final

LONGEST: Final = timedelta(hours=168)
"""Longer durations are slips of the pen; the limit also keeps instants within the calendar."""

DURATION: Final = r"(?=[0-9])(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?"
SHARE: Final = r"[0-9]{1,3}(?:\.[0-9]{1,6})?%|[01](?:\.[0-9]{1,6})?|[0-9]{1,6}/[0-9]{1,6}"

_FORMS: Final = "write hours, minutes and seconds such as 90s, 15m or 1h30m"


class Unreadable(ValueError):
    """A value that cannot be read: what is wrong with it, and the way out."""

    def __init__(self, problem: str, way_out: str) -> None:
        super().__init__(f"{problem}; {way_out}")
        self.problem = problem
        self.way_out = way_out


def read_duration(value: object) -> timedelta:
    """Read a duration above zero, such as 90s, 15m or 1h30m.

    Raises: Unreadable.
    """
    if duration := read_span(value):
        return duration
    raise Unreadable("is no time at all", "write at least 1s")


def read_span(value: object) -> timedelta:
    """Read a duration that may be zero.

    Raises: Unreadable.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        raise Unreadable("has no unit", f"write {value}s, {value}m or {value}h")
    match = re.fullmatch(DURATION, value) if isinstance(value, str) else None
    if match is None:
        raise Unreadable("is no duration", _FORMS)
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if duration > LONGEST:
        raise Unreadable("is longer than 7 days", f"write at most {write_duration(LONGEST)}")
    return duration


def write_duration(duration: timedelta) -> str:
    """Write a duration so that it reads back the same.

    Units: whole seconds; what is less is cut off.
    """
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def read_share(value: object) -> Fraction:
    """Read a part of the whole, such as 34%, 0.34 or 1/3; above 0, up to 1.

    Raises: Unreadable.
    """
    share = _fraction(value)
    if share > 1:
        way_out = f"write {value}%" if isinstance(value, int) and value <= 100 else "write 100%"
        raise Unreadable("is more than the whole", f"{way_out}, or a number up to 1")
    if share <= 0:
        raise Unreadable("is no part at all", "write a share above 0%, such as 34%")
    return share


def _fraction(value: object) -> Fraction:
    form = Unreadable("is no share", "write a part of the whole such as 34%, 0.34 or 1/3")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise form
    text = str(value)
    # Numbers in the file have been read as such; in text, only the known forms count.
    if isinstance(value, str) and not re.fullmatch(SHARE, text):
        raise form
    try:
        return Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError) as error:
        raise form from error


def write_share(share: Fraction) -> str:
    """Write a share so that it reads back the same: in percent if that is exact, else as 1/3."""
    percent = share * 100
    shown = f"{float(percent):.6f}".rstrip("0").rstrip(".")
    return f"{shown}%" if Fraction(shown) == percent else str(share)
