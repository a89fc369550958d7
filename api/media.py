"""Which of the media types on offer a client would rather have.

It refuses nobody: who accepts none of them gets the first.
"""

from collections.abc import Sequence


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The offered media type that an Accept header rates highest, the earlier one of equals.

    Source: RFC 9110, section 12.5.1: the most specific range that fits decides.
    """
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    return max(offered, key=lambda media: _rating(media, ranges))


def _range(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in text.split(";"))
    quality = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
    try:
        return media, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return media, 0.0


def _rating(media: str, ranges: Sequence[tuple[str, float]]) -> float:
    rated = dict(ranges)
    for candidate in (media, media.partition("/")[0] + "/*", "*/*"):
        if candidate in rated:
            return rated[candidate]
    return -1.0
