"""What was measured of the steady state, probe by probe.

It does not judge a run; `domain.hypothesis` gave its finding while it ran.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, Final

from orchestrator.domain.hypothesis import Sample, tolerances_of
from reports.figures import Censoring, Figure, Unit, count, instant, share
from reports.rules import FIRST_LOST, LONGEST_OUT, RESTORED_AT, SHARE_WITHIN
from reports.window import FaultWindow

LONGEST_VALUE: Final = 40
"""How much of a value is shown, in letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReview:
    """One probe of the hypothesis over one run.

    Units: interval is the usual time between two samples; None with fewer than two.
    """

    probe: str
    tolerance: str
    samples: tuple[Sample, ...]
    taken: Figure
    interval: timedelta | None
    before: Figure
    during: Figure
    after: Figure
    first_lost: Figure
    restored: Figure
    longest_out: Figure
    seen: str
    """What it showed while the fault was active, for people."""


def probes_of(
    document: Mapping[str, Any], samples: Sequence[Sample], window: FaultWindow | None
) -> tuple[ProbeReview, ...]:
    """Review each probe that the experiment names or that has samples."""
    tolerances = tolerances_of(document)
    taken: dict[str, list[Sample]] = {name: [] for name in tolerances}
    for sample in samples:
        taken.setdefault(sample.probe, []).append(sample)
    return tuple(
        _review(probe, tolerances.get(probe, ""), sorted(own, key=lambda s: s.at), window)
        for probe, own in taken.items()
    )


def was_lost(probes: Iterable[ProbeReview]) -> bool | None:
    """Whether any sample lay outside while the fault was active; None without a sample."""
    shares = [probe.during.value for probe in probes if probe.during.value is not None]
    return any(value != 1 for value in shares) if shares else None


def _review(
    probe: str, tolerance: str, samples: Sequence[Sample], window: FaultWindow | None
) -> ProbeReview:
    before, during, after = _parts(samples, window)
    since = [*during, *after]
    return ProbeReview(
        probe=probe,
        tolerance=tolerance,
        samples=tuple(samples),
        taken=count(SHARE_WITHIN, len(samples)),
        interval=_interval(samples),
        before=_share(before),
        during=_share(during),
        after=_share(after),
        first_lost=_first_lost(since),
        restored=_restored(since),
        longest_out=_longest_out(since),
        seen=_seen(during),
    )


def _parts(
    samples: Sequence[Sample], window: FaultWindow | None
) -> tuple[list[Sample], list[Sample], list[Sample]]:
    if window is None:
        return list(samples), [], []
    ends = window.ended_at
    return (
        [sample for sample in samples if sample.at < window.began_at],
        [s for s in samples if s.at >= window.began_at and (ends is None or s.at < ends)],
        [sample for sample in samples if ends is not None and sample.at >= ends],
    )


def _interval(samples: Sequence[Sample]) -> timedelta | None:
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(samples)]
    return timedelta(seconds=median(gaps)) if gaps else None


def _share(samples: Sequence[Sample]) -> Figure:
    if not samples:
        return share(SHARE_WITHIN, None, note="no sample")
    within = sum(sample.within for sample in samples)
    return share(SHARE_WITHIN, within / len(samples), note=f"{within} of {len(samples)}")


def _first_lost(since: Sequence[Sample]) -> Figure:
    lost = next((sample.at for sample in since if not sample.within), None)
    return instant(FIRST_LOST, lost, note="" if lost or not since else "not lost")


def _restored(since: Sequence[Sample]) -> Figure:
    if not any(not sample.within for sample in since):
        return instant(RESTORED_AT, None, note="not lost" if since else "")
    found: datetime | None = None
    for sample in since:
        if not sample.within:
            found = None
        elif found is None:
            found = sample.at
    return instant(RESTORED_AT, found, note="" if found else "not seen before sampling ended")


def _longest_out(since: Sequence[Sample]) -> Figure:
    if not since:
        return Figure(value=None, unit=Unit.DURATION, how=LONGEST_OUT)
    longest, began = timedelta(), None
    for sample in since:
        if not sample.within:
            began = began or sample.at
        elif began:
            longest, began = max(longest, sample.at - began), None
    unseen = since[-1].at - began if began else None
    is_open = unseen is not None and unseen >= longest
    return Figure(
        value=unseen if is_open else longest,
        unit=Unit.DURATION,
        how=LONGEST_OUT,
        censored=Censoring.SAMPLING_ENDED if is_open else None,
        note="not lost" if all(sample.within for sample in since) else "",
    )


def _seen(during: Sequence[Sample]) -> str:
    shown = Counter(_shown(sample) for sample in during)
    if len(shown) <= 3:
        return ", ".join(f"{value} ({times})" for value, times in shown.most_common())
    numbers = [number for sample in during if (number := number_in(sample)) is not None]
    others = len(during) - len(numbers)
    span = f"{min(numbers):g} to {max(numbers):g}" if numbers else f"{len(shown)} values"
    return span + (f", and {others} without a number" if others and numbers else "")


def _shown(sample: Sample) -> str:
    value = sample.value or sample.problem or "no value"
    return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"


def number_in(sample: Sample) -> float | None:
    """The sample's value as a finite number, if it is one."""
    try:
        number = float(sample.value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
