"""The tour as it is written down: headings, commands, what to wait for, and why answers differ.

It plays nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SCRIPT: Final = Path(__file__).with_name("tour.txt")


@dataclass(slots=True)
class Step:
    """One line of the tour and what belongs to it.

    Shape: `mark` is `=` for a heading, `$` for a command, `~` for a condition to wait for.
    """

    mark: str
    text: str
    stdin: str = ""
    reason: str = ""


@dataclass(slots=True)
class Answer:
    """What one cluster answered to a command."""

    output: str
    code: int = 0
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.output.splitlines()


def steps(path: Path = SCRIPT) -> list[Step]:
    """The steps of a tour, in order."""
    found: list[Step] = []
    for mark, text in _marked(path.read_text()):
        match mark:
            case ">":
                found[-1].stdin += text + "\n"
            case "!":
                found[-1].reason = text
            case _:
                found.append(Step(mark, text))
    return found


def _marked(script: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(script.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        mark, _, text = line.partition(" ")
        if mark not in {"==", "$", "~", ">", "!"}:
            raise ValueError(f"line {number} of the tour begins with none of ==, $, ~, > and !")
        yield mark[0], text
