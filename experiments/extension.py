"""What an experiment tells a Chaos Day, and Chaos Toolkit has no words for.

It stands in the experiment as `extensions: [{name: chaosday, ...}]`, which Chaos Toolkit carries
along and never reads.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from experiments.checks import fault, near, text_faults
from experiments.structure import activity_faults, tolerance_faults
from orchestrator.domain.errors import Fault, InvalidExperiment
from orchestrator.domain.plan import Expectation

NAME: Final = "chaosday"
LONGEST_DEADLINE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """How to see that the fault took effect: a probe whose tolerance is met by then.

    Shape: probe is a Chaos Toolkit probe with a tolerance.
    """

    probe: Mapping[str, Any]
    deadline: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """All that an experiment says to a Chaos Day. Empty values are unknown."""

    proof: Proof | None = None
    expects: tuple[Expectation, ...] = ()
    service: str = ""
    """The service that people will see suffer."""
    component: str = ""
    failure: str = ""
    result: str = ""
    """The expected result; with component and failure, the card's title."""
    beside_others: bool = False
    """Whether it may run while others do."""
    needs_load: bool = True
    """Whether nothing is to be seen without traffic."""


TEXTS: Final = ("service", "component", "failure", "result")
ANSWERS: Final = ("beside_others", "needs_load")
"""Questions answered by true or false."""
KINDS: Final = ("noticed", "declared", "acknowledged", "escalated", "mitigated", "resolved")
"""Turns of the response that an expectation may be about, for the debrief to decide by."""
FIELDS: Final = ("name", "proof", "expects", *TEXTS, *ANSWERS)


def extension_of(document: Mapping[str, Any]) -> Extension:
    """Read what an experiment tells a Chaos Day; nothing is a valid answer.

    Raises: InvalidExperiment: with every fault of the extension.
    """
    faults = list(extension_faults(document))
    if faults:
        source = str(document.get("title", "experiment"))
        raise InvalidExperiment(source=source, problem=f"\n{source}: ".join(map(str, faults)))
    said = _said(document)[1]
    expects = tuple(
        Expectation(what=each["what"], within=seconds(each.get("within")))
        for each in said.get("expects", [])
    )
    return Extension(
        proof=_proof(said.get("proof")),
        expects=expects,
        service=said.get("service", ""),
        component=said.get("component", ""),
        failure=said.get("failure", ""),
        result=said.get("result", ""),
        beside_others=said.get("beside_others", False),
        needs_load=said.get("needs_load", True),
    )


def extension_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with the extension, if there is one."""
    at, said = _said(document)
    for name in said:
        if name not in FIELDS:
            yield fault(f"{at}.{name}", None, "is no field here", near(str(name), FIELDS))
    for name in TEXTS:
        if name in said:
            yield from text_faults(said, name, at)
    for name in ANSWERS:
        if not isinstance(said.get(name, True), bool):
            yield fault(f"{at}.{name}", said[name], "is no answer", "write true or false")
    if "proof" in said:
        yield from _proof_faults(said["proof"], f"{at}.proof")
    yield from _expectation_faults(said.get("expects", []), f"{at}.expects")


def seconds(value: object) -> timedelta | None:
    """Read a duration above zero, such as 90s, 15m, 1h30m or a number of seconds; else None."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return timedelta(seconds=value) if 0 < value < 1e6 else None
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    units = {unit: int(number) for unit, number in found.groupdict(default="0").items()}
    return timedelta(**units) or None


def _said(document: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Where the extension stands, and what it says."""
    extensions = document.get("extensions")
    for index, each in enumerate(extensions if isinstance(extensions, list) else []):
        if isinstance(each, Mapping) and each.get("name") == NAME:
            return f"extensions[{index}]", each
    return "extensions", {}


def _proof(said: Mapping[str, Any] | None) -> Proof | None:
    if said is None:
        return None
    return Proof(probe=said["probe"], deadline=seconds(said["deadline"]) or timedelta())


def _proof_faults(proof: object, at: str) -> Iterator[Fault]:
    if not isinstance(proof, Mapping):
        yield fault(at, proof, "is no object", "write an object with deadline and probe")
        return
    for name in proof:
        if name not in ("deadline", "probe"):
            yield fault(f"{at}.{name}", None, "is no field here", "write deadline and probe")
    deadline = seconds(proof.get("deadline"))
    if deadline is None or deadline > LONGEST_DEADLINE:
        value, problem = proof.get("deadline"), "is no deadline"
        yield fault(f"{at}.deadline", value, problem, "write a duration up to 1h, such as 10s")
    yield from activity_faults(proof.get("probe"), f"{at}.probe", kind="probe")
    yield from tolerance_faults(proof.get("probe"), f"{at}.probe")


def _expectation_faults(expects: object, at: str) -> Iterator[Fault]:
    if not isinstance(expects, list):
        yield fault(at, expects, "is no list", "write a list of objects with what and within")
        return
    for index, each in enumerate(expects):
        here = f"{at}[{index}]"
        if not isinstance(each, Mapping):
            yield fault(here, each, "is no expectation", "write an object with what and within")
            continue
        yield from text_faults(each, "what", here)
        if "kind" in each and each["kind"] not in KINDS:
            way_out = near(str(each["kind"]), KINDS)
            yield fault(f"{here}.kind", each["kind"], "is no turn of the response", way_out)
        if "within" in each and seconds(each["within"]) is None:
            way_out = "write one such as 90s, 15m or 1h30m"
            yield fault(f"{here}.within", each["within"], "is no duration", way_out)


_DURATION: Final = re.compile(
    r"(?=.)(?:(?P<hours>\d{1,3})h)?(?:(?P<minutes>\d{1,4})m)?(?:(?P<seconds>\d{1,6})s)?"
)
