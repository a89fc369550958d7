"""Which pods a write to their workload takes away or makes."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.undo import UndoState, Verb
from orchestrator.guard.impact.values import Impact
from orchestrator.guard.impact.workloads import of_job, of_workload
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.refusals import NotLetThrough
from tests.builders import an_undo_record
from tests.unit.guard.small_cluster import CART, SmallCluster, a_pod, a_workload, owned_by
from tests.unit.guard.test_rules import MARK, a_draft

Document = dict[str, Any]
OF_DEPLOYMENT = {"labels": CART, "ownerReferences": owned_by("Deployment", "uid of one")}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def the_shop() -> SmallCluster:
    """A deployment of three pods, and a pod of somebody else with the same labels."""
    middle = a_workload("middle", **OF_DEPLOYMENT)
    pods = [a_pod(name, owned_by("ReplicaSet", "uid of middle", "middle")) for name in "abc"]
    cluster = SmallCluster().add("deployments", a_workload(replicas=3)).add("replicasets", middle)
    return cluster.add("pods", *pods, a_pod("theirs", owned_by("Rollout", "r")))


async def changed(before: Document, after: Document, kind: str = "deployments") -> Impact:
    return await of_workload(a_draft(Verb.CHANGE, before, after, kind=kind), the_shop().around())


def names(impact: Impact) -> list[str]:
    return sorted(each.name for each in impact.lost)


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        ({"replicas": 2}, ["one#1"]),
        ({"replicas": 0}, ["a", "b", "c"]),
        ({"replicas": 4}, []),
        ({"paused": True}, ["a", "b", "c"]),
        ({"minReadySeconds": 3}, []),
    ],
)
async def test_a_deployment_loses_its_own_pods(after: Document, lost: list[str]) -> None:
    impact = await changed(a_workload(replicas=3), a_workload(**{"replicas": 3} | after))

    assert names(impact) == lost
    assert {each.workload for each in impact.lost} <= {"deployments/shop/one"}


async def test_a_deployment_that_is_deleted_loses_its_own_pods() -> None:
    draft = a_draft(Verb.DELETE, a_workload(replicas=3), None)

    assert names(await of_workload(draft, the_shop().around())) == ["a", "b", "c"]


async def test_a_deployment_that_grows_makes_so_many_pods_and_no_more() -> None:
    grown = await changed(a_workload(replicas=3), a_workload(replicas=5))
    other = await changed(a_workload(replicas=3), a_workload(replicas=3, minReadySeconds=1))
    gone = await of_workload(a_draft(Verb.DELETE, a_workload(), None), the_shop().around())

    assert [each.name for each in grown.reached] == ["one+#4", "one+#5"]
    assert (other.reached, gone.reached) == ((), ())


@pytest.mark.parametrize(
    ("after", "lost"),
    [
        ({"replicas": 2}, ["one#1"]),
        ({"replicas": 3, "minReadySeconds": 1}, ["a", "b", "c"]),
        ({"replicas": 3, "labels": {"app": "other"}}, ["a", "b", "c"]),
    ],
)
async def test_a_replica_set_may_lose_all_but_by_its_replicas(
    after: Document, lost: list[str]
) -> None:
    known = {"replicas": 3, **OF_DEPLOYMENT}

    impact = await changed(a_workload(**known), a_workload(**known | after), "replicasets")

    assert names(impact) == lost


def a_job(**parts: Any) -> Document:
    return a_workload(backoffLimit=0, **parts)


async def pods_made(after: Document, before: Document | None = None) -> int:
    verb = Verb.CREATE if before is None else Verb.CHANGE
    impact = await of_job(a_draft(verb, before, after, kind="jobs"), SmallCluster().around())
    return len(impact.reached)


async def test_a_job_makes_a_pod_for_each_try_of_each_that_works_at_once() -> None:
    assert await pods_made(a_job()) == 1
    assert await pods_made(a_job(parallelism=3)) == 3
    assert await pods_made(a_workload(parallelism=2, backoffLimit=1)) == 4
    assert await pods_made(a_workload()) == 7
    assert await pods_made(a_job(parallelism=5), a_job(parallelism=2)) == 3


@pytest.mark.parametrize("kind", ["jobs", "cronjobs"])
@pytest.mark.parametrize(("was_ours", "is_refused"), [(False, True), (True, False)])
async def test_what_others_suspended_is_not_started_and_what_the_run_made_is(
    kind: str, was_ours: bool, is_refused: bool
) -> None:
    mark = {"annotations": MARK} if was_ours else {}
    before, after = (a_job(suspend=each, **mark) for each in (True, False))
    draft = a_draft(Verb.CHANGE, before, after, kind=kind)
    made = an_undo_record(verb=Verb.CREATE, ref=draft.ref, before=None, after=before)
    ledger = Ledger([replace(made, seq=1, state=UndoState.DONE)] * was_ours)
    around = SmallCluster().around(ledger)

    if is_refused:
        with pytest.raises(NotLetThrough, match="it was suspended"):
            await of_job(draft, around)
    else:
        assert (await of_job(draft, around)).lost == ()
