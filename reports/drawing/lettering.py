"""How wide text is, near enough to keep labels apart without a font at hand.

It errs on the wide side: a label may look airy, and none runs into another.
"""

from typing import Final

_NARROW: Final = frozenset("iljtfrI.,:;|!'()[] ")
_WIDE: Final = frozenset("mwMW@%")


def width_of(text: str, size: float) -> float:
    """The width of a line in the units of its size."""
    return size * sum(map(_share, text))


def _share(letter: str) -> float:
    if letter in _NARROW:
        return 0.34
    if letter in _WIDE:
        return 0.92
    if ord(letter) > 0x2E80:
        return 1.05
    return 0.68 if letter.isupper() else 0.58


def cut(text: str, size: float, width: float) -> str:
    """The text, ended by an ellipsis where it would be wider than allowed."""
    if width_of(text, size) <= width:
        return text
    while text and width_of(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrapped(text: str, size: float, width: float, *, lines: int) -> list[str]:
    """The text in at most so many lines, the last one cut."""
    found: list[str] = []
    words = text.split()
    while words and len(found) < lines - 1:
        line = words.pop(0)
        while words and width_of(f"{line} {words[0]}", size) <= width:
            line += " " + words.pop(0)
        found.append(cut(line, size, width))
    return [*found, cut(" ".join(words), size, width)] if words else found
