"""Keeping marks and labels apart on a line.

It moves things no further than needed, and never changes their order.
"""

from collections.abc import Sequence


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Positions at least a gap apart, each cluster centred on where its members want to be.

    Shape: wanted in ascending order; where there is no room for all gaps, the gap shrinks.
    """
    if len(wanted) > 1:
        gap = min(gap, (high - low) / (len(wanted) - 1))
    clusters: list[list[float]] = []
    for position in wanted:
        clusters.append([position])
        while len(clusters) > 1 and _overlap(clusters[-2], clusters[-1], gap, low, high):
            last = clusters.pop()
            clusters[-1].extend(last)
    return [
        _start(cluster, gap, low, high) + place * gap
        for cluster in clusters
        for place in range(len(cluster))
    ]


def _start(cluster: Sequence[float], gap: float, low: float, high: float) -> float:
    extent = gap * (len(cluster) - 1)
    centre = sum(cluster) / len(cluster)
    return max(low, min(centre - extent / 2, high - extent))


def _overlap(
    before: Sequence[float], after: Sequence[float], gap: float, low: float, high: float
) -> bool:
    ends = _start(before, gap, low, high) + gap * (len(before) - 1)
    return _start(after, gap, low, high) - ends < gap - 1e-9


def tiered(extents: Sequence[tuple[float, float]], *, gap: float) -> list[int]:
    """A tier for each label, the lowest in which it runs into no other.

    Shape: extents from left to right, each from its start to its end.
    """
    ends: list[float] = []
    tiers: list[int] = []
    for start, end in extents:
        tier = next((n for n, taken in enumerate(ends) if taken + gap <= start), len(ends))
        if tier == len(ends):
            ends.append(end)
        ends[tier] = end
        tiers.append(tier)
    return tiers
