"""What looks as if it could be put back, and cannot: it goes too slowly, or others free it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from tests.contract.cluster.asking import MERGE
from tests.integration.guard.conducting import loose
from tests.integration.guard.furnished import World, a_shop, rule
from tests.integration.guard.inside import Object, an_api
from tests.integration.guard.places import a_pod

SHOP = "/api/v1/namespaces/shop"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses"
DAY = {"gracePeriodSeconds": 86_400}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    radius = loose(namespaces=frozenset({"shop"}), selectors={"part-of": "world"})
    async with an_api() as server, a_shop(server, radius) as found:
        yield found


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", f"{SHOP}/pods/alone", DAY),
        ("DELETE", f"{SHOP}/pods/alone?gracePeriodSeconds=86400", None),
        ("DELETE", f"{SHOP}/pods?labelSelector=app%3Dworld", DAY),
        (
            "POST",
            f"{SHOP}/pods/alone/eviction",
            {"metadata": {"name": "alone"}, "deleteOptions": DAY},
        ),
    ],
)
async def test_a_pod_is_not_told_to_take_a_day_to_go(
    world: World, method: str, path: str, body: Any
) -> None:
    pod = a_pod("alone", labels={"part-of": "world", "app": "world"})
    assert (await world.inside.do("POST", f"{SHOP}/pods", pod))[0] == 201

    assert rule(await world.inside.ask(method, path, body)) == "grace"
    assert world.inside.ledger.records == []

    status, _ = await world.inside.ask("DELETE", f"{SHOP}/pods/alone", {"gracePeriodSeconds": 30})
    assert status == 200


async def test_pods_that_would_take_a_day_to_go_are_not_made(world: World) -> None:
    pod = a_pod("new", labels={"part-of": "world"})
    pod["spec"]["terminationGracePeriodSeconds"] = 86_400

    assert rule(await world.inside.ask("POST", f"{SHOP}/pods", pod)) == "grace"


def a_service(name: str, kind: str, **metadata: Any) -> Object:
    return {
        "metadata": {"name": name, "labels": {"part-of": "world"}, **metadata},
        "spec": {"type": kind, "selector": {"app": "web"}, "ports": [{"port": 80}]},
    }


@pytest.mark.parametrize("path", [f"{SHOP}/services/front", f"{SHOP}/services"])
async def test_a_service_with_an_address_of_the_cloud_is_not_deleted(
    world: World, path: str
) -> None:
    """The cloud takes the address back; one that is made anew gets another."""
    front = a_service("front", "LoadBalancer")
    assert (await world.inside.do("POST", f"{SHOP}/services", front))[0] == 201

    answer = await world.inside.ask("DELETE", path)

    assert rule(answer) == "irreversible"
    assert "address" in answer[1]["message"]
    assert (await world.inside.do("GET", f"{SHOP}/services/front"))[0] == 200


async def test_the_load_balancer_of_a_service_is_not_made_another_by_its_annotations(
    world: World,
) -> None:
    front = a_service(
        "front", "LoadBalancer", annotations={"cloud.example.com/balancer": "outside"}
    )
    plain = a_service("plain", "ClusterIP")
    for each in (front, plain):
        assert (await world.inside.do("POST", f"{SHOP}/services", each))[0] == 201
    changes: Mapping[str, Any] = {
        "annotations": {"metadata": {"annotations": {"cloud.example.com/balancer": "inside"}}},
        "labels": {"metadata": {"labels": {"a": "b"}}},
        "note": {"metadata": {"annotations": {"note": "a"}}},
    }

    lost = await world.inside.ask("PATCH", f"{SHOP}/services/front", changes["annotations"], MERGE)
    for name, change in (("front", "labels"), ("front", "note"), ("plain", "annotations")):
        path = f"{SHOP}/services/{name}"
        assert (await world.inside.ask("PATCH", path, changes[change], MERGE))[0] == 200

    assert rule(lost) == "irreversible"


async def test_what_others_clean_up_after_outside_of_the_cluster_is_not_deleted(
    world: World,
) -> None:
    held: Object = {"finalizers": ["cloud.example.com/frees-address"]}
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    way: Object = {
        "metadata": {"labels": {"part-of": "world"}},
        "spec": {"defaultBackend": backend},
    }
    free = {**way, "metadata": {**way["metadata"], "name": "free"}}
    bound = {**way, "metadata": {**way["metadata"], "name": "bound", **held}}
    for path, body in [
        (INGRESSES, free),
        (INGRESSES, bound),
        (f"{SHOP}/services", a_service("bound", "ClusterIP", **held)),
    ]:
        assert (await world.inside.do("POST", path, body))[0] == 201

    assert (await world.inside.ask("DELETE", f"{INGRESSES}/free"))[0] == 200
    for path in (f"{INGRESSES}/bound", f"{SHOP}/services/bound"):
        answer = await world.inside.ask("DELETE", path)
        assert rule(answer) == "finalizers"
        assert "cloud.example.com/frees-address" in answer[1]["message"]
