"""When something happened, as people say it: `-2m`, `-1h30m`, or an instant.

It does not know what time it is; the caller says.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from orchestrator.domain.errors import InvalidMoment

_AGO: Final = re.compile(r"-(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?")
_LEEWAY: Final = timedelta(seconds=60)
"""How far a clock of somebody else's may be ahead of ours."""


def moment_of(text: str, *, now: datetime) -> datetime:
    """The instant that a person means.

    Raises: InvalidMoment: it cannot be read, has no zone, or lies in the future.
    """
    said = text.strip()
    if not said or said == "now":
        return now
    ago = _AGO.fullmatch(said)
    if ago and said != "-":
        hours, minutes, seconds = (int(part or 0) for part in ago.groups())
        return now - timedelta(hours=hours, minutes=minutes, seconds=seconds)
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise InvalidMoment(text=text, problem="is neither a time ago nor an instant") from None
    if at.tzinfo is None:
        raise InvalidMoment(text=text, problem="has no zone")
    if at > now + _LEEWAY:
        raise InvalidMoment(text=text, problem="lies in the future")
    try:
        return min(at.astimezone(UTC), now)
    except OverflowError:
        raise InvalidMoment(text=text, problem="lies before the calendar begins") from None
