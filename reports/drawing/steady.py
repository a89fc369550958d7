"""The steady state over time: how many probes were within, and one probe by itself.

A state is drawn from one sample to the next; where nothing was measured, nothing is drawn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Final

from orchestrator.domain.hypothesis import Sample
from reports.drawing.axis import Axis
from reports.drawing.marks import in_mark, out_mark
from reports.drawing.svg import number, tag
from reports.steady import ProbeReview, number_in

MOST_MARKS: Final = 150
"""Above so many samples of a probe, the line tells more than a mark for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Where a lane lies from top to bottom."""

    top: float
    bottom: float

    def y(self, share: float) -> float:
        """The height of a share: 1 at the top."""
        return self.bottom - (self.bottom - self.top) * share


def share_line(probes: Iterable[ProbeReview], axis: Axis, band: Band) -> str:
    """The share of probes within their tolerance, as a step line."""
    points = _columns([(axis.x(at), share) for at, share in _steps(probes)])
    if not points:
        return ""
    lost = [
        (left, max(right, left + 1.5), share)
        for (left, share), (right, _) in pairwise(points)
        if share < 1
    ]
    area = "".join(
        f"M{number(left)} {number(band.top)}H{number(right)}V{number(band.y(share))}"
        f"H{number(left)}Z"
        for left, right, share in lost
    )
    line = f"M{number(points[0][0])} {number(band.y(points[0][1]))}" + "".join(
        f"H{number(x)}V{number(band.y(share))}" for x, share in points[1:]
    )
    under = "".join(
        f"M{number(left)} {number(band.y(share))}H{number(right)}" for left, right, share in lost
    )
    drawn = (("sw-out", area), ("sw-steady", line), ("sw-out-line", under))
    return "".join(tag("path", d=path, class_=shape) for shape, path in drawn if path)


def _steps(probes: Iterable[ProbeReview]) -> list[tuple[datetime, float]]:
    samples = sorted((s for probe in probes for s in probe.samples), key=lambda s: s.at)
    within: dict[str, bool] = {}
    steps: list[tuple[datetime, float]] = []
    for sample in samples:
        within[sample.probe] = sample.within
        share = sum(within.values()) / len(within)
        if steps and steps[-1][0] == sample.at:
            steps[-1] = (sample.at, share)
        elif not steps or steps[-1][1] != share:
            steps.append((sample.at, share))
    return [*steps, (samples[-1].at, steps[-1][1])] if steps else []


def _columns(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """No more than the lowest and the last share of each column that an eye can tell apart."""
    kept: list[tuple[float, float]] = []
    for _, column in groupby(points, key=lambda point: int(point[0])):
        found = list(column)
        lowest = min(found, key=lambda point: point[1])
        kept.extend([lowest] if lowest == found[-1] else [lowest, found[-1]])
    return kept


def probe_lane(probe: ProbeReview, axis: Axis, band: Band) -> str:
    """One probe: a line where it gives numbers, else a step for within and outside."""
    samples = [sample for sample in probe.samples if axis.covers(sample.at)]
    if not samples:
        return ""
    scaled = _scaled(probe, samples, band)
    ground = _outside(samples, axis, band)
    line = _line([(axis.x(s.at), y) for s, y in zip(samples, scaled, strict=True)])
    marks = "" if len(samples) > MOST_MARKS else "".join(
        (in_mark if sample.within else out_mark)(axis.x(sample.at), y)
        for sample, y in zip(samples, scaled, strict=True)
    )  # fmt: skip
    return ground + line + marks


def scale_of(probe: ProbeReview) -> tuple[float, float] | None:
    """The lowest and the highest number that a probe gave; None when it gave no line's worth."""
    numbers = {number for sample in probe.samples if (number := number_in(sample)) is not None}
    return (min(numbers), max(numbers)) if len(numbers) > 1 else None


def _scaled(probe: ProbeReview, samples: Sequence[Sample], band: Band) -> list[float]:
    scale = scale_of(probe)
    if scale is None:
        return [band.y(0.9 if sample.within else 0.1) for sample in samples]
    low, high = scale
    numbers = [number_in(sample) for sample in samples]
    # A probe without an answer has no number; its mark stands at the foot.
    shares = [0.0 if number is None else (number - low) / (high - low) for number in numbers]
    return [band.y(0.08 + 0.84 * share) for share in shares]


def _outside(samples: Sequence[Sample], axis: Axis, band: Band) -> str:
    stretches: list[list[float]] = []
    for sample, later in pairwise(samples):
        if sample.within:
            continue
        left, right = axis.x(sample.at), axis.x(later.at)
        if stretches and left - stretches[-1][1] < 1:
            stretches[-1][1] = right
        else:
            stretches.append([left, right])
    path = "".join(
        f"M{number(left)} {number(band.top)}H{number(max(right, left + 1.5))}"
        f"V{number(band.bottom)}H{number(left)}Z"
        for left, right in stretches
    )
    return tag("path", d=path, class_="sw-out") if path else ""


def _line(points: Sequence[tuple[float, float]]) -> str:
    path = "".join(
        f"{'L' if place else 'M'}{number(x)} {number(y)}"
        for place, (x, y) in enumerate(_thinned(points))
    )
    return tag("path", d=path, class_="sw-steady")


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """No more than the highest and the lowest of each column that an eye can tell apart."""
    if len(points) <= 4 * MOST_MARKS:
        return points
    kept: list[tuple[float, float]] = []
    for _, column in groupby(points, key=lambda point: int(point[0] / 2)):
        found = list(column)
        low, high = min(found, key=lambda p: p[1]), max(found, key=lambda p: p[1])
        kept.extend(sorted({low, high}))
    return kept
