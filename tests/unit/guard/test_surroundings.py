"""Whose a pod is, and how many pods there are behind what is written."""

import pytest

from orchestrator.domain.blast_radius import NODES
from orchestrator.domain.undo import ABSENT, Verb
from tests.unit.guard.small_cluster import (
    CART,
    SmallCluster,
    a_pod,
    a_workload,
    an_object,
    owned_by,
)
from tests.unit.guard.test_rules import a_draft


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("ReplicaSet", "replicasets"),
        ("StatefulSet", "statefulsets"),
        ("DaemonSet", "daemonsets"),
        ("Job", "jobs"),
    ],
)
async def test_a_workload_that_owns_its_pods_itself_is_looked_up(kind: str, plural: str) -> None:
    ours, theirs = (owned_by(kind, uid) for uid in ("uid of one", "another"))
    cluster = SmallCluster().add(plural, a_workload(replicas=5))
    cluster.add("pods", a_pod("a", ours), a_pod("b", ours), a_pod("c", theirs), a_pod("d"))
    around = cluster.around()

    (tagged,) = await around.tagged([a_pod("a", ours)])

    assert tagged.workload == f"{plural}/shop/one"
    assert await around.size(tagged.workload) == 2


@pytest.mark.parametrize(
    ("top", "between", "plurals"),
    [
        ("Deployment", "ReplicaSet", ("deployments", "replicasets")),
        ("CronJob", "Job", ("cronjobs", "jobs")),
    ],
)
async def test_a_workload_that_owns_its_pods_through_others_is_looked_up(
    top: str, between: str, plurals: tuple[str, str]
) -> None:
    middle = a_workload("middle", labels=CART, ownerReferences=owned_by(top, "uid of one"))
    cluster = SmallCluster().add(plurals[0], a_workload()).add(plurals[1], middle)
    pod = a_pod("a", owned_by(between, "uid of middle", "middle"))
    cluster.add("pods", pod, a_pod("b", owned_by(between, "another", "another")))
    around = cluster.around()

    (tagged,) = await around.tagged([pod])

    assert tagged.workload == f"{plurals[0]}/shop/one"
    assert await around.size(tagged.workload) == 1


async def test_pods_of_a_kind_that_is_not_known_here_are_told_by_their_owner() -> None:
    pods = [a_pod(name, owned_by("Rollout", uid)) for name, uid in (("a", "u"), ("b", "v"))]
    around = SmallCluster().add("pods", *pods).around()

    (tagged,) = await around.tagged(pods[:1])

    assert tagged.workload == "rollouts/shop/one"
    assert await around.size(tagged.workload) == 1


async def test_a_workload_that_was_made_anew_under_its_name_is_not_the_owner() -> None:
    pod = a_pod("a", owned_by("StatefulSet", "of the one before"))
    theirs = [a_pod(name, owned_by("StatefulSet", "uid of one")) for name in "bc"]
    around = SmallCluster().add("statefulsets", a_workload()).add("pods", pod, *theirs).around()

    (tagged,) = await around.tagged([pod])

    assert await around.size(tagged.workload) == 0


async def test_nodes_are_counted_that_take_pods_and_pods_are_not_nodes() -> None:
    nodes = [an_object("a"), an_object("b", unschedulable=True), an_object("c")]
    pod = a_pod("a", owned_by("StatefulSet", "uid of one"))
    cluster = SmallCluster().add("nodes", *nodes).add("statefulsets", a_workload())
    around = cluster.add("pods", pod).around()

    (tagged,) = await around.tagged([pod])

    assert await around.size(NODES) == 2
    assert await around.size(tagged.workload) == 1


def test_what_is_new_was_not_there_before_the_run() -> None:
    around = SmallCluster().around()

    assert around.was(a_draft(Verb.CREATE, None, a_workload()), ("spec", "replicas")) is ABSENT


def test_a_budget_needs_the_most_that_it_needed_since_the_run_came_upon_it() -> None:
    around = SmallCluster().around()

    assert [around.most_needed("one", now) for now in (2, 1, 3, 0)] == [2, 2, 3, 3]
    assert around.most_needed("other", 1) == 1
