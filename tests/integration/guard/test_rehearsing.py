"""A guard that rehearses changes nothing, and what would be deleted is seen no more."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.integration.guard.conducting import (
    Cluster,
    Guard,
    deployment,
    guard_at,
    limits,
    loose,
    records,
    service,
)
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.places import Place

PODS = "/api/v1/namespaces/shop/pods"
CONFIG = "/api/v1/namespaces/shop/configmaps"
PAYMENT = "deployments/shop/payment"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


async def versions(cluster: Cluster) -> dict[str, str]:
    """The version of everything in the shop that a run may write."""
    found: dict[str, str] = {}
    for path in (PODS, CONFIG, service(""), deployment("")):
        for item in (await cluster.read(path.rstrip("/")))["items"]:
            found[f"{path}/{item['metadata']['name']}"] = item["metadata"]["resourceVersion"]
    return found


async def names(cluster: Cluster, path: str = PODS, **headers: str) -> set[str]:
    found = (await cluster.raw("GET", path, headers=headers))[1]
    items = found.get("items") or [row["object"] for row in found["rows"]]
    return {item["metadata"]["name"] for item in items}


async def begun(guard: Guard) -> Cluster:
    await guard.do("play")
    return await guard.cluster()


async def test_nothing_that_is_let_through_changes_anything(
    start: StartGuard, cluster: Cluster, database: Path
) -> None:
    before = await versions(cluster)
    pod, other = (await cluster.pods("payment"))[:2]
    eviction = {"metadata": {"name": other, "namespace": "shop"}}
    async with start(radius=limits(), rehearsing=True) as guard:
        behind = await begun(guard)
        answers = [
            await behind.raw("DELETE", f"{PODS}/{pod}", {"gracePeriodSeconds": 0}),
            await behind.raw("POST", f"{PODS}/{other}/eviction", eviction),
            await behind.patch(deployment("cart"), {"spec": {"replicas": 1}}),
            await behind.patch(f"{deployment('stock')}/scale", {"spec": {"replicas": 0}}),
            await behind.patch(service("catalog"), {"spec": {"selector": {"app": "none"}}}),
            await behind.raw("POST", CONFIG, {"metadata": {"name": "made"}}),
            await behind.raw("DELETE", f"{PODS}?labelSelector=app%3Dcheckout"),
        ]

        assert {status // 100 for status, _ in answers} == {2}, answers
        assert len(guard.events("foreseen")) == 9
        await guard.do("end")

    assert await versions(cluster) == before
    assert await records(database) == []


async def test_what_would_be_lost_is_told_with_its_workload(
    start: StartGuard, cluster: Cluster
) -> None:
    (pod, *_) = await cluster.pods("payment")
    async with start(radius=limits(), rehearsing=True) as guard:
        behind = await begun(guard)
        await behind.delete_pod(pod)

        told = await guard.event("foreseen")

    assert (told["verb"], told["target"]) == ("delete", f"pods/shop/{pod}")
    assert told["behind"] == {PAYMENT: [f"pods/shop/{pod}"]}
    assert told["sizes"] == {PAYMENT: 2}


@pytest.mark.parametrize("effect", ["", "NoSchedule"])
async def test_a_node_that_would_take_no_more_pods_is_told_with_those_that_stay(
    start: StartGuard, cluster: Cluster, effect: str
) -> None:
    taint = {"key": "broken", "effect": effect}
    spec = {"taints": [taint]} if effect else {"unschedulable": True}
    node = "/api/v1/nodes/practice-1"
    on_it = await cluster.read("/api/v1/pods?fieldSelector=spec.nodeName%3Dpractice-1")
    metadata = [pod["metadata"] for pod in on_it["items"]]
    pods = {f"pods/{each['namespace']}/{each['name']}" for each in metadata}
    # To take none of them away, it does not matter to whom they belong.
    radius = limits(namespaces=frozenset({"nobody"}), kinds=frozenset({"nodes"}), most_objects=1)
    async with start(radius=radius, rehearsing=True) as guard:
        behind = await begun(guard)
        assert (await behind.patch(node, {"spec": spec}))[0] == 200

        told = await guard.event("foreseen")

    assert (told["verb"], told["target"]) == ("change", "nodes//practice-1")
    assert (told["behind"], told["sizes"]) == ({"nodes": ["nodes//practice-1"]}, {"nodes": 3})
    assert set(told["staying"]) == pods != set()


async def test_a_pod_that_would_be_deleted_is_seen_no_more(
    start: StartGuard, cluster: Cluster
) -> None:
    pod, other = (await cluster.pods("payment"))[:2]
    async with start(radius=limits(), rehearsing=True) as guard:
        behind = await begun(guard)
        assert {pod, other} <= await names(behind)
        await behind.delete_pod(pod)

        assert (await behind.raw("GET", f"{PODS}/{pod}"))[0] == 404
        assert (await behind.raw("GET", f"{PODS}/{other}"))[0] == 200
        assert await behind.delete_pod(pod) == 404
        for seen in (await names(behind), await names(behind, Accept=TABLE)):
            assert pod not in seen
            assert other in seen

    assert {pod, other} <= await names(cluster)


async def test_a_watch_shows_no_event_of_what_would_be_deleted(
    start: StartGuard, cluster: Cluster
) -> None:
    pod, other = (await cluster.pods("payment"))[:2]
    async with start(radius=limits(), rehearsing=True) as guard:
        behind = await begun(guard)
        await behind.delete_pod(pod)
        watched = await events(behind, f"{PODS}?watch=true&timeoutSeconds=1")

    assert other in watched
    assert pod not in watched


async def events(cluster: Cluster, path: str) -> str:
    """Everything that a watch says, until it ends."""
    host, _, root = cluster.url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    head = f"GET /{root}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    with anyio.fail_after(10):
        async with await anyio.connect_tcp(name, int(port)) as stream:
            await stream.send(head.encode())
            return b"".join([chunk async for chunk in stream]).decode()


async def test_pods_go_with_a_deployment_that_would_be_scaled_to_zero(
    start: StartGuard, cluster: Cluster
) -> None:
    pods = set(await cluster.pods("payment"))
    async with start(radius=limits(), rehearsing=True) as guard:
        behind = await begun(guard)
        await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})

        assert not pods & await names(behind)


async def test_what_would_be_made_is_there_until_it_would_be_deleted(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start(radius=limits(), rehearsing=True) as guard:
        behind = await begun(guard)
        made = await behind.raw("POST", CONFIG, {"metadata": {"name": "made"}, "data": {"a": "b"}})
        there = await behind.raw("GET", f"{CONFIG}/made")
        deleted = await behind.raw("DELETE", f"{CONFIG}/made")
        gone = await behind.raw("GET", f"{CONFIG}/made")

        assert [answer[0] for answer in (made, there, deleted, gone)] == [201, 200, 200, 404]
        assert there[1]["data"] == {"a": "b"}

    assert "made" not in await names(cluster, CONFIG)


async def test_what_a_run_would_be_refused_is_refused(start: StartGuard, cluster: Cluster) -> None:
    pods = await cluster.pods("checkout")
    async with start(radius=limits(most_share=Fraction(1, 3)), rehearsing=True) as guard:
        behind = await begun(guard)

        assert [await behind.delete_pod(name) for name in pods[:2]] == [200, 403]
        assert (await guard.event("refused"))["rule"] == "most_share"


async def test_a_command_has_no_dry_run_and_is_not_run(start: StartGuard, cluster: Cluster) -> None:
    (pod, *_) = await cluster.pods("payment")
    asked = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
    }
    radius = limits(irreversible=frozenset({"exec"}))
    async with start(radius=radius, rehearsing=True) as guard:
        behind = await begun(guard)
        path = f"{PODS}/{pod}/exec?command=true&stdout=true&container={{container}}"
        found = await cluster.read(f"{PODS}/{pod}")
        container = found["spec"]["containers"][0]["name"]
        code, _ = await behind.raw("GET", path.format(container=container), headers=asked)

        assert code == 403
        assert (await guard.event("refused"))["rule"] == "dry_run"
        assert (await guard.event("foreseen"))["verb"] == "exec"


@pytest.mark.parametrize("ending", ["hang_up", "kill"])
async def test_a_rehearsal_whose_conductor_is_gone_leaves_nothing_to_undo(
    start: StartGuard, cluster: Cluster, ending: str
) -> None:
    before = await versions(cluster)
    async with start(radius=limits(), rehearsing=True) as guard:
        behind = await begun(guard)
        await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        if ending == "hang_up":
            await guard.hang_up()
        else:
            guard.kill()
            await guard.ended()

    assert await versions(cluster) == before


async def test_no_write_reaches_either_kind_of_cluster(place: Place, database: Path) -> None:
    radius = loose(namespaces=frozenset({place.namespace}))
    place.settle()
    before = [item_versions(place, kind) for kind in ("pods", "apps/v1/deployments")]
    (pod, evicted, *_) = place.pods("web")
    web = place.path("apps/v1/deployments", "web")
    async with guard_at(
        database, kubeconfig=place.kubeconfig, radius=radius, rehearsing=True
    ) as guard:
        behind = await begun(guard)
        eviction = {"metadata": {"name": evicted, "namespace": place.namespace}}
        answers = [
            await behind.raw("DELETE", place.path("pods", pod), {"gracePeriodSeconds": 0}),
            await behind.raw("POST", f"{place.path('pods', evicted)}/eviction", eviction),
            await behind.patch(web, {"spec": {"replicas": 1}}),
            await behind.raw("DELETE", web),
            await behind.raw("DELETE", place.path("pods")),
        ]
        assert {status // 100 for status, _ in answers} == {2}, answers
        await guard.do("end")

    assert [item_versions(place, kind) for kind in ("pods", "apps/v1/deployments")] == before


def item_versions(place: Place, kind: str) -> dict[str, Any]:
    items = place.direct.send("GET", place.path(kind)).body["items"]
    return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items}
