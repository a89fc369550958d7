"""How the parts of a plan fit together.

It sees parts that can be read; the forms of single fields were checked before.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from orchestrator.adapters.planfile.kinds import findings_of_box, findings_of_day
from orchestrator.adapters.planfile.limits import WrittenLimits, WrittenNarrower
from orchestrator.adapters.planfile.models import WrittenPerson
from orchestrator.adapters.planfile.parts import Parts
from orchestrator.adapters.planfile.times import Finding, box_findings, window_findings, window_of
from orchestrator.adapters.planfile.tree import Path, dotted
from orchestrator.adapters.planfile.units import write_duration, write_share
from orchestrator.adapters.planfile.words import nearest
from orchestrator.domain.identity import Role
from orchestrator.domain.plan import Environment

MOST_SHARE_IN_PRODUCTION: Final = Fraction(1, 2)


def findings_of(parts: Parts) -> Iterator[Finding]:
    """Everything that does not fit."""
    yield from _times(parts)
    yield from _people(parts)
    yield from _names(parts)
    yield from _services(parts)
    yield from _narrower(parts)
    yield from _abort_conditions(parts)
    if parts.environment is Environment.PRODUCTION:
        yield from _production(parts)


def _times(parts: Parts) -> Iterator[Finding]:
    if parts.window is None:
        return
    wrong = list(window_findings(parts.window))
    yield from wrong
    if not wrong:
        yield from box_findings(parts.agenda, window_of(parts.window))


def _people(parts: Parts) -> Iterator[Finding]:
    seen: dict[str, tuple[int, WrittenPerson]] = {}
    for place, person in parts.people.items():
        first = seen.setdefault(person.name.casefold(), (place, person))
        if first[0] != place:
            yield _twice(("people", place), person, first)
    roles = {person.role for person in parts.people.values()}
    are_whole = len(parts.people) == parts.counts["people"] > 0
    if are_whole and Role.FACILITATOR not in roles:
        way_out = "add one, such as `{name: Ada, role: facilitator}`"
        yield ("people",), "has no facilitator, who opens the day and can halt it", way_out


def _twice(path: Path, person: WrittenPerson, first: tuple[int, WrittenPerson]) -> Finding:
    place, other = first
    where = f"{other.role} in {dotted(('people', place))}"
    roles = {person.role, other.role}
    if roles == {Role.FACILITATOR, Role.AGENT}:
        problem = f"is {where} as well; who runs the day cannot strike too"
    elif Role.RESPONDER in roles and any(role.is_in_the_know for role in roles):
        problem = f"is {where} as well; who knows the plan cannot respond"
    else:
        problem = f"is {where} already"
    return (*path, "name"), problem, "give each person one role"


def _names(parts: Parts) -> Iterator[Finding]:
    named = (
        ("agenda", "box", {place: box.box for place, box in parts.agenda.items()}),
        ("services", "name", {place: service.name for place, service in parts.services.items()}),
    )
    for section, field, names in named:
        first: dict[str, int] = {}
        for place, name in names.items():
            if (earlier := first.setdefault(name, place)) != place:
                problem = f"is the name of {dotted((section, earlier))} already"
                yield (section, place, field), problem, "give each its own name"


def _services(parts: Parts) -> Iterator[Finding]:
    if len(parts.services) != parts.counts["services"]:
        return
    known = [service.name for service in parts.services.values()]
    for place, box in parts.agenda.items():
        if box.service and box.service not in known:
            near = nearest(box.service, known)
            way_out = f"did you mean {near}?" if near else "add it to services, with its team"
            yield ("agenda", place, "service"), "is none of the plan's services", way_out


def _narrower(parts: Parts) -> Iterator[Finding]:
    if parts.limits is None:
        return
    yield from _under(("blast_radius",), findings_of_day(parts.limits))
    for place, box in parts.agenda.items():
        if (own := box.blast_radius) is not None:
            path = ("agenda", place, "blast_radius")
            yield from _under(path, _wider(own, parts.limits))


def _under(path: Path, findings: Iterator[Finding]) -> Iterator[Finding]:
    for inner, problem, way_out in findings:
        yield (*path, *inner), problem, way_out


def _wider(own: WrittenNarrower, day: WrittenLimits) -> Iterator[Finding]:
    for place, name in enumerate(own.namespaces):
        if name not in day.namespaces:
            way_out = f"use some of: {', '.join(day.namespaces)}"
            yield ("namespaces", place), "lies outside the day's blast radius", way_out
    yield from findings_of_box(own, day)
    if own.most_objects is not None and own.most_objects > day.most_objects:
        yield _more("most_objects", str(day.most_objects))
    if own.most_share is not None and own.most_share > day.most_share:
        yield _more("most_share", write_share(day.most_share))
    if own.most_node_share is not None and own.most_node_share > day.most_node_share:
        yield _more("most_node_share", write_share(day.most_node_share))
    if own.longest is not None and own.longest > day.longest:
        yield _more("longest", write_duration(day.longest))
    yield from _against(own.selectors, day.selectors)


def _more(field: str, limit: str) -> Finding:
    return (field,), f"is more than the day's {limit}", f"write {limit} or less, or leave it out"


def _against(own: Mapping[str, str], day: Mapping[str, str]) -> Iterator[Finding]:
    for key, value in own.items():
        if day.get(key, value) != value:
            problem = f"is not the day's {day[key]}, which has to be carried too"
            yield ("selectors", key), problem, "leave it out, or narrow by another label"


def _abort_conditions(parts: Parts) -> Iterator[Finding]:
    for place, condition in parts.abort_when.items():
        path = ("abort_when", place)
        measures = {
            "probe": condition.probe,
            "http": condition.http,
            "prometheus": condition.prometheus,
            "kubernetes": condition.kubernetes,
        }
        named = [name for name, measure in measures.items() if measure]
        if len(named) > 1:
            yield path, f"has {' and '.join(named)}", "write a condition for each"
        query = condition.prometheus
        if query and query.lowest is None and query.highest is None:
            problem = "has neither lowest nor highest, so no value is outside"
            yield (*path, "prometheus"), problem, "write one of them"


def _production(parts: Parts) -> Iterator[Finding]:
    if not parts.counts["abort_when"]:
        problem = "is empty, and production needs a condition that ends a run early"
        yield ("abort_when",), problem, "add one, such as `abort_when: [{out_for: 60s}]`"
    if parts.limits is None:
        return
    if parts.limits.most_share > MOST_SHARE_IN_PRODUCTION:
        problem = f"allows {write_share(parts.limits.most_share)}, more than production does"
        yield ("blast_radius", "most_share"), problem, "write 50% or less"
    if parts.limits.most_node_share > MOST_SHARE_IN_PRODUCTION:
        problem = f"allows {write_share(parts.limits.most_node_share)}, more than production does"
        yield ("blast_radius", "most_node_share"), problem, "write 50% or less"
    if not parts.limits.selectors:
        problem = "is empty, and production needs labels that whatever is touched must carry"
        yield ("blast_radius", "selectors"), problem, "add some, such as `{part-of: shop}`"
