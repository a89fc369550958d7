"""Nodes that took pods before a run take pods after it, those of others aside."""

from typing import Any

from tests.integration.guard.conducting import Cluster, limits
from tests.integration.guard.conftest import StartGuard

ONE, TWO = "/api/v1/nodes/practice-1", "/api/v1/nodes/practice-2"
NODES = limits(kinds=frozenset({"nodes"}))


def cordoned(is_cordoned: bool = True) -> dict[str, Any]:
    return {"spec": {"unschedulable": is_cordoned}}


async def test_node_that_the_run_cordoned_is_not_restored_while_it_takes_no_pods(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start(radius=NODES) as guard:
        behind = await guard.begin()
        await behind.patch(ONE, cordoned())
        await guard.do("restrain")
        assert (await guard.undo()).is_proven
        # Whoever did this, the run cannot say that it left the node as it was.
        await cluster.patch(ONE, cordoned())

        lacking = await guard.verify(patience=0.5)
        await cluster.patch(ONE, cordoned(False))
        proven = await guard.verify()

    assert lacking.pending == ("nodes//practice-1: it took pods before, and takes none now",)
    assert proven.is_proven


async def test_node_that_others_cordoned_meanwhile_is_told_as_theirs(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start(radius=NODES) as guard:
        behind = await guard.begin()
        await behind.patch(ONE, cordoned())
        await cluster.patch(TWO, cordoned())
        await guard.do("restrain")
        await guard.undo()

        restoration = await guard.verify()
        await cluster.patch(TWO, cordoned(False))

    assert restoration.is_proven
    assert [(each.object, each.now) for each in restoration.kept] == [
        ("nodes//practice-2", "cordoned by others")
    ]


async def test_run_that_may_touch_no_node_looks_at_none(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start() as guard:
        await guard.begin()
        await cluster.patch(TWO, cordoned())
        await guard.do("restrain")
        await guard.undo()

        restoration = await guard.verify()
        await cluster.patch(TWO, cordoned(False))

    assert (restoration.is_proven, restoration.kept) == (True, ())
