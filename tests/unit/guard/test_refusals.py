"""What clients of the guard are told when it refuses something."""

import json

import pytest

from orchestrator.guard.refusals import NotLetThrough, refusal


@pytest.mark.parametrize(
    ("rule", "way_out"),
    [("stage", "wait until it has begun"), ("stop", "start another run when that is done")],
)
def test_a_refusal_that_is_about_a_moment_names_the_way_out(rule: str, way_out: str) -> None:
    document = json.loads(refusal(NotLetThrough(target="pods/a/b", rule=rule, reason="not now")))

    assert document["message"].startswith(f"pods/a/b is refused by the rule {rule}: not now; ")
    assert way_out in document["message"]
    assert document["details"]["causes"] == [
        {"reason": "BlastRadius", "field": rule, "message": "not now"}
    ]
