"""What an experiment tells a Chaos Day is read as written, or refused."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.extension import Extension, Proof, extension_of, seconds
from orchestrator.domain.errors import InvalidExperiment
from orchestrator.domain.plan import Expectation

PROBE = {
    "type": "probe",
    "name": "gone",
    "tolerance": 0,
    "provider": {"type": "python", "module": "os", "func": "getpid"},
}


def saying(**members: Any) -> dict[str, Any]:
    return {"title": "Mine", "extensions": [{"name": "other"}, {"name": "chaosday", **members}]}


@pytest.mark.parametrize(
    "document", [{}, {"extensions": None}, {"extensions": [{"name": "other"}]}]
)
def test_saying_nothing_is_fine(document: dict[str, Any]) -> None:
    assert extension_of(document) == Extension()


def test_everything_said_is_read() -> None:
    document = saying(
        service="catalog",
        component="catalog",
        failure="no endpoint",
        result="an alert",
        beside_others=True,
        needs_load=False,
        proof={"deadline": 10, "probe": PROBE},
        expects=[{"what": "An alert", "within": "1m30s"}, {"what": "Calm"}],
    )

    assert extension_of(document) == Extension(
        service="catalog",
        component="catalog",
        failure="no endpoint",
        result="an alert",
        beside_others=True,
        needs_load=False,
        proof=Proof(probe=PROBE, deadline=timedelta(seconds=10)),
        expects=(
            Expectation(what="An alert", within=timedelta(seconds=90)),
            Expectation(what="Calm"),
        ),
    )


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"servcie": "x"}, "servcie: is no field here; did you mean service?"),
        ({"service": 1}, "service = 1: is no text; write a text"),
        ({"needs_load": "no"}, "needs_load = 'no': is no answer; write true or false"),
        (
            {"proof": {"deadline": "soon", "probe": PROBE}},
            "proof.deadline = 'soon': is no deadline; write a duration up to 1h, such as 10s",
        ),
        (
            {"proof": {"deadline": "2h", "probe": PROBE}},
            "proof.deadline = '2h': is no deadline; write a duration up to 1h, such as 10s",
        ),
        (
            {"proof": {"deadline": 5, "probe": {**PROBE, "tolerance": None}}},
            "proof.probe.tolerance: is missing; say which values satisfy, such as 200 or true",
        ),
        (
            {"proof": {"deadline": 5, "probe": {**PROBE, "type": "action"}}},
            "proof.probe.type = 'action': is no type here; write probe",
        ),
        (
            {"expects": ["calm"]},
            "expects[0] = 'calm': is no expectation; write an object with what and within",
        ),
        (
            {"expects": [{"what": "x", "kind": "notice"}]},
            "expects[0].kind = 'notice': is no turn of the response; did you mean noticed?",
        ),
        (
            {"expects": [{"what": "x", "within": "5 min"}]},
            "expects[0].within = '5 min': is no duration; write one such as 90s, 15m or 1h30m",
        ),
    ],
)
def test_what_cannot_be_read_is_told(members: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidExperiment) as error:
        extension_of(saying(**members))

    assert str(error.value) == f"Mine: extensions[1].{expected}"


@given(st.integers(0, 900), st.integers(0, 5000), st.integers(0, 90_000))
def test_duration_is_the_sum_of_its_parts(hours: int, minutes: int, secs: int) -> None:
    parts = [(hours, "h"), (minutes, "m"), (secs, "s")]
    text = "".join(f"{number}{unit}" for number, unit in parts if number)

    expected = timedelta(hours=hours, minutes=minutes, seconds=secs)

    assert (seconds(text) or timedelta()) == expected


@pytest.mark.parametrize("value", ["", "0s", "h", "5", "-5s", "5m5m", 0, -1, True, None, "s5", 1e9])
def test_what_is_no_duration_is_none(value: object) -> None:
    assert seconds(value) is None
