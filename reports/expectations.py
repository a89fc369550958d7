"""What was expected beside what was observed, decided only where a rule decides.

It judges what was believed, never the people; most rows are left for the room to say.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from orchestrator.domain.plan import Expectation
from reports.figures import Figure
from reports.response import Milestone


class Verdict(StrEnum):
    """What came of an expectation."""

    MATCHED = "matched"
    DIFFERED = "differed"
    NOT_OBSERVABLE = "not observable"
    FOR_THE_ROOM = "to be said in the room"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationReview:
    """One expectation and what was observed.

    Shape: observed is the figure that decided, None where no rule decides.
    """

    what: str
    within: timedelta | None
    stated_in: str
    verdict: Verdict
    observed: Figure | None


_PEOPLE: Final = r"\b(?:teams?|responders?|somebody|someone|on[- ]call)\b.*"
_TURNS: Final[Mapping[Milestone, re.Pattern[str]]] = {
    Milestone.NOTICED: re.compile(
        rf"\b(?:notice|noticed|notices|detect|detects|detected)\b|{_PEOPLE}\bsees?\b", re.IGNORECASE
    ),
    Milestone.DECLARED: re.compile(r"\bdeclare[sd]?\b", re.IGNORECASE),
    Milestone.ACKNOWLEDGED: re.compile(r"\backnowledge[sd]?\b", re.IGNORECASE),
    Milestone.ESCALATED: re.compile(r"\bescalate[sd]?\b", re.IGNORECASE),
    Milestone.MITIGATED: re.compile(r"\bmitigate[sd]?\b", re.IGNORECASE),
    Milestone.RESOLVED: re.compile(r"\bresolve[sd]?\b", re.IGNORECASE),
}
_OTHERS_BEFORE: Final = re.compile(
    r"\b(?:no|not|nobody|none|never|without|dns|customers?|users?|visitors?|alerts?)\b|n't\b",
    re.IGNORECASE,
)
_NOTHING_AFTER: Final = re.compile(r"\s+(?:no|nothing|none|nobody)\b", re.IGNORECASE)
_SPAN: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


def expectations_of(
    *, planned: Iterable[Expectation], document: Mapping[str, Any]
) -> list[tuple[str, Expectation, str]]:
    """Every expectation with where it is stated and its kind, the plan's first, none twice."""
    found = [("the plan", expectation, "") for expectation in planned]
    seen = {expectation.what for _, expectation, _ in found}
    for expectation, kind in _in_document(document):
        if expectation.what not in seen:
            found.append(("the experiment", expectation, kind))
            seen.add(expectation.what)
    return found


def review(
    stated_in: str, expectation: Expectation, kind: str, *, times: Mapping[Milestone, Figure] | None
) -> ExpectationReview:
    """Hold one expectation against the times of a run; None when there was no fault to time."""
    milestone = milestone_in(expectation.what, kind)
    decided = milestone is not None and expectation.within is not None
    time = times[milestone] if times and milestone and decided else None
    verdict = Verdict.NOT_OBSERVABLE if decided else Verdict.FOR_THE_ROOM
    if time is not None and expectation.within is not None:
        verdict = _verdict(time, expectation.within)
    return ExpectationReview(
        what=expectation.what,
        within=expectation.within,
        stated_in=stated_in,
        verdict=verdict,
        observed=time,
    )


def milestone_in(what: str, kind: str = "") -> Milestone | None:
    """The turn of the response that an expectation is about, if it is about exactly one."""
    if kind:
        return next((each for each in Milestone if each == kind), None)
    named = [(each, found) for each, turn in _TURNS.items() if (found := turn.search(what))]
    if len(named) != 1:
        return None
    milestone, found = named[0]
    # "Nobody notices" and "customers notice nothing" are about no turn of the response;
    # "the team notices that nobody can pay" is.
    is_other = _OTHERS_BEFORE.search(what, 0, found.end())
    return None if is_other or _NOTHING_AFTER.match(what, found.end()) else milestone


def _verdict(time: Figure, within: timedelta) -> Verdict:
    if not isinstance(time.value, timedelta):
        return Verdict.NOT_OBSERVABLE
    if time.censored:
        return Verdict.DIFFERED if time.value >= within else Verdict.NOT_OBSERVABLE
    return Verdict.MATCHED if time.value <= within else Verdict.DIFFERED


def _in_document(document: Mapping[str, Any]) -> Iterable[tuple[Expectation, str]]:
    for extension in _list(document.get("extensions")):
        if isinstance(extension, Mapping) and extension.get("name") == "chaosday":
            for item in _list(extension.get("expects")):
                if isinstance(item, Mapping) and item.get("what"):
                    within = span_of(item.get("within"))
                    what = str(item["what"])
                    yield Expectation(what=what, within=within), str(item.get("kind") or "")
                elif isinstance(item, str):
                    yield Expectation(what=item), ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def span_of(value: Any) -> timedelta | None:
    """A duration written as seconds or as 90s, 15m, 1h30m; None if it is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value) if 0 <= value < 1e9 else None
    matched = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if not matched or not any(matched.groups()):
        return None
    hours, minutes, seconds = (float(part or 0) for part in matched.groups())
    return span_of(3600 * hours + 60 * minutes + seconds)
