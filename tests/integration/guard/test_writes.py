"""Writes through a guard to the practice cluster: within the limits, beyond them, and undone."""

from fractions import Fraction
from functools import partial
from typing import Any

import anyio
import kubernetes.client as k8s
import pytest

from orchestrator.domain.undo import Restoration
from tests.integration.guard.conducting import Cluster, Guard, deployment, limits, service, until
from tests.integration.guard.conftest import StartGuard

CONFIG = "/api/v1/namespaces/shop/configmaps"
PODS = "/api/v1/namespaces/shop/pods"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


async def proven(guard: Guard) -> Restoration:
    await guard.undo()
    restoration = await guard.verify()
    assert restoration.is_proven, restoration
    return restoration


async def test_pods_are_killed_up_to_the_share_allowed_and_no_further(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start(radius=limits(most_share=Fraction(2, 3))) as guard:
        behind = await guard.begin()
        statuses = [await behind.delete_pod(name) for name in await cluster.pods("checkout")]

        assert statuses == [200, 200, 403]
        assert (await guard.event("refused"))["rule"] == "most_share"
        assert [line["verb"] for line in guard.events("write")] == ["delete", "delete"]
        await proven(guard)


async def test_distinct_objects_are_counted_with_the_pods_behind_them(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start(radius=limits(most_objects=3)) as guard:
        behind = await guard.begin()
        too_many = await behind.patch(deployment("checkout"), {"spec": {"replicas": 0}})
        few_enough = await behind.patch(deployment("checkout"), {"spec": {"replicas": 1}})
        one_more = await behind.delete_pod((await cluster.pods("payment"))[0])

        assert too_many[0] == 403
        assert too_many[1]["details"]["causes"][0]["field"] == "most_objects"
        assert few_enough[0] == 200
        assert one_more == 403
        await proven(guard)


async def test_deployment_scaled_to_zero_is_put_back_and_proven(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start() as guard:
        behind = await guard.begin()
        status, _ = await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        assert status == 200
        assert len((await guard.event("write"))["lost"]) == 2

        restoration = await proven(guard)

    assert restoration.undone == ("deployments/shop/payment",)
    now = await cluster.read(deployment("payment"))
    assert (now["spec"]["replicas"], now["status"]["readyReplicas"]) == (2, 2)


async def test_service_without_endpoints_is_pending_until_its_selector_is_back(
    start: StartGuard, cluster: Cluster
) -> None:
    async def has_no_endpoints() -> bool:
        slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
        found = await cluster.read(f"{slices}?labelSelector=kubernetes.io/service-name%3Dstock")
        return not any(item.get("endpoints") for item in found["items"])

    async with start() as guard:
        behind = await guard.begin()
        status, _ = await behind.patch(service("stock"), {"spec": {"selector": {"bogus": "x"}}})
        assert status == 200
        await until(has_no_endpoints)

        await proven(guard)

    assert (await cluster.read(service("stock")))["spec"]["selector"] == {"app": "stock"}
    assert not await has_no_endpoints()


@pytest.mark.parametrize(
    ("path", "media", "body"),
    [
        (deployment("cart"), STRATEGIC, {"spec": {"replicas": 1}}),
        (deployment("cart"), JSON_PATCH, [{"op": "replace", "path": "/spec/replicas", "value": 1}]),
        (deployment("cart") + "/scale", "application/merge-patch+json", {"spec": {"replicas": 1}}),
        (
            deployment("cart") + "/scale",
            JSON_PATCH,
            [{"op": "replace", "path": "/spec/replicas", "value": 1}],
        ),
        (
            deployment("cart") + "?fieldManager=them&force=true",
            APPLY,
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": "cart"},
                "spec": {"replicas": 1},
            },
        ),
    ],
)
async def test_every_kind_of_patch_is_put_back(
    start: StartGuard, cluster: Cluster, path: str, media: str, body: Any
) -> None:
    async with start() as guard:
        behind = await guard.begin()
        status, answer = await behind.patch(path, body, media)
        assert status == 200, answer
        assert (await cluster.read(deployment("cart")))["spec"]["replicas"] == 1

        await proven(guard)

    assert (await cluster.read(deployment("cart")))["spec"]["replicas"] == 2


@pytest.mark.parametrize("part", ["", "/scale"])
async def test_replacing_an_object_is_put_back(
    start: StartGuard, cluster: Cluster, part: str
) -> None:
    path = deployment("cart") + part
    async with start() as guard:
        behind = await guard.begin()
        wanted = await cluster.read(path)
        wanted["spec"]["replicas"] = 1
        wanted["metadata"].pop("resourceVersion")
        status, answer = await behind.raw("PUT", path, wanted)
        assert status == 200, answer

        await proven(guard)

    assert (await cluster.read(deployment("cart")))["spec"]["replicas"] == 2


async def test_stale_version_of_the_client_is_its_own_conflict(start: StartGuard) -> None:
    async with start() as guard:
        behind = await guard.begin()
        body = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 1}}
        status, answer = await behind.patch(deployment("cart"), body)

        assert (status, answer["reason"]) == (409, "Conflict")
        assert guard.events("write") == []


async def test_bad_image_counts_every_pod_and_is_rolled_back(
    start: StartGuard, cluster: Cluster
) -> None:
    container = {"name": "checkout", "image": "registry.practice/shop/checkout:broken"}
    body = {"spec": {"template": {"spec": {"containers": [container]}}}}
    async with start() as guard:
        behind = await guard.begin()
        status, answer = await behind.patch(deployment("checkout"), body, STRATEGIC)
        assert status == 200, answer
        assert len((await guard.event("write"))["lost"]) == 3

        await proven(guard)

    now = await cluster.read(deployment("checkout"))
    assert now["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":1.4")
    assert now["status"]["replicas"] == 3


async def test_what_others_changed_meanwhile_stays_and_is_reported(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(
            deployment("payment"),
            {"spec": {"replicas": 0}, "metadata": {"annotations": {"seen": "by the run"}}},
        )
        await cluster.patch(deployment("payment"), {"spec": {"replicas": 1}})

        restoration = await proven(guard)

    assert restoration.kept[0].field == "spec.replicas"
    assert {difference.field for difference in restoration.kept[1:]} <= {"readiness"}
    now = await cluster.read(deployment("payment"))
    assert now["spec"]["replicas"] == 1
    assert "seen" not in now["metadata"]["annotations"]


async def test_undo_is_safe_to_repeat(start: StartGuard, cluster: Cluster) -> None:
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        first = await guard.undo()
        generation = (await cluster.read(deployment("payment")))["metadata"]["generation"]
        second = await guard.undo()

        assert first == second
        assert (await cluster.read(deployment("payment")))["metadata"]["generation"] == generation
        await proven(guard)


async def test_created_objects_are_removed_by_uid(start: StartGuard, cluster: Cluster) -> None:
    async with start() as guard:
        behind = await guard.begin()
        body = {"metadata": {"generateName": "extra-"}, "data": {"a": "b"}}
        status, ours = await behind.raw("POST", CONFIG, body)
        assert status == 201, ours
        name = ours["metadata"]["name"]
        theirs = await cluster.raw("POST", CONFIG, {"metadata": {"name": "extra-theirs"}})
        assert theirs[0] == 201

        await proven(guard)

    assert (await cluster.raw("GET", f"{CONFIG}/{name}"))[0] == 404
    assert (await cluster.raw("DELETE", f"{CONFIG}/extra-theirs"))[0] == 200


async def test_applying_what_is_not_there_creates_it_and_is_undone(
    start: StartGuard, cluster: Cluster
) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "applied"},
        "data": {"a": "b"},
    }
    async with start() as guard:
        behind = await guard.begin()
        path = f"{CONFIG}/applied?fieldManager=me&force=true"
        status, answer = await behind.patch(path, body, APPLY)
        assert status == 201, answer
        again, _ = await behind.patch(path, body | {"data": {"a": "c"}}, APPLY)
        assert again == 200

        await proven(guard)

    assert (await cluster.raw("GET", f"{CONFIG}/applied"))[0] == 404


async def test_deleted_deployment_is_made_anew_as_it_was_before_the_run(
    start: StartGuard, cluster: Cluster
) -> None:
    before = await cluster.read(deployment("cart"))
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(deployment("cart"), {"spec": {"replicas": 1}})
        status, answer = await behind.raw("DELETE", deployment("cart"))
        assert status == 200, answer

        await proven(guard)

    now = await cluster.read(deployment("cart"))
    assert now["spec"] == before["spec"]
    assert now["metadata"]["uid"] != before["metadata"]["uid"]


async def test_deleted_service_keeps_its_address(start: StartGuard, cluster: Cluster) -> None:
    before = await cluster.read(service("cart"))
    async with start() as guard:
        behind = await guard.begin()
        assert (await behind.raw("DELETE", service("cart")))[0] == 200

        await proven(guard)

    assert (await cluster.read(service("cart")))["spec"] == before["spec"]


async def test_bare_pod_is_made_anew_on_any_node(start: StartGuard, cluster: Cluster) -> None:
    image = "registry.practice/shop/stock:1.4"
    spec = {"containers": [{"name": "stock", "image": image}]}
    await cluster.raw("POST", PODS, {"metadata": {"name": "bare"}, "spec": spec})

    async def is_bound() -> bool:
        return bool((await cluster.read(f"{PODS}/bare"))["spec"].get("nodeName"))

    await until(is_bound)
    first = await cluster.read(f"{PODS}/bare")
    async with start() as guard:
        behind = await guard.begin()
        assert await behind.delete_pod("bare") == 200

        await proven(guard)

    again = await cluster.read(f"{PODS}/bare")
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    assert again["spec"]["containers"][0]["image"] == image
    await cluster.raw("DELETE", f"{PODS}/bare", {"gracePeriodSeconds": 0})


async def test_collection_is_deleted_whole_or_not_at_all(
    start: StartGuard, cluster: Cluster
) -> None:
    path = f"{PODS}?labelSelector=app%3Dcheckout"
    before = await cluster.pods("checkout")
    for limit in (limits(most_objects=2), limits(most_share=Fraction(1, 2))):
        async with start(radius=limit) as guard:
            behind = await guard.begin()
            status, answer = await behind.raw("DELETE", path)
            assert (status, answer["reason"]) == (403, "Forbidden")
            assert await cluster.pods("checkout") == before

    async with start(radius=limits(most_objects=3)) as guard:
        behind = await guard.begin()
        status, answer = await behind.raw("DELETE", path, {"gracePeriodSeconds": 0})
        assert status == 200, answer
        assert set(await cluster.pods("checkout")).isdisjoint(before)
        assert len(guard.events("write")) == 3
        await proven(guard)


async def test_eviction_is_journalled_and_counted(start: StartGuard, cluster: Cluster) -> None:
    async with start(radius=limits(most_share=Fraction(1, 2))) as guard:
        behind = await guard.begin()
        names = await cluster.pods("payment")

        def evict(name: str) -> Any:
            body = k8s.V1Eviction(metadata=k8s.V1ObjectMeta(name=name, namespace="shop"))
            return lambda client: k8s.CoreV1Api(client).create_namespaced_pod_eviction(
                name, "shop", body
            )

        await behind.call(evict(names[0]))
        with pytest.raises(k8s.ApiException, match="most_share"):
            await behind.call(evict(names[1]))

        assert [line["verb"] for line in guard.events("write")] == ["evict"]
        await proven(guard)


async def test_node_is_cordoned_only_when_nodes_are_allowed(
    start: StartGuard, cluster: Cluster
) -> None:
    path, body = "/api/v1/nodes/practice-1", {"spec": {"unschedulable": True}}
    async with start() as guard:
        behind = await guard.begin()
        assert (await behind.patch(path, body))[0] == 403

    async with start(radius=limits(kinds=frozenset({"nodes"}))) as guard:
        behind = await guard.begin()
        assert (await behind.patch(path, body))[0] == 200
        status, answer = await behind.patch(path, {"metadata": {"labels": {"zone": "x"}}})
        assert (status, answer["details"]["causes"][0]["field"]) == (403, "fields")
        assert (await behind.raw("DELETE", path))[0] == 403

        await proven(guard)

    assert not (await cluster.read(path))["spec"].get("unschedulable")


async def test_dry_run_of_the_client_changes_and_counts_nothing(
    start: StartGuard, cluster: Cluster
) -> None:
    name = (await cluster.pods("cart"))[0]
    async with start() as guard:
        behind = await guard.begin()
        path = deployment("cart") + "?dryRun=All"
        status, promised = await behind.patch(path, {"spec": {"replicas": 0}})
        # With a body, an API server does not look for options in the query.
        deleted, _ = await behind.raw("DELETE", f"{PODS}/{name}?dryRun=All", {"kind": "x"})

        assert (status, promised["spec"]["replicas"], deleted) == (200, 0, 200)
        assert guard.events("write") == []

    assert (await cluster.read(deployment("cart")))["spec"]["replicas"] == 2
    assert name in await cluster.pods("cart")


async def test_labels_of_the_plan_must_be_on_every_pod_lost(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start(radius=limits(selectors={"app": "cart"})) as guard:
        behind = await guard.begin()

        status, answer = await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        assert (status, answer["details"]["causes"][0]["field"]) == (403, "selectors")
        assert await behind.delete_pod((await cluster.pods("payment"))[0]) == 403
        assert await behind.delete_pod((await cluster.pods("cart"))[0]) == 200
        await proven(guard)


async def test_busy_object_is_written_with_its_exact_before_image(
    start: StartGuard, cluster: Cluster
) -> None:
    """Somebody else writes the same object all the time."""
    async with start() as guard:
        behind = await guard.begin()
        is_over = anyio.Event()

        async def meddle() -> None:
            count = 0
            while not is_over.is_set():
                count += 1
                body = {"metadata": {"annotations": {"theirs": str(count)}}}
                assert (await cluster.patch(deployment("stock"), body))[0] == 200

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(meddle)
            with anyio.fail_after(60):
                for number in range(5):
                    body = {"metadata": {"annotations": {"ours": str(number)}}}
                    await until(partial(_written, behind, deployment("stock"), body))
            is_over.set()

        last = (await cluster.read(deployment("stock")))["metadata"]["annotations"]["theirs"]
        restoration = await proven(guard)

    now = (await cluster.read(deployment("stock")))["metadata"]["annotations"]
    assert restoration.kept == ()
    assert now["theirs"] == last
    assert "ours" not in now


async def test_stop_does_not_wait_for_a_write_to_a_busy_object(
    start: StartGuard, cluster: Cluster
) -> None:
    """Two others write the fields that the method means, so that it hardly ever gets its turn."""
    async with start() as guard:
        behind = await guard.begin()
        is_over = anyio.Event()
        answers: list[int] = []
        written: list[str] = []

        async def meddle(name: str) -> None:
            count = 0
            while not is_over.is_set():
                count += 1
                body = {"metadata": {"labels": {name: str(count)}}}
                assert (await cluster.patch(deployment("stock"), body))[0] == 200
                written.append(name)

        async def strike() -> None:
            while 403 not in answers:
                body = {"metadata": {"annotations": {"ours": str(len(answers))}}}
                answers.append((await behind.patch(deployment("stock"), body))[0])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(meddle, "one")
            tasks.start_soon(meddle, "two")
            tasks.start_soon(strike)
            await until(partial(_enough, written))
            with anyio.fail_after(1):
                await guard.do("restrain")
            made = answers.count(200)
            await until(partial(_refused, answers))
            is_over.set()

        assert answers.count(200) == made
        await proven(guard)


async def _written(cluster: Cluster, path: str, body: Any) -> bool:
    """Whether a write was made; one that does not get its turn is told so, and tried again."""
    status, answer = await cluster.patch(path, body)
    assert status in {200, 409}, answer
    return status == 200


async def _enough(written: list[str]) -> bool:
    return len(written) >= 20


async def _refused(answers: list[int]) -> bool:
    return 403 in answers
