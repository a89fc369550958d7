from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.identity import PreviewId
from orchestrator.domain.preview import (
    Activity,
    Effect,
    ForeseenRefusal,
    ForeseenWrite,
    Part,
    Preview,
    TargetSet,
    targets_of,
)
from tests.builders import at

PAYMENT = "deployments/shop/payment"
APPROVED = TargetSet(
    objects=frozenset({"services/shop/payment"}),
    count=2,
    lost={PAYMENT: 1},
    sizes={PAYMENT: 3},
    candidates=frozenset({"nodes//a", "nodes//b"}),
    is_whole=True,
)


def a_write(target: str, **changes: Any) -> ForeseenWrite:
    return replace(ForeseenWrite(verb="delete", target=target), **changes)


def a_kill(pod: str) -> ForeseenWrite:
    return a_write(pod, touched=(pod,), behind={PAYMENT: (pod,)}, sizes={PAYMENT: 3})


def test_pods_of_a_workload_are_counted_and_others_are_named() -> None:
    writes = [a_kill("pods/shop/a"), a_kill("pods/shop/b"), a_write("services/shop/payment")]

    found = targets_of(writes, [], is_whole=True)

    assert found.objects == {"services/shop/payment"}
    assert found.lost == {PAYMENT: 2}
    assert found.sizes == {PAYMENT: 3}
    assert found.count == 3


def test_what_is_touched_twice_counts_once() -> None:
    found = targets_of([a_kill("pods/shop/a"), a_kill("pods/shop/a")], [], is_whole=True)

    assert (found.count, found.lost) == (1, {PAYMENT: 1})


def test_candidates_are_those_of_every_activity() -> None:
    activity = Activity(part=Part.METHOD, name="x", does="y", effect=Effect.WRITE)
    activities = [replace(activity, candidates=("nodes//a",)), replace(activity, candidates=("b",))]

    assert targets_of([], activities, is_whole=False).candidates == {"nodes//a", "b"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"objects": frozenset()}, ""),
        ({"lost": {}}, ""),
        ({"objects": frozenset({"nodes//b"})}, ""),
        ({"sizes": {PAYMENT: 4}}, ""),
        ({"objects": frozenset({"nodes//c"})}, "nodes//c was not in the approved preview"),
        ({"lost": {PAYMENT: 2}}, f"2 pods of {PAYMENT} would be lost, 1 were approved"),
        ({"lost": {"deployments/shop/x": 1}}, "1 pods of deployments/shop/x would be lost"),
        ({"sizes": {PAYMENT: 2}}, f"1 of 2 pods of {PAYMENT} would be lost, 1 of 3 were approved"),
        ({"count": 3}, "3 objects would be touched, 2 were approved"),
        ({"is_whole": False}, "what it would touch could not be found out again"),
    ],
)
def test_a_target_set_is_beyond_another_when_anything_of_it_grew(
    changes: dict[str, Any], said: str
) -> None:
    found = replace(APPROVED, **changes).beyond(APPROVED)

    assert found.startswith(said)
    assert bool(found) is bool(said)


def test_nothing_can_be_compared_with_a_preview_that_was_not_whole() -> None:
    assert not APPROVED.beyond(TargetSet())


def test_what_would_be_refused_is_told_with_its_rule() -> None:
    preview = Preview(id=PreviewId("p"), subject="s", title="t", made_at=at(0))
    refusal = ForeseenRefusal(target="pods/shop/a", rule="kinds", reason="no pods")

    assert preview.refused == ""
    assert replace(preview, refusals=(refusal,)).refused == (
        "the guard would refuse pods/shop/a by the rule kinds: no pods"
    )


def test_what_is_left_to_chance_is_not_certain() -> None:
    chosen = TargetSet(
        objects=frozenset({"nodes//a", "deployments/shop/payment"}),
        candidates=frozenset({"nodes//a", "nodes//b"}),
    )
    every = replace(chosen, candidates=frozenset({"nodes//a"}))

    assert chosen.certain == {"deployments/shop/payment"}
    assert every.certain == every.objects
