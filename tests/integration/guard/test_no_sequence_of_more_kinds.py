"""Whatever is asked in whatever order, among nodes, budgets, sets, jobs and autoscalers as well.

What is compared is the cluster, not what the guard counted.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import BlastRadius, Budgets
from tests.contract.cluster.asking import JSON, JSON_PATCH, MERGE, STRATEGIC
from tests.integration.guard import test_no_sequence
from tests.integration.guard.conducting import EVERYTHING, until
from tests.integration.guard.furnished import SIZES, World
from tests.integration.guard.inside import an_api
from tests.integration.guard.places import IMAGE, Object
from tests.integration.guard.test_no_sequence import Ask, Seen, asked

WORLD: Final = {"part-of": "world"}
NODES: Final = {"node-0": WORLD, "node-1": WORLD, "node-2": WORLD, "node-3": {}}
NEEDED: Final = 3
"""How many of web's pods the budget needs."""
MORE: Final = {
    "statefulsets": "/apis/apps/v1/namespaces/{}/statefulsets",
    "jobs": "/apis/batch/v1/namespaces/{}/jobs",
    "horizontalpodautoscalers": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
    "poddisruptionbudgets": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
}


class Rich(World):
    """A world with a set, a job, an autoscaler, and a budget over pods that are ready."""

    async def enrich(self) -> None:
        for plural, body in furniture().items():
            status, answer = await self.inside.do("POST", self.path(plural), body)
            assert status == 201, answer

        async def is_whole() -> bool:
            return len(await self.pods(self.mine)) == sum(SIZES.values()) + 3

        await until(is_whole)
        for name in (await self.named("web")).values():
            ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            path = f"/api/v1/namespaces/{self.mine}/pods/{name}/status"
            assert (await self.inside.do("PATCH", path, {"status": ready}, MERGE))[0] == 200

        async def is_counted() -> bool:
            path = f"{self.path('poddisruptionbudgets')}/web"
            status = (await self.inside.do("GET", path))[1].get("status", {})
            return bool(status.get("disruptionsAllowed") == SIZES["web"] - NEEDED)

        await until(is_counted)

    def path(self, plural: str) -> str:
        return MORE[plural].format(self.mine)

    async def named(self, app: str, *, is_ready: bool = False) -> dict[str, str]:
        """The names of an app's pods by uid, or only of those that are ready."""
        found = (await self.inside.do("GET", f"/api/v1/namespaces/{self.mine}/pods"))[1]["items"]
        return {
            pod["metadata"]["uid"]: pod["metadata"]["name"]
            for pod in found
            if pod["metadata"]["labels"].get("app") == app
            and "deletionTimestamp" not in pod["metadata"]
            and (not is_ready or "Ready" in str(pod["status"].get("conditions")))
        }

    async def objects(self, space: str) -> dict[str, Object]:
        found = await super().objects(space)
        for path in (each.format(space) for each in MORE.values()):
            for item in (await self.inside.do("GET", path))[1]["items"]:
                labels = item["metadata"].get("labels") or None
                found[f"{path}/{item['metadata']['name']}"] = {
                    "spec": item["spec"],
                    "labels": labels,
                }
        return found

    async def nodes(self) -> dict[str, Object]:
        """What of each node people write."""
        found = (await self.inside.do("GET", "/api/v1/nodes"))[1]["items"]
        return {
            node["metadata"]["name"]: {
                "unschedulable": bool(node["spec"].get("unschedulable")),
                "taints": [
                    taint["key"]
                    for taint in node["spec"].get("taints") or ()
                    if not taint["key"].startswith("node.kubernetes.io/")
                ],
            }
            for node in found
        }


def furniture() -> dict[str, Object]:
    """By its resource, each of the further objects."""
    own = {"metadata": {"labels": {"app": "db", **WORLD}}, "spec": {"containers": [CONTAINER]}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}
    specs: dict[str, Object] = {
        "statefulsets": {
            "serviceName": "db",
            "replicas": 2,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": "db"}},
            "template": own,
        },
        "jobs": {"template": of_job("batch")},
        "horizontalpodautoscalers": {
            "minReplicas": 2,
            "maxReplicas": 2,
            "scaleTargetRef": target,
        },
        "poddisruptionbudgets": {
            "minAvailable": NEEDED,
            "selector": {"matchLabels": {"app": "web"}},
        },
    }
    names = {"statefulsets": "db", "jobs": "batch", "poddisruptionbudgets": "web"}
    return {
        plural: {"metadata": {"name": names.get(plural, "cart"), "labels": WORLD}, "spec": spec}
        for plural, spec in specs.items()
    }


CONTAINER: Final = {"name": "main", "image": IMAGE}


def of_job(app: str) -> Object:
    labels = {"app": app, **WORLD}
    spec = {"restartPolicy": "Never", "containers": [CONTAINER]}
    return {"metadata": {"labels": labels}, "spec": spec}


# What is asked

COUNTS = st.integers(0, 6)
TAINTS = st.builds(
    lambda effect: {"taints": [{"key": "ours", "effect": effect}]},
    st.sampled_from(["NoSchedule", "NoExecute"]),
)


def on_nodes() -> st.SearchStrategy[Ask]:
    specs = st.one_of(st.booleans().map(lambda value: {"unschedulable": value}), TAINTS)
    return st.builds(
        lambda name, spec: Ask("PATCH", f"/api/v1/nodes/{name}", {"spec": spec}, STRATEGIC),
        st.sampled_from(sorted(NODES)),
        specs,
    )


def scalings() -> st.SearchStrategy[Ask]:
    """By patch or by put, of the object or of its scale."""
    what = st.sampled_from(["deployments/web", "deployments/cart", "statefulsets/db"])
    return st.builds(scaling, what, st.sampled_from(["PUT", "steps", "merge", "object"]), COUNTS)


def scaling(what: str, how: str, replicas: int) -> Ask:
    path = f"/apis/apps/v1/namespaces/{{mine}}/{what}"
    spec = {"spec": {"replicas": replicas}}
    match how:
        case "PUT":
            body = {
                "apiVersion": "autoscaling/v1",
                "kind": "Scale",
                "metadata": {"name": what.partition("/")[2]},
            }
            return Ask("PUT", f"{path}/scale", body | spec, JSON)
        case "steps":
            steps = [{"op": "replace", "path": "/spec/replicas", "value": replicas}]
            return Ask("PATCH", f"{path}/scale", steps, JSON_PATCH)
        case "merge":
            return Ask("PATCH", f"{path}/scale", spec, MERGE)
        case _:
            return Ask("PATCH", path, spec, MERGE)


CHANGES: Final[list[tuple[str, Object]]] = [
    ("statefulsets/db", {"template": {"spec": {"containers": [CONTAINER | {"image": "b"}]}}}),
    ("statefulsets/db", {"template": {"spec": {"hostNetwork": True}}}),
    ("jobs/batch", {"suspend": True}),
    ("jobs/batch", {"parallelism": 3}),
    ("horizontalpodautoscalers/cart", {"minReplicas": 1}),
    ("horizontalpodautoscalers/cart", {"minReplicas": 2, "maxReplicas": 9}),
    ("poddisruptionbudgets/web", {"minAvailable": 0}),
    ("poddisruptionbudgets/web", {"minAvailable": 4}),
    ("poddisruptionbudgets/web", {"selector": {"matchLabels": {"app": "nobody"}}}),
]


def changes() -> st.SearchStrategy[Ask]:
    return st.sampled_from(CHANGES).map(
        lambda each: Ask("PATCH", path_of(each[0]), {"spec": each[1]}, STRATEGIC)
    )


def path_of(what: str) -> str:
    plural, _, name = what.partition("/")
    return "/".join(filter(None, [MORE[plural].format("{mine}"), name]))


def removals() -> st.SearchStrategy[Ask]:
    whole = [*MORE, "statefulsets/db", "jobs/batch", "horizontalpodautoscalers/cart"]
    return st.sampled_from([*whole, "poddisruptionbudgets/web"]).map(
        lambda what: Ask("DELETE", path_of(what))
    )


def makings() -> st.SearchStrategy[Ask]:
    bodies = {
        plural: body | {"metadata": {"name": "made", "labels": WORLD}}
        for plural, body in furniture().items()
    }
    bodies["jobs"] = bodies["jobs"] | {"spec": {"template": of_job("made")}}
    return st.sampled_from(sorted(bodies)).map(
        lambda plural: Ask("POST", path_of(plural), bodies[plural])
    )


ASKS = st.lists(
    st.one_of(
        on_nodes(),
        scalings(),
        changes(),
        removals(),
        makings(),
        test_no_sequence.evictions(),
        test_no_sequence.removals(),
        test_no_sequence.patches(),
    ),
    max_size=8,
)
RADII = st.builds(
    lambda radius, share, budgets: replace(
        radius,
        kinds=EVERYTHING,
        creates=radius.creates | (EVERYTHING - {"nodes"} if share == 1 else frozenset()),
        most_node_share=share,
        disruption_budgets=budgets,
    ),
    test_no_sequence.RADII,
    st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(1)]),
    st.sampled_from(Budgets),
)


# What came of it


@dataclass(frozen=True)
class SeenMore:
    """All of it at one moment, and the pods that the budget counts."""

    both: Seen
    nodes: dict[str, Object]
    ready: int


async def look(world: Rich) -> SeenMore:
    ready = await world.named("web", is_ready=True)
    return SeenMore(
        both=await test_no_sequence.look(world), nodes=await world.nodes(), ready=len(ready)
    )


def within(before: SeenMore, now: SeenMore, radius: BlastRadius) -> None:
    test_no_sequence.within(before.both, now.both, radius)
    changed = [name for name in NODES if before.nodes[name] != now.nodes[name]]
    assert Fraction(len(changed), len(NODES)) <= radius.most_node_share
    assert set(changed) <= {name for name, labels in NODES.items() if labels}
    gone = before.both.pods.keys() - now.both.pods.keys()
    assert len(changed) + len(gone) <= radius.most_objects
    assert Fraction(sum(before.both.pods[uid] == "db" for uid in gone), 2) <= radius.most_share
    # What cannot be put back is not done: a job that is made anew would run again.
    is_job = "/jobs/batch"
    assert [key for key in now.both.mine if key.endswith(is_job)]
    if radius.disruption_budgets is Budgets.RESPECTED:
        assert now.ready >= NEEDED
        (budget,) = (each for key, each in now.both.mine.items() if key.endswith("budgets/web"))
        assert budget["spec"]["minAvailable"] >= NEEDED
        assert budget["spec"]["selector"] == {"matchLabels": {"app": "web"}}


@asynccontextmanager
async def a_rich_world(server: str, radius: BlastRadius) -> AsyncIterator[Rich]:
    async with Rich.begun(server, radius) as world:
        assert isinstance(world, Rich)
        await world.enrich()
        yield world


async def play(server: str, asks: list[Ask], radius: BlastRadius) -> list[int]:
    async with a_rich_world(server, radius) as world:
        before = await look(world)
        statuses = []
        for ask in asks:
            statuses.append(await asked(world, ask))
            within(before, await look(world), radius)
        async with world.inside.gate.closed():
            restoration = await world.inside.undoing.undo()
        assert restoration.is_proven, restoration
        # The cluster puts its own taints back by itself, and dates them anew.
        kept = [each for each in restoration.kept if "node.kubernetes.io/" not in each.field]
        assert kept == []
        after = await look(world)
        assert (after.both.mine, after.both.bank) == (before.both.mine, before.both.bank)
        assert after.nodes == before.nodes
        return statuses


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as found:
        yield found


@asynccontextmanager
async def an_api_with_nodes() -> AsyncIterator[str]:
    """Nodes that nobody looks after, so nothing is put on them."""
    radius = test_no_sequence.a_radius(1, Fraction(1), frozenset())
    async with an_api() as server:
        async with World.begun(server, radius) as world:
            for name, labels in NODES.items():
                node: dict[str, Any] = {"metadata": {"name": name, "labels": labels}}
                assert (await world.inside.do("POST", "/api/v1/nodes", node))[0] == 201
        yield server


@pytest.fixture(scope="module")
def server(portal: BlockingPortal) -> Iterator[str]:
    with portal.wrap_async_context_manager(an_api_with_nodes()) as found:
        yield found


@given(asks=ASKS, radius=RADII)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_sequence_of_requests_exceeds_the_limits(
    portal: BlockingPortal, server: str, asks: list[Ask], radius: BlastRadius
) -> None:
    portal.call(play, server, asks, radius)


@pytest.mark.slow
@pytest.mark.timeout(300)
@given(asks=ASKS, radius=RADII)
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_sequence_of_many_exceeds_the_limits(
    portal: BlockingPortal, server: str, asks: list[Ask], radius: BlastRadius
) -> None:
    portal.call(play, server, asks, radius)


def test_requests_within_the_limits_are_let_through_and_no_others(
    portal: BlockingPortal, server: str
) -> None:
    """The property would hold of a guard that refuses everything."""
    radius = test_no_sequence.a_radius(30, Fraction(1), frozenset({"jobs"}))
    radius = replace(radius, kinds=EVERYTHING, most_node_share=Fraction(1, 4))
    cordon = Ask("PATCH", "/api/v1/nodes/node-0", {"spec": {"unschedulable": True}}, STRATEGIC)
    another = replace(cordon, path="/api/v1/nodes/node-1")
    made = {"metadata": {"name": "made", "labels": WORLD}, "spec": {"template": of_job("made")}}
    expected = [
        (cordon, 200),
        (another, 403),
        (scaling("deployments/web", "PUT", 3), 200),
        (scaling("deployments/web", "steps", 2), 403),
        (scaling("statefulsets/db", "merge", 0), 200),
        (scaling("deployments/cart", "object", 1), 200),
        (Ask("POST", path_of("jobs"), made), 201),
        (Ask("DELETE", path_of("jobs/batch")), 403),
        (Ask("DELETE", path_of("poddisruptionbudgets/web")), 403),
        (Ask("PATCH", path_of(CHANGES[7][0]), {"spec": CHANGES[7][1]}, MERGE), 200),
        (Ask("DELETE", path_of("statefulsets/db")), 200),
    ]

    statuses = portal.call(play, server, [ask for ask, _ in expected], radius)

    assert statuses == [status for _, status in expected]
