"""What visitors of the shop meet when something in the cluster breaks, and when it is mended."""

from http import HTTPStatus

import anyio
import pytest

from orchestrator.practice.nodes.client import ApiRefused
from orchestrator.practice.nodes.shop.manifests import REPLICAS
from orchestrator.practice.nodes.traffic import DailyTraffic
from tests.integration.practice.outside import (
    PATIENCE,
    SHOP,
    Started,
    listens,
    refuses,
)


async def test_shop_serves_when_the_cluster_says_it_is_ready(started: Started) -> None:
    async with started() as outside:
        home, page = await outside.visit()
        bought, _ = await outside.post("/checkout", {})
        ready = {app: len(await outside.ready_pods(app)) for app in REPLICAS}

    assert (home, bought) == (HTTPStatus.OK, HTTPStatus.CREATED)
    assert page["stock"]["mug"] > 0
    assert ready == REPLICAS


async def test_pods_spread_over_nodes_with_addresses_of_their_node(started: Started) -> None:
    async with started() as outside:
        pods = await outside.pods("checkout")

    assert {pod["spec"]["nodeName"] for pod in pods} == {"practice-1", "practice-2", "practice-3"}
    for pod in pods:
        number = pod["spec"]["nodeName"].removeprefix("practice-")
        assert pod["status"]["podIP"].startswith(f"10.244.{number}.")


async def test_pod_answers_where_its_annotation_says(started: Started) -> None:
    async with started() as outside:
        pod, *_ = await outside.pods("payment")
        host, port = listens(pod)
        async with outside.session.get(f"http://{host}:{port}/healthz") as response:
            body = await response.json()

    assert (response.status, body) == (HTTPStatus.OK, {"status": "ok"})


async def test_deleted_pod_stops_listening_and_is_replaced(started: Started) -> None:
    async with started() as outside:
        pod, *_ = await outside.pods("checkout")
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        host, port = listens(pod)
        assert not await refuses(host, port)

        await outside.api.delete(f"{SHOP}/pods/{name}", uid=uid)

        async def closed() -> bool:
            return await refuses(host, port)

        await outside.eventually(closed)

        async def replaced() -> bool:
            uids = {item["metadata"]["uid"] for item in await outside.ready_pods("checkout")}
            return uid not in uids and len(uids) == REPLICAS["checkout"]

        await outside.eventually(replaced)
        await outside.eventually_posts(HTTPStatus.CREATED, "/checkout")


async def test_pod_deleted_without_grace_is_gone_at_once(started: Started) -> None:
    async with started() as outside:
        pod, *_ = await outside.pods("cart")
        host, port = listens(pod)

        await outside.api.delete(
            f"{SHOP}/pods/{pod['metadata']['name']}", uid=pod["metadata"]["uid"], grace_seconds=0
        )

        async def closed() -> bool:
            return await refuses(host, port)

        await outside.eventually(closed)


async def test_checkout_fails_without_payment_and_comes_back(started: Started) -> None:
    async with started() as outside:
        await outside.scale("payment", 0)

        page = await outside.eventually_posts(HTTPStatus.SERVICE_UNAVAILABLE, "/checkout")
        assert page == {"error": "payment refused the connection", "dependency": "payment"}
        assert (await outside.visit())[0] == HTTPStatus.OK

        await outside.scale("payment", REPLICAS["payment"])

        await outside.eventually_posts(HTTPStatus.CREATED, "/checkout")


async def test_broken_selector_takes_the_catalog_away_until_it_is_restored(
    started: Started,
) -> None:
    async with started() as outside:
        service = f"{SHOP}/services/catalog"

        await outside.api.patch(service, {"spec": {"selector": {"app": "nobody"}}})

        page = await outside.eventually_visits(HTTPStatus.SERVICE_UNAVAILABLE)
        assert page["dependency"] == "catalog"
        assert len(await outside.ready_pods("catalog")) == REPLICAS["catalog"]
        slices = await outside.api.get(
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices",
            labelSelector="kubernetes.io/service-name=catalog",
        )
        assert not [end for piece in slices["items"] for end in piece.get("endpoints") or ()]

        await outside.api.patch(service, {"spec": {"selector": {"app": "catalog"}}})

        await outside.eventually_visits(HTTPStatus.OK)


async def test_bad_image_leaves_the_old_pods_serving(started: Started) -> None:
    async with started() as outside:
        await outside.set_image("stock", "9.9")

        async def image_is_missed() -> bool:
            reasons = [
                status["state"]["waiting"]["reason"]
                for pod in await outside.pods("stock")
                for status in pod["status"].get("containerStatuses", ())
                if "waiting" in status["state"]
            ]
            return reasons == ["ImagePullBackOff"]

        await outside.eventually(image_is_missed)
        status, page = await outside.visit()
        events = await outside.api.get(f"{SHOP}/events")

    assert (status, page["stock"]["mug"] > 0) == (HTTPStatus.OK, True)
    told = {(event["reason"], event["type"]) for event in events["items"]}
    assert {("Pulling", "Normal"), ("Failed", "Warning"), ("BackOff", "Normal")} <= told


async def test_unready_pod_is_not_given_any_request(started: Started) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "unwell", "labels": {"app": "payment"}},
        "spec": {
            "containers": [
                {
                    "name": "payment",
                    "image": "registry.practice/shop/payment:1.4",
                    "env": [{"name": "FAIL", "value": "health"}],
                    "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
                }
            ]
        },
    }
    async with started() as outside:
        await outside.api.create(f"{SHOP}/pods", pod)

        async def listed_as_unready() -> bool:
            slices = await outside.api.get(
                "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices",
                labelSelector="kubernetes.io/service-name=payment",
            )
            ends = [end for piece in slices["items"] for end in piece.get("endpoints") or ()]
            found = await outside.api.get(f"{SHOP}/pods/unwell")
            listening = "annotations" in found["metadata"]
            return listening and [end["conditions"]["ready"] for end in ends].count(False) == 1

        await outside.eventually(listed_as_unready)
        for _ in range(6):
            await outside.post("/checkout", {})

        host, port = listens(await outside.api.get(f"{SHOP}/pods/unwell"))
        async with outside.session.get(f"http://{host}:{port}/metrics") as response:
            page = await response.text()

    assert "# TYPE shop_requests_total counter" in page
    assert 'service="payment"' not in page


async def test_home_degrades_without_stock(started: Started) -> None:
    async with started() as outside:
        await outside.scale("stock", 0)

        async def degraded() -> bool:
            status, page = await outside.visit()
            assert status == HTTPStatus.OK
            return bool(page["stock"] == "unknown")

        await outside.eventually(degraded)


async def test_front_door_says_that_the_storefront_is_gone(started: Started) -> None:
    async with started() as outside:
        await outside.scale("storefront", 0)

        page = await outside.eventually_visits(HTTPStatus.SERVICE_UNAVAILABLE)

    assert page == {"error": "storefront refused the connection", "dependency": "storefront"}


async def test_visitors_lose_nothing_while_pods_are_deleted_gracefully(started: Started) -> None:
    async with started() as outside:
        for app in ("storefront", "catalog"):
            pod, *_ = await outside.pods(app)
            path = f"{SHOP}/pods/{pod['metadata']['name']}"
            await outside.api.delete(path, uid=pod["metadata"]["uid"])
            statuses = [(await outside.visit())[0] for _ in range(20)]

            assert statuses.count(HTTPStatus.OK) >= 19


async def test_new_version_is_rolled_out_without_a_failed_visit(started: Started) -> None:
    async with started() as outside:
        await outside.set_image("catalog", "1.5")
        statuses = []

        async def rolled_out() -> bool:
            statuses.append((await outside.visit())[0])
            images = [
                pod["spec"]["containers"][0]["image"] for pod in await outside.pods("catalog")
            ]
            ready = len(await outside.ready_pods("catalog"))
            new = images == ["registry.practice/shop/catalog:1.5"] * REPLICAS["catalog"]
            return new and ready == REPLICAS["catalog"]

        await outside.eventually(rolled_out)

    assert set(statuses) == {HTTPStatus.OK}


async def test_visitors_are_counted_by_how_they_fared(started: Started) -> None:
    traffic = DailyTraffic(quietest=50, busiest=50)
    async with started(traffic=traffic) as outside:

        async def counted(outcome: str) -> bool:
            async with outside.session.get(outside.cluster.metrics_url) as response:
                return f'shop_journeys_total{{journey="checkout",outcome="{outcome}"}}' in (
                    await response.text()
                )

        await outside.eventually(lambda: counted("ok"))
        await outside.scale("payment", 0)
        await outside.eventually(lambda: counted("failed"))


async def test_missing_pod_is_not_found(started: Started) -> None:
    async with started() as outside:
        with pytest.raises(ApiRefused) as refused, anyio.fail_after(PATIENCE):
            await outside.api.get(f"{SHOP}/pods/nobody")

    assert refused.value.status == HTTPStatus.NOT_FOUND
