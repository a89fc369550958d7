"""Marks up text, figures and tables in Markdown.

It decides nothing about what a debrief says.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Final

from orchestrator.domain.identity import Actor, ActorKind
from orchestrator.domain.plan import Person
from orchestrator.domain.timeline import PEOPLES_KINDS, Precision, TimelineEntry
from reports.figures import Figure
from reports.rules import RULES, Rule
from reports.words import brief_of, clock, seat_of, stamp, text_of

_MARKS: Final = str.maketrans(
    {mark: f"\\{mark}" for mark in "\\`*_{}[]#|~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
_LIST: Final = re.compile(r"^(\d+)([.)])|^([-+])(?=\s|$)")
_NUMBERS: Final = {rule.slug: place for place, rule in enumerate(RULES, start=1)}


def plain(text: object) -> str:
    """Text on one line in which nothing is markup."""
    line = " ".join(str(text).split()).translate(_MARKS)
    return _LIST.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", line)


def footnote(rule: Rule) -> str:
    """The mark that leads to a rule."""
    return f"[^{_NUMBERS[rule.slug]}]"


def footnotes() -> Iterable[str]:
    """Every rule, where the marks lead to."""
    return (f"{footnote(rule)}: **{rule.title}.** {rule.text}" for rule in RULES)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table and the empty line after it. Shape: cells are marked up already."""
    return [
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


class Pen:
    """Writes what depends on the day's zone and people."""

    def __init__(self, *, zone: tzinfo, people: Sequence[Person]) -> None:
        self._zone = zone
        self._people = people

    def figure(self, figure: Figure) -> str:
        """A figure and the mark of its rule."""
        return plain(text_of(figure, self._zone)) + footnote(figure.how)

    def brief(self, figure: Figure) -> str:
        """A duration in the fewest words, and the mark of its rule."""
        return plain(brief_of(figure)) + footnote(figure.how)

    def clock(self, moment: datetime) -> str:
        """The time of day."""
        return clock(moment, self._zone)

    def stamp(self, moment: datetime) -> str:
        """Date and time of day."""
        return stamp(moment, self._zone)

    def seat(self, actor: Actor) -> str:
        """Who it was, by role and team."""
        return plain(seat_of(actor, self._people))

    def words(self, entry: TimelineEntry) -> str:
        """What an entry says; people's own words stand in quotes, with their speaker."""
        is_quote = entry.actor.is_person and entry.kind in PEOPLES_KINDS
        said = plain(entry.text)
        if is_quote:
            said = f"“{said}” — {plain(entry.actor.name)}"
        tags = ["scripted"] if entry.actor.kind is ActorKind.SCRIPT else []
        tags += ["told later"] if entry.precision is Precision.RECALLED else []
        return said + (f" *({', '.join(tags)})*" if tags else "")
