"""One row of the table, and how samples are summed up."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure of ours beside another, from the same run.

    Units: as said by unit; ratio is ours to the other's.
    """

    what: str
    ours: Sequence[float]
    beside: str
    theirs: Sequence[float]
    unit: str
    budget: str

    def __str__(self) -> str:
        ratio = statistics.median(self.ours) / statistics.median(self.theirs)
        ours, theirs = self._told(self.ours), self._told(self.theirs)
        return f"| {self.what} | {ours} | {self.beside} | {theirs} | {ratio:.2f} | {self.budget} |"

    def _told(self, values: Sequence[float]) -> str:
        middle = f"{_short(statistics.median(values))} {self.unit}"
        if len(values) == 1:
            return middle
        return f"{middle} ({_short(min(values))} to {_short(max(values))})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of something with us, in words, and what came of it elsewhere."""

    what: str
    ours: str
    beside: str
    theirs: str
    budget: str = ""

    def __str__(self) -> str:
        return f"| {self.what} | {self.ours} | {self.beside} | {self.theirs} | | {self.budget} |"
