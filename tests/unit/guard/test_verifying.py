"""What counts as being as ready as before."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.undo import ObjectRef, UndoState, Verb
from orchestrator.guard.baseline import Observation, Service, Workload
from orchestrator.guard.verifying import compare, compare_nodes, cordoned
from tests.builders import an_undo_record

CART, WEB = "deployments/shop/cart", "services/shop/cart"
SPEC: dict[str, Any] = {
    "replicas": 3,
    "template": {"metadata": {"labels": {"app": "cart"}}},
}


def a_workload(**changes: Any) -> Workload:
    steady = Workload(spec=SPEC, wanted=3, ready=3, total=3, updated=3, is_observed=True)
    return replace(steady, **changes)


def a_service(ready: int = 3) -> Service:
    return Service(spec={"selector": {"app": "cart"}}, ready=ready)


def seen(workload: Workload | None = None, service: Service | None = None) -> Observation:
    return Observation(
        workloads={CART: workload} if workload else {},
        services={WEB: service} if service else {},
    )


BEFORE = seen(a_workload(), a_service())


def test_as_before_is_proven() -> None:
    found = compare(BEFORE, seen(a_workload(), a_service()))

    assert (found.kept, found.pending) == ((), ())


def test_pods_not_ready_are_pending() -> None:
    found = compare(BEFORE, seen(a_workload(ready=2), a_service()))

    assert found.pending == (f"{CART}: 2 of 3 pods are ready",)


def test_numbers_of_an_earlier_spec_prove_nothing() -> None:
    found = compare(BEFORE, seen(a_workload(is_observed=False), a_service()))

    assert len(found.pending) == 1


def test_pods_of_an_abandoned_rollout_are_pending_until_they_are_gone() -> None:
    found = compare(BEFORE, seen(a_workload(total=4, updated=3), a_service()))

    assert found.pending == (f"{CART}: 4 pods, 3 of them up to date, where 3 are wanted",)


def test_no_more_is_asked_for_than_was_ready_before() -> None:
    before = seen(a_workload(ready=1), a_service(ready=1))

    assert compare(before, seen(a_workload(ready=1), a_service(ready=1))).pending == ()


def test_workload_that_others_changed_is_kept_and_its_service_too() -> None:
    theirs = a_workload(spec={**SPEC, "replicas": 0}, wanted=0, ready=0, total=2, updated=2)

    found = compare(BEFORE, seen(theirs, a_service(ready=0)))

    assert found.pending == ()
    assert [difference.object for difference in found.kept] == [CART, WEB]


def test_service_without_endpoints_is_pending() -> None:
    found = compare(BEFORE, seen(a_workload(), a_service(ready=0)))

    assert found.pending == (f"{WEB}: no endpoint is ready",)


def test_what_others_deleted_is_kept() -> None:
    found = compare(BEFORE, seen())

    assert found.pending == ()
    assert {difference.object for difference in found.kept} == {CART, WEB}


def test_node_that_the_run_cordoned_and_that_takes_no_pods_yet_is_pending() -> None:
    before = {"one": False, "two": False, "three": True}

    found = compare_nodes(before, {"one": True, "two": False, "three": True}, ours={"one"})

    assert found.pending == ("nodes//one: it took pods before, and takes none now",)
    assert found.kept == ()


def test_node_that_others_cordoned_or_took_away_is_kept() -> None:
    found = compare_nodes({"one": False, "two": False}, {"one": True, "new": True}, ours={"two"})

    assert found.pending == ()
    assert [(each.object, each.now) for each in found.kept] == [
        ("nodes//one", "cordoned by others"),
        ("nodes//two", "deleted"),
    ]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, {"one"}),
        ({"after": None, "verb": Verb.DELETE}, {"one"}),
        ({"after": {"metadata": {"labels": {"a": "b"}}, "spec": {}}}, set()),
        ({"state": UndoState.INTENT}, {"one"}),
        ({"state": UndoState.UNDONE, "note": "refused by the API server"}, set()),
        ({"ref": ObjectRef(path="/p", kind="pods", namespace="shop", name="one")}, set()),
    ],
)
def test_nodes_are_ours_of_which_the_run_changed_whether_they_take_pods(
    changes: dict[str, Any], names: set[str]
) -> None:
    node = ObjectRef(path="/api/v1/nodes/one", kind="nodes", namespace="", name="one")
    record = replace(
        an_undo_record(ref=node, before={"spec": {}}, after={"spec": {"unschedulable": True}}),
        **changes,
    )

    assert cordoned([record]) == names
