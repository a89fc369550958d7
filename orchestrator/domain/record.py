"""All that is known of a day, gathered for its debrief.

It does not compute anything; `reports` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.domain.day import ChaosDay
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import RunId
from orchestrator.domain.incident import Incident, RunLink
from orchestrator.domain.run import Run
from orchestrator.domain.timeline import TimelineEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """A day with everything that was recorded on it.

    Shape: runs in the order of the agenda; entries by number; samples oldest first.
    """

    day: ChaosDay
    runs: Sequence[Run]
    entries: Sequence[TimelineEntry]
    incidents: Sequence[Incident]
    links: Sequence[RunLink]
    samples: Mapping[RunId, Sequence[Sample]]
