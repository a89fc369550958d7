"""What makes a document an experiment, judged by its structure alone.

Chaos Toolkit's own validation imports every module that an experiment names, which runs code; this
one imports, resolves and calls nothing.

Source: chaoslib 1.44, experiment.py, activity.py, hypothesis.py, control/__init__.py
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from experiments.checks import fault, is_number, items_of, kind_faults, listed, near, text_faults
from orchestrator.domain.errors import Fault

HYPOTHESIS: Final = "steady-state-hypothesis"
PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "python": ("module", "func"),
    "process": ("path",),
    "http": ("url",),
}
"""Kinds of provider, and what each must say."""

TOLERANCES: Final = ("probe", "regex", "jsonpath", "range")


def faults_of(document: object) -> Iterator[Fault]:
    """Everything about the structure that Chaos Toolkit would stumble over."""
    if not isinstance(document, Mapping) or not document:
        yield fault(
            "the experiment", document, "is no object", "see an experiment of the catalogue"
        )
        return
    for field in ("title", "description"):
        yield from text_faults(document, field, "")
    yield from _tag_faults(document.get("tags"))
    for field in ("configuration", "secrets"):
        yield from kind_faults(document, field, dict, "an object")
    yield from _hypothesis_faults(document.get(HYPOTHESIS))
    if "method" not in document:
        yield fault("method", None, "is missing", "write a list of activities, which may be empty")
    names = _names(document)
    for field in ("method", "rollbacks"):
        yield from kind_faults(document, field, list, "a list")
        for index, activity in enumerate(items_of(document.get(field))):
            yield from activity_faults(activity, f"{field}[{index}]", names=names)
    yield from _named_faults(document, "controls", "provider")
    yield from _named_faults(document, "extensions")


def activity_faults(
    activity: object, at: str, *, names: Sequence[str] = (), kind: str = ""
) -> Iterator[Fault]:
    """What is wrong with one activity.

    Shape: names are those that `ref` may point to; kind is the one type allowed, any if empty.
    """
    if not isinstance(activity, Mapping):
        yield fault(at, activity, "is no activity", "write an object with type, name and provider")
        return
    if "ref" in activity:
        yield from _ref_faults(activity["ref"], f"{at}.ref", names)
        return
    types = [kind] if kind else ["probe", "action"]
    if activity.get("type") not in types:
        yield fault(f"{at}.type", activity.get("type"), "is no type here", f"write {listed(types)}")
    yield from text_faults(activity, "name", at)
    yield from _provider_faults(activity.get("provider"), f"{at}.provider")
    yield from _pause_faults(activity.get("pauses"), f"{at}.pauses")
    if not is_number(activity.get("timeout", 0)):
        yield fault(f"{at}.timeout", activity["timeout"], "is no number", "write seconds")
    yield from kind_faults(activity, "background", bool, "true or false", at=at)


def tolerance_faults(probe: object, at: str) -> Iterator[Fault]:
    """What is wrong with the tolerance of a probe."""
    if not isinstance(probe, Mapping):
        return
    at = f"{at}.tolerance"
    match probe.get("tolerance"):
        case None:
            yield fault(at, None, "is missing", "say which values satisfy, such as 200 or true")
        case bool() | int() | str() | list():
            pass
        case {"type": "probe"} as judge:
            yield from activity_faults(judge, at, kind="probe")
        case {"type": "regex"} as judge:
            yield from _regex_faults(judge.get("pattern"), f"{at}.pattern")
        case {"type": "jsonpath"} as judge:
            yield from text_faults(judge, "path", at)
        case {"type": "range", "range": [low, high]} if is_number(low) and is_number(high):
            pass
        case {"type": "range"} as judge:
            problem = "is no pair of numbers"
            yield fault(f"{at}.range", judge.get("range"), problem, "write [lowest, highest]")
        case {"type": unknown}:
            yield fault(f"{at}.type", unknown, "is no tolerance", near(str(unknown), TOLERANCES))
        case other:
            yield fault(
                at, other, "is no tolerance", "write a value, a pair, or an object with type"
            )


def _hypothesis_faults(hypothesis: object) -> Iterator[Fault]:
    if hypothesis is None:
        return
    if not isinstance(hypothesis, Mapping):
        yield fault(HYPOTHESIS, hypothesis, "is no object", "write an object with title and probes")
        return
    yield from text_faults(hypothesis, "title", HYPOTHESIS)
    yield from kind_faults(hypothesis, "probes", list, "a list", at=HYPOTHESIS)
    for index, probe in enumerate(items_of(hypothesis.get("probes"))):
        at = f"{HYPOTHESIS}.probes[{index}]"
        yield from activity_faults(probe, at, kind="probe")
        yield from tolerance_faults(probe, at)


def _provider_faults(provider: object, at: str) -> Iterator[Fault]:
    if not isinstance(provider, Mapping):
        problem = "is missing" if provider is None else "is no object"
        yield fault(at, provider, problem, f"write an object with type {listed([*PROVIDERS])}")
        return
    kind = provider.get("type")
    if not isinstance(kind, str) or kind not in PROVIDERS:
        way_out = near(str(kind), [*PROVIDERS])
        yield fault(f"{at}.type", kind, "is no provider" if kind else "is missing", way_out)
        return
    for field in PROVIDERS[kind]:
        yield from text_faults(provider, field, at)
    if kind == "python":
        yield from kind_faults(provider, "arguments", dict, "an object", at=at)
    if kind == "http":
        yield from kind_faults(provider, "headers", dict, "an object", at=at)


def _pause_faults(pauses: object, at: str) -> Iterator[Fault]:
    if pauses is None:
        return
    if not isinstance(pauses, Mapping):
        yield fault(at, pauses, "is no object", "write an object with before, after or both")
        return
    for field in ("before", "after"):
        pause = pauses.get(field, 0)
        if not is_number(pause) and not (isinstance(pause, str) and _VARIABLE.fullmatch(pause)):
            way_out = "write seconds, or ${name} of the configuration"
            yield fault(f"{at}.{field}", pause, "is no pause", way_out)


def _ref_faults(ref: object, at: str, names: Sequence[str]) -> Iterator[Fault]:
    if not isinstance(ref, str) or ref not in names:
        way_out = near(str(ref), names) if names else "give the activity its own provider"
        yield fault(at, ref, "is the name of no activity", way_out)


def _regex_faults(pattern: object, at: str) -> Iterator[Fault]:
    try:
        re.compile(pattern if isinstance(pattern, str) else "(")
    except re.error as error:
        yield fault(at, pattern, f"is no pattern: {error}", "write a regular expression")


def _tag_faults(tags: object) -> Iterator[Fault]:
    is_list = tags is None or isinstance(tags, list)
    if not is_list or any(not isinstance(tag, str) or not tag for tag in items_of(tags)):
        yield fault("tags", tags, "is no list of texts", "write a list of words")


def _named_faults(document: Mapping[str, Any], field: str, *members: str) -> Iterator[Fault]:
    yield from kind_faults(document, field, list, "a list")
    for index, item in enumerate(items_of(document.get(field))):
        at = f"{field}[{index}]"
        if not isinstance(item, Mapping):
            yield fault(at, item, "is no object", "write an object with a name")
            continue
        if "ref" not in item:
            yield from text_faults(item, "name", at)
            for member in members:
                if not isinstance(item.get(member), Mapping):
                    yield fault(f"{at}.{member}", item.get(member), "is no object", "write one")


def _names(document: Mapping[str, Any]) -> list[str]:
    """Names that a `ref` may point to: those of the method and of the hypothesis."""
    hypothesis = document.get(HYPOTHESIS)
    probes = hypothesis.get("probes") if isinstance(hypothesis, Mapping) else None
    activities = [*items_of(document.get("method")), *items_of(probes)]
    return [
        activity["name"]
        for activity in activities
        if isinstance(activity, Mapping) and isinstance(activity.get("name"), str)
    ]


_VARIABLE: Final = re.compile(r"\$\{[^{}]+\}")
