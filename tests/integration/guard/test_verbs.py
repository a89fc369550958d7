"""Limits that list verbs let nothing else through, by whichever request, and hinder no undo."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from orchestrator.domain.verbs import WriteVerb
from tests.integration.guard.conducting import (
    Cluster,
    Guard,
    deployment,
    limits,
)
from tests.integration.guard.conftest import StartGuard

PAYMENT: Final = deployment("payment")
SCALE: Final = f"{PAYMENT}/scale"
CONFIG: Final = "/api/v1/namespaces/shop/configmaps"
PODS: Final = "/api/v1/namespaces/shop/pods"
JSON_PATCH: Final = {"Content-Type": "application/json-patch+json"}
APPLY: Final = {"Content-Type": "application/apply-patch+yaml"}
FEWER: Final = {"spec": {"replicas": 1}}


def listed(**verbs: str) -> dict[str, Any]:
    """Limits of which these kinds may be written in these ways alone."""
    found = {kind: frozenset(map(WriteVerb, each.split())) for kind, each in verbs.items()}
    return {"verbs": found, "kinds": frozenset(found) | {"pods"}}


def rule(answer: tuple[int, Mapping[str, Any]]) -> str:
    status, document = answer
    return str(document["details"]["causes"][0]["field"]) if status == 403 else ""


async def proven(guard: Guard) -> None:
    await guard.undo()
    restoration = await guard.verify()
    assert restoration.is_proven, restoration
    assert restoration.kept == (), restoration


async def put(behind: Cluster, path: str, **spec: Any) -> tuple[int, Mapping[str, Any]]:
    """Replace an object, of whatever version it is: its controller writes its status meanwhile."""
    whole = await behind.read(path)
    del whole["metadata"]["resourceVersion"]
    return await behind.raw("PUT", path, {**whole, "spec": {**whole["spec"], **spec}})


async def test_what_may_be_scaled_is_scaled_by_any_request(
    start: StartGuard, cluster: Cluster
) -> None:
    json_patch = [{"op": "replace", "path": "/spec/replicas", "value": 1}]
    apply = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "payment"}}
    forced = f"{PAYMENT}?fieldManager=hand&force=true"
    before = (await cluster.read(PAYMENT))["spec"]
    async with start(radius=limits(**listed(deployments="scale"))) as guard:
        behind = await guard.begin()
        answers = [
            await behind.patch(SCALE, FEWER),
            await behind.patch(PAYMENT, {"spec": {"replicas": 2}}),
            await behind.raw("PATCH", PAYMENT, json_patch, headers=JSON_PATCH),
            await put(behind, PAYMENT, replicas=0),
            await put(behind, SCALE, replicas=1),
            await behind.raw("PATCH", forced, {**apply, "spec": {"replicas": 3}}, headers=APPLY),
        ]

        assert [status for status, _ in answers] == [200] * 6, answers
        await proven(guard)

    assert (await cluster.read(PAYMENT))["spec"] == before


async def test_what_may_be_scaled_is_neither_deleted_nor_made_nor_changed(
    start: StartGuard, cluster: Cluster
) -> None:
    labels = {"metadata": {"labels": {"note": "x"}}}
    both = {**FEWER, **labels}
    json_patch = [
        {"op": "replace", "path": "/spec/replicas", "value": 1},
        {"op": "add", "path": "/metadata/labels/note", "value": "x"},
    ]
    radius = limits(**listed(deployments="scale"), creates=frozenset({"deployments"}))
    whole = await cluster.read(PAYMENT)
    made = {"metadata": {"name": "made"}, "spec": whole["spec"]}
    async with start(radius=radius) as guard:
        behind = await guard.begin()
        collection = PAYMENT.rpartition("/")[0]
        answers = [
            await behind.raw("DELETE", PAYMENT),
            await behind.raw("DELETE", f"{collection}?labelSelector=app%3Dpayment"),
            await behind.raw("POST", collection, made),
            await behind.patch(PAYMENT, labels),
            await behind.patch(PAYMENT, both),
            await behind.raw("PATCH", PAYMENT, json_patch, headers=JSON_PATCH),
            await put(behind, PAYMENT, replicas=1, paused=True),
        ]

        assert [rule(answer) for answer in answers] == ["verbs"] * 7, answers
        assert guard.events("write") == []
        assert {line["rule"] for line in guard.events("refused")} == {"verbs"}

    assert await cluster.read(PAYMENT) == whole


async def test_what_may_be_changed_is_not_scaled(start: StartGuard) -> None:
    async with start(radius=limits(**listed(deployments="change"))) as guard:
        behind = await guard.begin()

        for path in (PAYMENT, SCALE):
            assert rule(await behind.patch(path, FEWER)) == "verbs"
        assert (await behind.patch(PAYMENT, {"metadata": {"labels": {"note": "x"}}}))[0] == 200
        await proven(guard)


async def test_pods_behind_a_scale_are_judged_by_shares_and_not_by_verbs(
    start: StartGuard, cluster: Cluster
) -> None:
    (pod, *_) = await cluster.pods("payment")
    async with start(radius=limits(**listed(deployments="scale", pods="evict"))) as guard:
        behind = await guard.begin()

        assert await behind.delete_pod(pod) == 403
        assert (await behind.patch(SCALE, {"spec": {"replicas": 0}}))[0] == 200
        await proven(guard)


async def test_an_eviction_is_no_deletion(start: StartGuard, cluster: Cluster) -> None:
    pod, other = (await cluster.pods("payment"))[:2]
    eviction = {"metadata": {"name": pod, "namespace": "shop"}}
    async with start(radius=limits(**listed(pods="evict"))) as guard:
        behind = await guard.begin()

        assert rule(await behind.raw("DELETE", f"{PODS}/{other}")) == "verbs"
        assert (await behind.raw("POST", f"{PODS}/{pod}/eviction", eviction))[0] == 201
        await proven(guard)


async def test_what_the_run_made_it_takes_away_though_it_may_delete_nothing(
    start: StartGuard, cluster: Cluster
) -> None:
    radius = limits(**listed(configmaps="create"), creates=frozenset({"configmaps"}))
    async with start(radius=radius) as guard:
        behind = await guard.begin()
        assert (await behind.raw("POST", CONFIG, {"metadata": {"name": "made"}}))[0] == 201
        assert rule(await behind.patch(f"{CONFIG}/made", {"data": {"a": "b"}})) == "verbs"
        assert (await behind.raw("DELETE", f"{CONFIG}/made"))[0] == 200
        assert (await behind.raw("POST", CONFIG, {"metadata": {"name": "again"}}))[0] == 201
        await proven(guard)

    left = {each["metadata"]["name"] for each in (await cluster.read(CONFIG))["items"]}
    assert not left & {"made", "again"}


async def test_rollbacks_put_back_what_the_run_did_and_no_more(
    start: StartGuard, cluster: Cluster
) -> None:
    radius = limits(**listed(deployments="scale"))
    async with start(radius=radius) as guard:
        behind = await guard.begin()
        assert (await behind.patch(SCALE, FEWER))[0] == 200
        await guard.do("roll_back")

        assert rule(await behind.raw("DELETE", PAYMENT)) == "rollback"
        assert (await behind.patch(PAYMENT, {"spec": {"replicas": 2}}))[0] == 200
        await proven(guard)

    assert (await cluster.read(PAYMENT))["spec"]["replicas"] == 2


@pytest.mark.parametrize("kind", ["deployments", "pods"])
async def test_a_kind_whose_verbs_are_all_taken_away_is_not_written(
    start: StartGuard, cluster: Cluster, kind: str
) -> None:
    (pod, *_) = await cluster.pods("payment")
    radius = limits(verbs={kind: frozenset()})
    async with start(radius=radius) as guard:
        behind = await guard.begin()

        scaled = rule(await behind.patch(SCALE, FEWER))
        deleted = rule(await behind.raw("DELETE", f"{PODS}/{pod}"))

        assert (scaled, deleted) == (("verbs", "") if kind == "deployments" else ("", "verbs"))
        await proven(guard)


async def test_a_dry_run_foresees_what_the_verbs_would_refuse(start: StartGuard) -> None:
    radius = limits(**listed(deployments="scale"))
    async with start(radius=radius, rehearsing=True) as guard:
        await guard.do("play")
        behind = await guard.cluster()

        assert (await behind.patch(SCALE, FEWER))[0] == 200
        assert rule(await behind.raw("DELETE", PAYMENT)) == "verbs"

        assert (await guard.event("foreseen"))["verb"] == "scale"
        assert (await guard.event("refused"))["rule"] == "verbs"
