"""The debrief as one HTML file that asks nobody for anything: no script, no font, no image.

It computes nothing; templates lay out what the debrief holds, with everything escaped.
"""

from datetime import datetime
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from orchestrator.domain.identity import ActorKind
from orchestrator.domain.timeline import PEOPLES_KINDS, Precision, TimelineEntry
from reports.debrief import Debrief
from reports.drawing.palette import STYLE
from reports.facts import facts_of
from reports.figures import Figure
from reports.incidents import IncidentReview
from reports.matrix import matrix_of
from reports.response import Milestone
from reports.review import RunReview
from reports.rules import LIMITS, RULES
from reports.swimlane import NARROW, WIDE, swimlane_svg
from reports.words import (
    FINDINGS,
    INJECTIONS,
    clock,
    lasting,
    outcome_words,
    seat_of,
    stamp,
    text_of,
    writable,
)
from reports.zoom import CLOSE, CLOSE_NARROW, zoom_svg


def debrief_html(debrief: Debrief) -> str:
    """The whole debrief as one page that stands alone."""
    page = (
        _templates()
        .get_template("debrief.html.j2")
        .render(
            debrief=debrief,
            day=debrief.day,
            page=_Page(debrief),
            facts=facts_of(debrief),
            matrix=matrix_of(debrief),
            milestones=tuple(Milestone),
            rules=RULES,
            limits=LIMITS,
            style=_drawn(STYLE),
        )
    )
    return writable(page)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _drawn(text: str) -> Markup:
    # Drawings escape what they show where it enters, and the style is our own.
    return Markup(text)  # noqa: S704


class _Page:
    """What the templates ask about a debrief."""

    def __init__(self, debrief: Debrief) -> None:
        self._debrief = debrief
        self._zone = debrief.zone
        self._people = debrief.day.plan.people
        self._numbers = {entry.id: entry.seq for entry in debrief.entries}
        self._corrected = {entry.corrects: entry.seq for entry in debrief.entries if entry.corrects}
        self.titles = {review.run.id: review.run.title for review in debrief.runs}
        self._places = {review.run.id: n for n, review in enumerate(debrief.runs, start=1)}
        self.keys = {
            each.incident.id: each.incident.key for each in debrief.incidents if each.incident.key
        }
        self.outcome = outcome_words
        self.lasting = lasting
        self.findings = FINDINGS
        self.injections = INJECTIONS

    def text(self, figure: Figure) -> str:
        return text_of(figure, self._zone)

    def clock(self, moment: datetime) -> str:
        return clock(moment, self._zone)

    def stamp(self, moment: datetime) -> str:
        return stamp(moment, self._zone)

    def anchor(self, run: object) -> str:
        return f"run-{self._places.get(run, 0)}"  # type: ignore[call-overload]

    def seat(self, entry: TimelineEntry) -> str:
        return seat_of(entry.actor, self._people)

    def opener(self, incident: IncidentReview) -> str:
        return incident.opener(self._people)

    def speaker(self, entry: TimelineEntry) -> str:
        """The name beside a person's own words; empty beside anything else."""
        is_quote = entry.actor.is_person and entry.kind in PEOPLES_KINDS
        return entry.actor.name if is_quote else ""

    def is_scripted(self, entry: TimelineEntry) -> bool:
        return entry.actor.kind is ActorKind.SCRIPT

    def is_recalled(self, entry: TimelineEntry) -> bool:
        return entry.precision is Precision.RECALLED

    def corrects(self, entry: TimelineEntry) -> int:
        return self._numbers.get(entry.corrects, 0) if entry.corrects else 0

    def corrected_by(self, entry: TimelineEntry) -> int:
        return self._corrected.get(entry.id, 0)

    def swimlanes(self) -> tuple[Markup, Markup]:
        wide = swimlane_svg(self._debrief, layout=WIDE)
        return _drawn(wide), _drawn(swimlane_svg(self._debrief, layout=NARROW))

    def closes(self, run: RunReview) -> tuple[Markup, Markup]:
        prefix = self.anchor(run.run.id)
        wide = zoom_svg(run, zone=self._zone, prefix=prefix, close=CLOSE)
        narrow = zoom_svg(run, zone=self._zone, prefix=prefix, close=CLOSE_NARROW)
        return _drawn(wide), _drawn(narrow)
