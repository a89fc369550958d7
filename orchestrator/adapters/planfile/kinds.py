"""Whether the kinds of a plan, and what may be done to them, fit together.

It sees limits that can be read, and compares nothing but kinds.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from orchestrator.adapters.planfile.limits import WrittenLimits, WrittenNarrower
from orchestrator.adapters.planfile.powers import WrittenKinds, made_of
from orchestrator.adapters.planfile.times import Finding
from orchestrator.domain.verbs import WriteVerb, in_order, verbs_of

_OUTSIDE: Final = "lies outside the day's blast radius"


def findings_of_day(day: WrittenLimits) -> Iterator[Finding]:
    """What does not fit in the limits of the day."""
    yield from _unfit(day.kinds, day.irreversible)
    for place, kind in enumerate(day.creates):
        if kind not in day.kinds:
            way_out = f"add {kind} to kinds, or leave it out"
            yield ("creates", place), "is not among the kinds", way_out
    yield from _made(day.kinds, day.creates)


def findings_of_box(own: WrittenNarrower, day: WrittenLimits) -> Iterator[Finding]:
    """What does not fit in the limits of a box, or with those of its day."""
    yield from _unfit(own.kinds, day.irreversible)
    for place, kind in enumerate(own.kinds):
        if kind not in day.kinds:
            step = kind if isinstance(own.kinds, Mapping) else place
            yield ("kinds", step), _OUTSIDE, _some(day.kinds)
    makes = made_of(day.kinds) | set(day.creates)
    for place, kind in enumerate(own.creates):
        if kind not in makes:
            yield ("creates", place), _OUTSIDE, _some(sorted(makes))
    yield from _made(own.kinds, own.creates)
    for kind, place, verb in _listed(own.kinds):
        allowed = set(_verbs(day.kinds, kind))
        if not isinstance(day.kinds, Mapping) and kind not in day.creates:
            allowed.discard(WriteVerb.CREATE)
        if kind in day.kinds and verb in verbs_of(kind) and verb not in allowed:
            yield ("kinds", kind, place), _OUTSIDE, _some(in_order(allowed))


def _unfit(kinds: WrittenKinds, irreversible: Collection[str]) -> Iterator[Finding]:
    """Verbs that nobody could do, or that cannot be put back without the plan saying so."""
    for kind, place, verb in _listed(kinds):
        if verb not in verbs_of(kind):
            problem = f"is nothing that can be done to {kind}"
            yield ("kinds", kind, place), problem, _some(in_order(verbs_of(kind)))
        elif verb is WriteVerb.EXEC and verb not in irreversible:
            problem = "cannot be put back, and the day's irreversible does not name it"
            yield ("kinds", kind, place), problem, "add `irreversible: [exec]`, or leave it out"


def _made(kinds: WrittenKinds, creates: Collection[str]) -> Iterator[Finding]:
    """Kinds of which objects may be made, although their verbs have no create."""
    for place, kind in enumerate(creates):
        if kind in kinds and WriteVerb.CREATE not in _verbs(kinds, kind):
            way_out = f"add create to kinds.{kind}, or leave it out"
            yield ("creates", place), f"is not among the verbs of kinds.{kind}", way_out


def _listed(kinds: WrittenKinds) -> Iterator[tuple[str, int, WriteVerb]]:
    """Every verb that is written, with its kind and its place."""
    if isinstance(kinds, Mapping):
        for kind, verbs in kinds.items():
            for place, verb in enumerate(verbs):
                yield kind, place, WriteVerb(verb)


def _verbs(kinds: WrittenKinds, kind: str) -> Collection[WriteVerb]:
    if isinstance(kinds, Mapping):
        return [WriteVerb(verb) for verb in kinds.get(kind, ())]
    return verbs_of(kind)


def _some(allowed: Collection[str]) -> str:
    return f"use some of: {', '.join(allowed)}" if allowed else "leave it out"
