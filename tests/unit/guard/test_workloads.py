"""Which pods a write to their workload takes away or makes."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.undo import UndoState, Verb
from orchestrator.guard.impact.values import Impact
from orchestrator.guard.impact.workloads import of_job, of_pod, of_workload
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.refusals import NotLetThrough
from tests.builders import an_undo_record
from tests.unit.guard.small_cluster import (
    CART,
    SmallCluster,
    a_pod,
    a_workload,
    an_object,
    owned_by,
)
from tests.unit.guard.test_rules import MARK, a_draft

Document = dict[str, Any]
OF_DEPLOYMENT: Document = {"labels": CART, "ownerReferences": owned_by("Deployment", "uid of one")}


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
    three: Document = {"replicas": 3}

    impact = await changed(a_workload(**three), a_workload(**three | after))

    assert names(impact) == lost
    assert {each.workload for each in impact.lost} <= {"deployments/shop/one"}


async def test_a_write_to_a_pod_takes_it_away_from_its_workload() -> None:
    pod = a_pod("a", owned_by("ReplicaSet", "uid of middle", "middle"))
    for draft in (
        a_draft(Verb.DELETE, pod, None, kind="pods"),
        a_draft(Verb.CHANGE, pod, {**pod, "status": {}}, kind="pods"),
        a_draft(Verb.EXEC, pod, None, kind="pods"),
    ):
        impact = await of_pod(draft, the_shop().around())

        assert [(each.name, each.workload) for each in impact.lost] == [
            ("a", "deployments/shop/one")
        ]
        assert impact.irreversible == ("exec" if draft.verb is Verb.EXEC else "")


SERVICE = an_object("front", selector=CART)


async def test_a_new_pod_is_lost_to_nobody_and_reaches_the_services_that_find_it() -> None:
    around = SmallCluster().add("services", SERVICE).around()

    impact = await of_pod(a_draft(Verb.CREATE, None, a_pod(), kind="pods"), around)

    assert (impact.lost, [each.name for each in impact.reached]) == ((), ["front"])


async def test_a_new_workload_makes_its_pods_and_reaches_the_services_that_find_them() -> None:
    cluster = SmallCluster().add("services", SERVICE)
    cluster.add("nodes", an_object("a"), an_object("b"), an_object("c"))

    async def made(kind: str) -> list[str]:
        draft = a_draft(Verb.CREATE, None, a_workload(), kind=kind)
        return [each.name for each in (await of_workload(draft, cluster.around())).reached]

    assert await made("deployments") == ["one+#1", "one+#2", "front"]
    assert await made("daemonsets") == ["one+#1", "one+#2", "one+#3", "front"]


@pytest.mark.parametrize(("kind", "takers"), [("pods", "jobs"), ("replicasets", "deployments")])
async def test_what_a_workload_would_take_for_its_own_is_not_made(kind: str, takers: str) -> None:
    around = SmallCluster().add(takers, a_workload("taker")).around()
    draft = a_draft(Verb.CREATE, None, a_workload(labels=CART), kind=kind)

    with pytest.raises(NotLetThrough, match="taker would take it for one of its own"):
        await (of_pod if kind == "pods" else of_workload)(draft, around)


async def test_a_new_stateful_set_does_not_take_claims_that_are_there() -> None:
    claims = [{"metadata": {"name": "data"}}]
    policy = {"whenDeleted": "Delete"}
    new = a_workload(volumeClaimTemplates=claims, persistentVolumeClaimRetentionPolicy=policy)
    draft = a_draft(Verb.CREATE, None, new, kind="statefulsets")
    cluster = SmallCluster()

    await of_workload(draft, cluster.around())
    cluster.add("persistentvolumeclaims", an_object("data-one-0"))
    with pytest.raises(NotLetThrough, match="data-one-0"):
        await of_workload(draft, cluster.around())


@pytest.mark.parametrize(
    ("after", "at_once"),
    [
        ({"strategy": {"type": "RollingUpdate"}}, 1),
        ({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}}}, 2),
        ({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}}}, 3),
        ({"strategy": {"type": "Recreate"}}, None),
    ],
)
async def test_a_new_template_takes_so_many_pods_at_once(
    after: Document, at_once: int | None
) -> None:
    before = {"replicas": 3, **after}
    renewed = {**before, "template": {"metadata": {"labels": CART}, "spec": {"hostname": "x"}}}

    async def found(changed_to: Document, kind: str = "deployments") -> int | None:
        return (await changed(a_workload(**before), a_workload(**changed_to), kind)).at_once

    assert await found(renewed) == at_once
    assert await found(renewed, "daemonsets") is None
    assert await found({**renewed, "paused": True}) is None


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
    known: Document = {"replicas": 3, **OF_DEPLOYMENT}

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


async def test_a_suspended_job_may_be_taken_away_which_nothing_puts_back() -> None:
    draft = a_draft(Verb.DELETE, a_job(suspend=True), None, kind="jobs")

    impact = await of_job(draft, SmallCluster().around())

    assert (impact.lost, impact.reached, impact.irreversible) == ((), (), "jobs")


async def test_a_cron_job_is_not_made_and_loses_the_pods_of_its_jobs_only_with_itself() -> None:
    cron = a_workload(schedule="@daily")
    job = a_workload("job", labels=CART, ownerReferences=owned_by("CronJob", "uid of one"))
    pod = a_pod("a", owned_by("Job", "uid of job", "job"))
    around = SmallCluster().add("cronjobs", cron).add("jobs", job).add("pods", pod).around()
    suspended = a_workload(schedule="@daily", suspend=True)

    with pytest.raises(NotLetThrough, match="make a job"):
        await of_job(a_draft(Verb.CREATE, None, cron, kind="cronjobs"), around)
    changed = await of_job(a_draft(Verb.CHANGE, cron, suspended, kind="cronjobs"), around)
    gone = await of_job(a_draft(Verb.DELETE, cron, None, kind="cronjobs"), around)

    assert (changed.lost, changed.irreversible) == ((), "")
    assert (names(gone), gone.irreversible) == (["a"], "jobs")
