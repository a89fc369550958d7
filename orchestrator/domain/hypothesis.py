"""What was measured of the steady state, and what follows from it.

It does not measure: samples come from the runner's observer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestrator.domain.abort import PREFIX
from orchestrator.domain.identity import RunId
from orchestrator.domain.run import Finding, Injection


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One observation by one probe of the hypothesis, or for one abort condition.

    Units: took is the time that the probe needed; value is as printed, for people.
    """

    run: RunId
    probe: str
    at: datetime
    within: bool
    """Whether the value lay inside the probe's tolerance; False also when the probe failed."""
    value: str
    took: timedelta
    problem: str = ""
    """Why the probe had no value, if it had none."""

    @property
    def is_of_hypothesis(self) -> bool:
        """Whether a probe of the hypothesis took it, and no abort condition of the plan."""
        return not self.probe.startswith(PREFIX)


def holds(samples: Iterable[Sample]) -> bool:
    """Whether every sample lay inside its tolerance, and there was one."""
    seen = [sample.within for sample in samples]
    return bool(seen) and all(seen)


def out_for(samples: Sequence[Sample], *, at: datetime) -> timedelta:
    """For how long the newest samples of one probe have been outside the tolerance.

    Shape: samples of one probe, oldest first.
    """
    since: datetime | None = None
    for sample in reversed(samples):
        if sample.within:
            break
        since = sample.at
    return timedelta() if since is None else at - since


def finding_of(
    *, aborted: bool, injection: Injection, during: Sequence[Sample], measurable: bool
) -> Finding:
    """The verdict on a run whose restoration was proven.

    Shape: the samples taken from the injection to the start of restoring; measurable
    says whether the experiment has a hypothesis at all.
    """
    if aborted:
        return Finding.ABORTED
    if injection is Injection.NOT_EFFECTIVE:
        return Finding.INEFFECTIVE
    if not measurable or not during:
        return Finding.UNKNOWN
    return Finding.HELD if holds(during) else Finding.DEVIATED


def tolerances_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The tolerance of each probe of the hypothesis, in a few words."""
    hypothesis = document.get("steady-state-hypothesis")
    probes = hypothesis.get("probes") if isinstance(hypothesis, Mapping) else None
    return {
        str(probe.get("name", "")): _tolerance(probe.get("tolerance"))
        for probe in (probes if isinstance(probes, list) else [])
        if isinstance(probe, Mapping)
    }


def _tolerance(tolerance: Any) -> str:
    if not isinstance(tolerance, Mapping):
        return "one of " + ", ".join(map(str, tolerance)) if isinstance(tolerance, list) else (
            "" if tolerance is None else str(tolerance)
        )  # fmt: skip
    match tolerance.get("type"), tolerance.get("range"), tolerance.get("pattern"):
        case "range", [low, high], _:
            return f"{low} to {high}"
        case "regex", _, str(pattern):
            return f"matches {pattern}"
        case kind, _, _:
            return f"by {kind or 'a probe'}"
