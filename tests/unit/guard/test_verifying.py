"""What counts as being as ready as before."""

from dataclasses import replace
from typing import Any

from orchestrator.guard.baseline import Observation, Service, Workload
from orchestrator.guard.verifying import compare

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
