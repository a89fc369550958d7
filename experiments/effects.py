"""What each activity of an experiment does to the world, judged by its text alone.

Known are Chaos Toolkit's extension for Kubernetes and our own actions and probes; whatever else an
experiment may run can do anything. Nothing is imported, resolved or called here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from experiments.checks import items_of
from experiments.extension import NAME as EXTENSION
from experiments.structure import HYPOTHESIS
from orchestrator.domain.preview import Effect, Part

_READS: Final = re.compile(r"chaosk8s(?:\.\w+)*\.probes|experiments\.probes\.\w+")
_WRITES: Final = re.compile(r"chaosk8s(?:\.\w+)*\.actions|experiments\.actions\.\w+")
_HARMLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One activity, and where it stands.

    Shape: provider is as it is written, with its variables.
    """

    part: Part
    name: str
    provider: Mapping[str, Any]


def activities_of(document: Mapping[str, Any]) -> Iterator[Found]:
    """Every activity that Chaos Toolkit would run, in the order in which it would."""
    for name, entry in _members(document.get("configuration")):
        if entry.get("type") == "probe":
            yield _found(Part.CONFIGURATION, entry, name)
    hypothesis = document.get(HYPOTHESIS)
    probes = items_of(hypothesis.get("probes")) if isinstance(hypothesis, Mapping) else []
    known = _by_name([*probes, *items_of(document.get("method"))])
    for probe in probes:
        yield from _probe(Part.HYPOTHESIS, probe, known)
    for part, field in ((Part.METHOD, "method"), (Part.ROLLBACKS, "rollbacks")):
        for activity in items_of(document.get(field)):
            yield from _probe(part, activity, known)
    yield from _controls(document, probes)
    for extension in items_of(document.get("extensions")):
        if isinstance(extension, Mapping) and extension.get("name") == EXTENSION:
            proof = extension.get("proof")
            if isinstance(proof, Mapping) and isinstance(proof.get("probe"), Mapping):
                yield from _probe(Part.PROOF, proof["probe"], known)


def effect_of(provider: Mapping[str, Any]) -> tuple[Effect, str]:
    """What a provider does, and why nobody can tell if nobody can."""
    match provider.get("type"):
        case "http":
            method = str(provider.get("method") or "GET").upper()
            if method in _HARMLESS:
                return Effect.READ, ""
            return Effect.OPAQUE, f"what a {method} changes is known to its receiver alone"
        case "python":
            return _of_function(str(provider.get("module")), str(provider.get("func")))
        case "process":
            return Effect.OPAQUE, "a process may do anything"
        case other:
            return Effect.OPAQUE, f"{other} is no provider that is known"


def _of_function(module: str, function: str) -> tuple[Effect, str]:
    if not function.startswith("_"):
        if _READS.fullmatch(module):
            return Effect.READ, ""
        if _WRITES.fullmatch(module):
            return Effect.WRITE, ""
    return Effect.OPAQUE, f"{module}.{function} may do anything"


def described(provider: Mapping[str, Any]) -> str:
    """What a provider does, in short, for people."""
    match provider.get("type"):
        case "http":
            return f"{str(provider.get('method') or 'GET').upper()} {provider.get('url')}"
        case "python":
            return f"{provider.get('module')}.{provider.get('func')}"
        case "process":
            return f"process {provider.get('path')}"
        case other:
            return str(other)


def _probe(part: Part, activity: object, known: Mapping[str, Mapping[str, Any]]) -> Iterator[Found]:
    if not isinstance(activity, Mapping):
        return
    if "ref" in activity:
        activity = known.get(str(activity["ref"]), {"name": activity["ref"]})
    yield _found(part, activity)
    tolerance = activity.get("tolerance")
    if isinstance(tolerance, Mapping) and tolerance.get("type") == "probe":
        yield _found(Part.TOLERANCE, tolerance, f"tolerance of {activity.get('name')}")


def _controls(document: Mapping[str, Any], probes: list[Any]) -> Iterator[Found]:
    """Code that runs around everything else, of the experiment and of each activity."""
    activities = [*probes, *items_of(document.get("method")), *items_of(document.get("rollbacks"))]
    for holder in (document, document.get(HYPOTHESIS), *activities):
        for control in items_of(holder.get("controls")) if isinstance(holder, Mapping) else []:
            if isinstance(control, Mapping):
                provider = {**(control.get("provider") or {}), "func": "*"}
                yield Found(
                    part=Part.CONTROLS, name=str(control.get("name", "")), provider=provider
                )


def _found(part: Part, activity: Mapping[str, Any], name: str = "") -> Found:
    provider = activity.get("provider")
    return Found(
        part=part,
        name=str(activity.get("name") or name),
        provider=provider if isinstance(provider, Mapping) else {},
    )


def _by_name(activities: list[Any]) -> dict[str, Mapping[str, Any]]:
    return {
        str(each["name"]): each
        for each in activities
        if isinstance(each, Mapping) and "name" in each and "ref" not in each
    }


def _members(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            if isinstance(member, Mapping):
                yield str(key), member
