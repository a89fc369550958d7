"""How figures, outcomes and people read: describing, with nobody's name beside a judgement.

It does not escape; each format does that for itself.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.domain.identity import Actor, ActorKind, Role
from orchestrator.domain.outcome import Outcome
from orchestrator.domain.plan import Person
from orchestrator.domain.run import Finding, Injection, Phase
from reports.figures import Censoring, Figure, Unit

UNKNOWN: Final = "unknown"

_UNWRITABLE: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeWords:
    """An outcome, named and told in a sentence."""

    name: str
    sentence: str


OUTCOMES: Final[Mapping[Outcome, OutcomeWords]] = {
    Outcome.ABSORBED: OutcomeWords(
        name="Absorbed", sentence="the steady state held, and nobody had cause to notice"
    ),
    Outcome.EARLY_NOTICE: OutcomeWords(
        name="Early notice", sentence="the steady state held, and people noticed all the same"
    ),
    Outcome.UNDETECTED: OutcomeWords(
        name="Undetected",
        sentence="the steady state was lost, and nobody recorded noticing it while it was active",
    ),
    Outcome.HUMAN_FOUND: OutcomeWords(
        name="Found by people",
        sentence="the steady state was lost, and people noticed while it was active",
    ),
    Outcome.INDETERMINATE: OutcomeWords(
        name="Indeterminate",
        sentence="the steady state was not measured while the fault was active",
    ),
    Outcome.NOT_STARTED: OutcomeWords(name="Not started", sentence="nothing was injected"),
    Outcome.INEFFECTIVE: OutcomeWords(
        name="Ineffective", sentence="the fault was sent and did not take effect"
    ),
}

STILL_RUNNING: Final = OutcomeWords(
    name="Still running", sentence="the run had not ended when this was written"
)

INJECTIONS: Final[Mapping[Injection, str]] = {
    Injection.PROVEN: "proven",
    Injection.NOT_EFFECTIVE: "not effective",
    Injection.UNKNOWN: UNKNOWN,
}

FINDINGS: Final[Mapping[Finding, str]] = {
    Finding.HELD: "the hypothesis held",
    Finding.DEVIATED: "the system deviated from the hypothesis",
    Finding.ABORTED: "aborted",
    Finding.UNFIT: "unfit: the steady state did not hold before anything was injected",
    Finding.INEFFECTIVE: "ineffective: the fault did not take effect",
    Finding.STRANDED: "stranded: restoration could not be proven, a human is needed",
    Finding.UNKNOWN: "unknown: nothing is claimed of the hypothesis",
}

PHASES: Final[Mapping[Phase, str]] = {phase: phase.replace("_", " ") for phase in Phase}


def outcome_words(outcome: Outcome | None) -> OutcomeWords:
    """The words for an outcome; None is a run that has not ended."""
    return STILL_RUNNING if outcome is None else OUTCOMES[outcome]


def zone_of(name: str) -> tzinfo:
    """The zone of that name; UTC when there is none of it here."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def lasting(time: timedelta) -> str:
    """A duration as h:mm:ss or m:ss, with tenths below ten seconds."""
    seconds = time.total_seconds()
    if seconds < 0:
        return "-" + lasting(-time)
    if seconds < 9.95:
        return f"0:{seconds:04.1f}"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def clock(moment: datetime, zone: tzinfo) -> str:
    """The time of day in the zone."""
    return moment.astimezone(zone).strftime("%H:%M:%S")


def stamp(moment: datetime, zone: tzinfo) -> str:
    """Date and time of day in the zone."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def text_of(figure: Figure, zone: tzinfo) -> str:
    """A figure as people read it."""
    match figure.value:
        case None:
            return figure.note or UNKNOWN
        case datetime() as moment:
            return clock(moment, zone)
        case timedelta() as time:
            return _time(figure, time)
        case number if figure.unit is Unit.SHARE:
            return f"{number:.0%}" + (f" ({figure.note})" if figure.note else "")
        case number:
            return f"{number}"


def _time(figure: Figure, time: timedelta) -> str:
    match figure.censored:
        case Censoring.FAULT_ENDED:
            return f"not within {lasting(time)}, the fault ended then"
        case Censoring.STILL_ACTIVE:
            return f"not within {lasting(time)}, the fault is still active"
        case Censoring.SAMPLING_ENDED:
            return f"longer than {lasting(time)}, sampling ended then"
        case None:
            return figure.note or lasting(time)


def brief_of(figure: Figure) -> str:
    """A duration in the fewest words; a limit has a sign."""
    if not isinstance(figure.value, timedelta):
        return UNKNOWN
    return (">" if figure.censored else "") + lasting(figure.value)


def seat_of(actor: Actor, people: Sequence[Person]) -> str:
    """Who it was, by role and team; a script is called one."""
    if not actor.is_person:
        return {ActorKind.ORCHESTRATOR: "chaosday"}.get(actor.kind, str(actor.kind))
    role = _role(actor.role) if actor.role else "person"
    team = next((person.team for person in people if person.name == actor.name), "")
    scripted = "scripted " if actor.kind is ActorKind.SCRIPT else ""
    return f"{scripted}{role}" + (f", team {team}" if team else "")


def seat_named(name: str, people: Sequence[Person]) -> str:
    """Who somebody is that is known by name alone; unknown to the plan, they are a person."""
    person = next((each for each in people if each.name == name), None)
    if person is None:
        return "a person"
    return _role(person.role) + (f", team {person.team}" if person.team else "")


def _role(role: Role) -> str:
    return "agent of chaos" if role is Role.AGENT else str(role)


def listed(items: Sequence[str]) -> str:
    """Items in one phrase: a, b and c."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural where it takes one."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def writable(text: str) -> str:
    """The text without the characters that neither HTML nor XML may hold."""
    return _UNWRITABLE.sub("\ufffd", text)
