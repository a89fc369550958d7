"""Ways around the limits that were tried, on a guard and a cluster in one process."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from orchestrator.domain.labels import Operator, Requirement
from orchestrator.domain.undo import UndoState
from tests.contract.cluster.asking import APPLY, MERGE, STRATEGIC
from tests.integration.guard.conducting import loose
from tests.integration.guard.furnished import World, a_shop, rule
from tests.integration.guard.inside import Object, a_guard_inside, an_api
from tests.integration.guard.places import IMAGE, a_deployment, a_pod

SHOP = "/api/v1/namespaces/shop"
APPS = "/apis/apps/v1/namespaces/shop"
REVISION = "deployment.kubernetes.io/revision"


@pytest.fixture
async def server() -> AsyncIterator[str]:
    async with an_api() as found:
        yield found


@pytest.fixture
async def world(server: str) -> AsyncIterator[World]:
    radius = loose(namespaces=frozenset({"shop"}), selectors={"part-of": "world"})
    async with a_shop(server, radius) as found:
        yield found


async def bare(url: str, request: bytes) -> bytes:
    """What is answered to bytes that no client would send; `{root}` is the guard's path."""
    host, _, root = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    with anyio.fail_after(10):
        async with await anyio.connect_tcp(name, int(port)) as stream:
            await stream.send(request.replace(b"{root}", b"/" + root.encode()))
            return await stream.receive()


PATCH = b"PATCH {root}/apis/apps/v1/namespaces/shop/deployments/web HTTP/1.1\r\nHost: x\r\n"
BODY = b'{"spec":{"replicas":0}}'
TYPE = b"Content-Type: application/merge-patch+json\r\n"
AMBIGUOUS = {
    "length and chunks": PATCH + TYPE + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"17\r\n" + BODY + b"\r\n0\r\n\r\n",
    "two lengths": PATCH + TYPE + b"Content-Length: 23\r\nContent-Length: 2\r\n\r\n" + BODY,
    "length with a sign": PATCH + TYPE + b"Content-Length: +23\r\n\r\n" + BODY,
    "chunked twice": PATCH + TYPE + b"Transfer-Encoding: chunked, chunked\r\n\r\n"
    b"17\r\n" + BODY + b"\r\n0\r\n\r\n",
    "no size of a chunk": PATCH + TYPE + b"Transfer-Encoding: chunked\r\n\r\n"
    b"zz\r\n" + BODY + b"\r\n0\r\n\r\n",
    "space before a colon": PATCH + b"Content-Type : a\r\nContent-Length: 23\r\n\r\n" + BODY,
    "whole address": PATCH.replace(b"{root}", b"http://elsewhere") + TYPE
    + b"Content-Length: 23\r\n\r\n" + BODY,
    "method in another case": PATCH.replace(b"PATCH", b"patch") + TYPE
    + b"Content-Length: 23\r\n\r\n" + BODY,
    "tunnel": b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(AMBIGUOUS))
async def test_request_with_two_readings_is_refused(world: World, name: str) -> None:
    before = await world.objects("shop")

    answer = await bare(world.inside.url, AMBIGUOUS[name])

    assert int(answer.split()[1]) in {400, 401, 403}
    assert await world.objects("shop") == before
    assert world.inside.ledger.records == []


IN_CHUNKS = PATCH + TYPE + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKED = (
    IN_CHUNKS
    + b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in BODY)
    + b"0\r\n\r\n"
)  # fmt: skip
TOO_LARGE = IN_CHUNKS + (b"100000\r\n" + b"x" * 0x100000 + b"\r\n") * 4


async def test_chunked_body_is_read_whole_and_judged(world: World) -> None:
    answer = await bare(world.inside.url, CHUNKED)

    assert b"200 OK" in answer
    assert world.inside.ledger.records[0].after is not None
    assert world.inside.ledger.records[0].after["spec"]["replicas"] == 0


async def test_body_that_is_too_large_is_refused_without_its_end(world: World) -> None:
    answer = await bare(world.inside.url, TOO_LARGE)

    assert b"403" in answer.partition(b"\r\n")[0]


async def test_what_the_journal_would_not_show_is_not_written(world: World) -> None:
    path = f"{APPS}/deployments/web"

    async def revision() -> str:
        found = (await world.inside.do("GET", path))[1]["metadata"]
        return str(found.get("annotations", {}).get(REVISION))

    before = await revision()
    same = await world.inside.ask("PATCH", path, {"spec": {"replicas": 4}}, MERGE)
    body = {"metadata": {"annotations": {REVISION: "7"}}}
    alone = await world.inside.ask("PATCH", path, body, MERGE)
    body["metadata"]["annotations"]["other"] = "x"
    among_others = await world.inside.ask("PATCH", path, body, MERGE)

    assert (same[0], rule(alone), rule(among_others)) == (200, "fields", "fields")
    assert await revision() == before
    assert [record.state for record in world.inside.ledger.records] == [UndoState.UNDONE]


@pytest.mark.parametrize("is_applied", [False, True])
async def test_object_is_not_made_with_a_finalizer_that_nobody_takes_off(
    world: World, is_applied: bool
) -> None:
    made = a_pod("held")
    made["metadata"] |= {"finalizers": ["example.com/held"], "labels": {"part-of": "world"}}

    answer = (
        await world.inside.ask("PATCH", f"{SHOP}/pods/held?fieldManager=me", made, APPLY)
        if is_applied
        else await world.inside.ask("POST", f"{SHOP}/pods", made)
    )

    assert rule(answer) == "finalizers"
    assert world.inside.ledger.records == []


@pytest.mark.parametrize("how", ["alone", "by deletion of many", "by eviction"])
async def test_object_is_not_deleted_that_a_finalizer_holds_for_ever(
    world: World, how: str
) -> None:
    held = a_pod("held")
    held["metadata"] |= {"finalizers": ["example.com/x"], "labels": {"part-of": "world"}}
    assert (await world.inside.do("POST", f"{SHOP}/pods", held))[0] == 201
    path = f"{SHOP}/pods/held"

    match how:
        case "alone":
            answer = await world.inside.ask("DELETE", path)
        case "by eviction":
            eviction = {"metadata": {"name": "held"}}
            answer = await world.inside.ask("POST", f"{path}/eviction", eviction)
        case _:
            query = "labelSelector=part-of%3Dworld,!app"
            answer = await world.inside.ask("DELETE", f"{SHOP}/pods?{query}")

    assert rule(answer) == "finalizers"
    assert "deletionTimestamp" not in (await world.inside.do("GET", path))[1]["metadata"]
    assert world.inside.ledger.records == []


async def test_object_is_deleted_whose_finalizer_the_cluster_takes_off(world: World) -> None:
    for name, finalizers in (("free", []), ("tracked", ["batch.kubernetes.io/job-tracking"])):
        labels = {"part-of": "world"}
        metadata = {"name": name, "labels": labels, "finalizers": finalizers}
        made = {"metadata": metadata, "data": {"a": "b"}}
        assert (await world.inside.do("POST", f"{SHOP}/configmaps", made))[0] == 201

        assert (await world.inside.ask("DELETE", f"{SHOP}/configmaps/{name}"))[0] == 200


async def test_pods_may_bear_nodes_that_went_away_for_as_long_as_they_like(world: World) -> None:
    key = "node.kubernetes.io/unreachable"
    pod = a_pod("patient")
    lost = {"key": key, "effect": "NoExecute", "operator": "Exists", "tolerationSeconds": 5}
    pod["spec"]["tolerations"] = [lost]

    assert (await world.inside.ask("POST", f"{SHOP}/pods", pod))[0] == 201


BANK: Object = {"matchLabels": {"team": "bank"}}
POLICIES = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
BUDGETS = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"
FRIENDS: Object = {"podSelector": {"matchLabels": {"app": "till"}}, "ingress": [
    {"from": [{"podSelector": BANK}]}]}  # fmt: skip
RULERS: dict[str, tuple[str, Object]] = {
    "a budget": (BUDGETS, {"selector": BANK, "minAvailable": 1}),
    "a policy": (POLICIES, {"podSelector": BANK}),
    "a policy that lets friends in": (POLICIES, FRIENDS),
}


async def relabelled(world: World) -> list[tuple[int, Object]]:
    """What is answered to pods and templates that are put, or made, under a label of another."""
    labels = {"team": "bank"}
    loose_pod, new = a_pod("loose"), a_pod("new")
    new["metadata"]["labels"] |= labels
    workload = a_deployment("more", 1)
    workload["spec"]["template"]["metadata"]["labels"] |= labels
    await world.inside.do("POST", f"{SHOP}/pods", loose_pod)
    body = {"metadata": {"labels": labels}}
    template = {"spec": {"template": body}}
    return [
        await world.inside.ask("PATCH", f"{SHOP}/pods/loose", body, MERGE),
        await world.inside.ask("PATCH", f"{APPS}/deployments/web", template, MERGE),
        await world.inside.ask("POST", f"{SHOP}/pods", new),
        await world.inside.ask("POST", f"{APPS}/deployments", workload),
    ]


@pytest.mark.parametrize("told", list(RULERS))
async def test_pods_are_not_put_under_a_policy_or_a_budget_of_others(
    world: World, told: str
) -> None:
    path, spec = RULERS[told]
    theirs = {"metadata": {"name": "theirs"}, "spec": spec}
    assert (await world.inside.do("POST", path, theirs))[0] == 201

    assert {rule(answer) for answer in await relabelled(world)} == {"selectors"}
    assert world.inside.ledger.records == []


async def test_pods_may_come_under_rules_within_the_limits_and_those_for_all(world: World) -> None:
    for path, spec in RULERS.values():
        ours = {"metadata": {"name": "ours", "labels": {"part-of": "world"}}, "spec": spec}
        await world.inside.do("POST", path, ours)
    for_all: Object = {"metadata": {"name": "all"}, "spec": {"podSelector": {}}}
    assert (await world.inside.do("POST", POLICIES, for_all))[0] == 201

    assert [status for status, _ in await relabelled(world)] == [200, 200, 201, 201]


async def test_label_of_the_plan_cannot_be_put_on_to_get_inside(world: World) -> None:
    foreign = a_deployment("foreign", 1)
    foreign["metadata"]["labels"] = {"app": "foreign"}
    await world.inside.do("POST", f"{APPS}/deployments", foreign)

    labelled = await world.inside.ask(
        "PATCH",
        f"{APPS}/deployments/foreign",
        {"metadata": {"labels": {"part-of": "world"}}},
        MERGE,
    )

    assert rule(labelled) == "selectors"


async def test_pod_that_a_workload_would_adopt_is_refused(world: World) -> None:
    sets = (await world.inside.do("GET", f"{APPS}/replicasets"))[1]["items"]
    web = next(each for each in sets if each["metadata"]["labels"]["app"] == "web")
    impostor = a_pod("impostor")
    impostor["metadata"]["labels"] = web["spec"]["template"]["metadata"]["labels"]
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": web["metadata"]["name"],
             "uid": web["metadata"]["uid"], "controller": True}  # fmt: skip

    plain = await world.inside.ask("POST", f"{SHOP}/pods", impostor)
    impostor["metadata"]["ownerReferences"] = [owner]
    owned = await world.inside.ask("POST", f"{SHOP}/pods", impostor)

    assert [rule(plain), rule(owned)] == ["expansion", "expansion"]


async def test_service_is_not_turned_to_pods_outside(world: World) -> None:
    outside = a_pod("outside")
    outside["metadata"]["labels"] = {"app": "outside"}
    await world.inside.do("POST", f"{SHOP}/pods", outside)
    path = f"{SHOP}/services/web"

    turned = await world.inside.ask(
        "PATCH", path, {"spec": {"selector": {"app": "outside"}}}, MERGE
    )
    broken = await world.inside.ask("PATCH", path, {"spec": {"selector": {"app": "nobody"}}}, MERGE)

    assert (rule(turned), broken[0]) == ("selectors", 200)


POWERS: list[tuple[Object, str]] = [
    ({"hostPID": True}, "privileges"),
    ({"serviceAccountName": "admin"}, "privileges"),
    ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "privileges"),
    ({"volumes": [{"name": "v", "secret": {"secretName": "keys"}}]}, "privileges"),
    ({"containers": [{"name": "m", "image": IMAGE, "securityContext": {"privileged": True}}]},
     "privileges"),
    ({"nodeName": "stand-in-1"}, "privileges"),
    ({"tolerations": [{"operator": "Exists"}]}, "privileges"),
    ({"tolerations": [
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule",
         "operator": "Exists"}]}, "privileges"),
]  # fmt: skip


def with_powers(spec: Object) -> dict[str, Object]:
    """By the path of its collection, each kind of object that may hold such a pod."""
    pod = a_pod("strong")
    pod["spec"] |= spec
    workload = a_deployment("strong", 1)
    workload["spec"]["template"]["spec"] |= spec
    job = {"metadata": {"name": "strong", "labels": {"part-of": "world"}},
           "spec": {"template": {"spec": pod["spec"] | {"restartPolicy": "Never"}}}}  # fmt: skip
    jobs = "/apis/batch/v1/namespaces/shop/jobs"
    return {f"{SHOP}/pods": pod, f"{APPS}/deployments": workload, jobs: job}


@pytest.mark.parametrize(("spec", "expected"), POWERS)
async def test_nothing_is_made_that_has_powers(world: World, spec: Object, expected: str) -> None:
    await world.inside.do("POST", f"{SHOP}/serviceaccounts", {"metadata": {"name": "admin"}})

    answers = [await world.inside.ask("POST", *each) for each in with_powers(spec).items()]

    assert [rule(each) for each in answers] == [expected] * 3


SPELLINGS: list[tuple[str, str, Any, str]] = [
    ("PATCH", f"{APPS}/deployments/web?fieldManager=a&fieldManager=b", {}, "query"),
    ("PATCH", f"{APPS}/deployments/web?force=true&%66orce=false", {}, "query"),
    ("PATCH", f"{APPS}/deployments/web?dryRun=All&dryRun=", {}, "query"),
    ("PATCH", f"{APPS}/deployments/web?_method=DELETE", {}, "query"),
    ("PATCH", f"{APPS}/deployments/web?pretty=1;dryRun=All", {}, "query"),
    ("DELETE", f"{SHOP}/pods/", None, "path"),
    ("DELETE", "/api/v1/nodes/", None, "path"),
    ("DELETE", f"{SHOP}/pods?labelSelector=app%3Dweb&labelSelector=", None, "query"),
    ("POST", f"{SHOP}/serviceaccounts/default/token", {}, "irreversible"),
    ("POST", f"{SHOP}/pods/web/attach", {}, "parts"),
    ("POST", f"{SHOP}/pods/web/portforward?ports=80", None, "query"),
    ("POST", f"{SHOP}/services/web/proxy", {}, "parts"),
    ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {}, "privileges"),
    ("POST", "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies", {}, "privileges"),
    ("POST", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies", {}, "kinds"),
    ("POST", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", {},
     "privileges"),
    ("POST", "/apis/chaos-mesh.org/v1alpha1/namespaces/shop/workflows", {}, "irreversible"),
    ("POST", "/apis/chaos-mesh.org/v1/namespaces/shop/podchaos", {}, "kinds"),
    ("POST", "/apis/example.com/v1/namespaces/shop/deployments", {}, "kinds"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "expected"), SPELLINGS)
async def test_other_spellings_and_other_doors_are_refused(
    world: World, method: str, path: str, body: Any, expected: str
) -> None:
    media = STRATEGIC if method == "PATCH" else "application/json"

    assert rule(await world.inside.ask(method, path, body, media)) == expected


async def test_force_takes_a_field_from_its_manager_and_gives_it_back(world: World) -> None:
    path = f"{APPS}/deployments/web"
    applied = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
               "spec": {"replicas": 2}}  # fmt: skip

    polite = await world.inside.ask("PATCH", f"{path}?fieldManager=me", applied, APPLY)
    forced = await world.inside.ask("PATCH", f"{path}?fieldManager=me&force=true", applied, APPLY)
    strict = await world.inside.ask(
        "PATCH", f"{path}?fieldValidation=Strict", {"spec": {"replica": 1}}, MERGE
    )

    assert (polite[0], forced[0], strict[0]) == (409, 200, 422)
    async with world.inside.gate.closed():
        assert (await world.inside.undoing.undo()).is_proven
    assert (await world.inside.do("GET", path))[1]["spec"]["replicas"] == 4


async def test_members_of_a_collection_are_deleted_by_their_uid(world: World) -> None:
    gone = await world.pods("shop")

    status, _ = await world.inside.ask("DELETE", f"{SHOP}/pods?labelSelector=app%3Dweb")

    assert status == 200
    deleted = [each.ref.uid for each in world.inside.ledger.records]
    assert sorted(deleted) == sorted(uid for uid, app in gone.items() if app == "web")


async def test_secret_is_never_written_so_never_journalled(world: World) -> None:
    body = {"metadata": {"name": "keys"}, "stringData": {"password": "hunter2"}}
    await world.inside.do("POST", f"{SHOP}/secrets", body)

    answers = [
        await world.inside.ask("POST", f"{SHOP}/secrets", body),
        await world.inside.ask("PATCH", f"{SHOP}/secrets/keys", {"data": {"x": "eA=="}}, MERGE),
        await world.inside.ask("DELETE", f"{SHOP}/secrets/keys"),
        await world.inside.ask("DELETE", f"{SHOP}/secrets"),
    ]

    assert [rule(each) for each in answers] == ["kinds"] * 4
    assert "hunter2" not in str(world.inside.ledger.records)


async def test_conditions_on_labels_hold_for_pods_behind_a_write(server: str) -> None:
    conditions = (Requirement(key="app", operator=Operator.IN, values=("web", "other")),)
    radius = loose(namespaces=frozenset({"shop"}), expressions=conditions)
    async with a_guard_inside(server, radius) as inside:
        world = World(inside=inside, mine="shop")
        await world.furnish("shop", {"web": 1, "cart": 1})
        body = {"spec": {"replicas": 0}}

        web = await inside.ask("PATCH", f"{APPS}/deployments/web", body, MERGE)
        cart = await inside.ask("PATCH", f"{APPS}/deployments/cart", body, MERGE)

    assert (web[0], rule(cart)) == (200, "selectors")


async def test_policy_of_others_is_not_taken_for_the_runs_own(world: World) -> None:
    path = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"
    policy = {
        "metadata": {"name": "theirs", "labels": {"part-of": "world"}},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}},
    }
    await world.inside.do("POST", path, policy)

    exists = await world.inside.ask("POST", path, policy)
    deleted = await world.inside.ask("DELETE", f"{path}/theirs")
    all_deleted = await world.inside.ask("DELETE", path)

    assert (exists[0], rule(deleted), rule(all_deleted)) == (409, "own", "own")


async def test_object_that_took_the_place_of_the_one_meant_is_not_deleted(world: World) -> None:
    names = (await world.inside.do("GET", f"{SHOP}/pods"))[1]["items"]
    path = f"{SHOP}/pods/{names[0]['metadata']['name']}"

    status, _ = await world.inside.ask("DELETE", path, {"preconditions": {"uid": "of-another"}})

    assert status == 409
    assert world.inside.ledger.records == []
