"""What a guard does not let through, asked over a bare socket and by the official client."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
import kubernetes.client as k8s
import pytest

from tests.integration.guard.conducting import Cluster, deployment, limits
from tests.integration.guard.conftest import StartGuard

CORE = "/api/v1/namespaces"
MERGE = {"Content-Type": "application/merge-patch+json"}


def rule(answer: dict[str, Any]) -> str:
    return str(answer["details"]["causes"][0]["field"])


@pytest.fixture
async def secret(cluster: Cluster) -> AsyncIterator[Mapping[str, Any]]:
    body = {"metadata": {"name": "keys"}, "stringData": {"password": "hunter2"}}
    yield (await cluster.raw("POST", f"{CORE}/shop/secrets", body))[1]
    await cluster.raw("DELETE", f"{CORE}/shop/secrets/keys")


READS = [
    (f"{CORE}/shop/secrets/keys", "secrets"),
    ("/api/v1/secrets", "secrets"),
    (f"{CORE}/shop/secrets?watch=true", "secrets"),
    (f"{CORE}/shop/%73ecrets/keys", "secrets"),
    (f"{CORE}/shop/secrets/keys/", "path"),
    (f"{CORE}/shop/./secrets/keys", "path"),
    (f"{CORE}/shop/pods/../secrets/keys", "path"),
    (f"{CORE}/shop/pods/%2e%2e/secrets/keys", "path"),
    (f"{CORE}/shop/pods%2F..%2Fsecrets/keys", "path"),
    (f"{CORE}/shop//secrets/keys", "path"),
    (f"{CORE}/shop/%2573ecrets/keys", "path"),
    (f"/api/v1/watch{CORE.removeprefix('/api/v1')}/shop/secrets", "path"),
    (f"{CORE}/shop/pods/x/proxy/a", "path"),
    (f"{CORE}/shop/services/x/proxy", "parts"),
    (f"{CORE}/shop/pods/x/exec?command=sh", "query"),
    (f"{CORE}/shop/pods/x/exec", "parts"),
    (f"{CORE}/shop/pods?limit=1&limit=2", "query"),
    ("/metrics", "path"),
    ("/apis/apps/v1x/deployments", "path"),
]


async def test_reads_that_would_show_too_much_are_refused(
    start: StartGuard, secret: Mapping[str, Any]
) -> None:
    assert secret["data"]["password"]
    async with start() as guard:
        behind = await guard.cluster()
        answers = {path: await behind.raw("GET", path) for path, _ in READS}

        assert {status for status, _ in answers.values()} == {403}
        assert {path: rule(answer) for path, (_, answer) in answers.items()} == dict(READS)
        said = json.dumps([*answers.values(), *guard.heard])
        assert "hunter2" not in said
        assert secret["data"]["password"] not in said


WRITES: list[tuple[str, str, Any, str]] = [
    ("DELETE", f"{CORE}/shop", None, "irreversible"),
    ("DELETE", "/api/v1/nodes/practice-1", None, "irreversible"),
    ("POST", f"{CORE}/shop/persistentvolumeclaims", {}, "irreversible"),
    ("POST", f"{CORE}/shop/pods/x/exec", None, "parts"),
    ("POST", f"{CORE}/shop/pods/x/binding", {}, "parts"),
    ("POST", f"{CORE}/shop/serviceaccounts/default/token", {}, "irreversible"),
    ("POST", f"{CORE}/shop/secrets", {}, "kinds"),
    ("PATCH", f"{CORE}/shop/secrets/keys", {}, "kinds"),
    ("PUT", deployment("cart") + "/status", {}, "parts"),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {}, "privileges"),
    ("PATCH", f"{CORE}/kube-system/configmaps/x", {}, "namespaces"),
    ("DELETE", f"{CORE}/kube-system/pods", None, "namespaces"),
    ("DELETE", f"{CORE}/default/pods/x", None, "namespaces"),
    ("DELETE", f"{CORE}/shop/pods/", None, "path"),
    ("DELETE", "/api/v1/pods/x", None, "kinds"),
    ("DELETE", f"{CORE}/shop/configmaps?dryRun=None", None, "query"),
    ("DELETE", f"{CORE}/shop/configmaps/x?dryRun=All", {"dryRun": []}, "body"),
    ("OPTIONS", f"{CORE}/shop/pods", None, "method"),
    ("POST", deployment("cart"), {}, "method"),
]


async def test_writes_that_no_run_may_make_are_refused(start: StartGuard) -> None:
    async with start() as guard:
        behind = await guard.begin()
        rules = []
        for method, path, body, _ in WRITES:
            kind = MERGE if method == "PATCH" else {}
            status, answer = await behind.raw(method, path, body, kind)
            assert status == 403, (method, path, answer)
            rules.append(rule(answer))

        assert rules == [expected for *_, expected in WRITES]
        assert [line["rule"] for line in guard.events("refused")] == rules
        assert guard.events("write") == []


HEADERS = [
    {"Impersonate-User": "admin"},
    {"X-Remote-User": "admin"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"Upgrade": "websocket"},
    {"Content-Encoding": "gzip"},
    {"Content-Type": "application/vnd.kubernetes.protobuf"},
    {"Content-Type": "application/apply-patch+cbor"},
]


async def test_headers_that_change_a_request_are_refused(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start() as guard:
        behind = await guard.begin()
        for headers in HEADERS:
            body = {"spec": {"replicas": 1}}
            status, answer = await behind.raw("PATCH", deployment("cart"), body, MERGE | headers)
            assert status == 403, answer

        assert (await cluster.read(deployment("cart")))["spec"]["replicas"] == 2


async def test_nothing_is_served_without_the_token(start: StartGuard) -> None:
    async with start() as guard:
        behind = await guard.cluster()
        bare = Cluster(url=behind.url.partition("/g/")[0])

        assert (await bare.raw("GET", "/version"))[0] == 401
        assert (await bare.raw("GET", "/g/x/version"))[0] == 401
        assert (await behind.raw("GET", "/version"))[0] == 200


async def test_nothing_is_written_before_play_and_after_undo(
    start: StartGuard, cluster: Cluster
) -> None:
    body = {"spec": {"replicas": 1}}
    async with start() as guard:
        behind = await guard.cluster()
        too_early = await behind.patch(deployment("cart"), body)
        await guard.begin()
        await guard.undo()
        too_late = await behind.patch(deployment("cart"), body)
        again = await guard.ask("play")

        assert [rule(too_early[1]), rule(too_late[1])] == ["stage", "stage"]
        assert not again["ok"]
        assert (await cluster.read(deployment("cart")))["spec"]["replicas"] == 2


async def test_rollbacks_may_write_only_what_the_run_changed(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(deployment("payment"), {"spec": {"replicas": 0}})
        await behind.patch(deployment("cart"), {"spec": {"replicas": 1}})
        await guard.do("restrain")

        foreign = await behind.patch(deployment("stock"), {"spec": {"replicas": 0}})
        other_field = await behind.patch(deployment("cart"), {"spec": {"minReadySeconds": 5}})
        no_pod = await behind.delete_pod((await cluster.pods("cart"))[0])
        await cluster.patch(deployment("cart"), {"spec": {"replicas": 3}})
        theirs = await behind.patch(deployment("cart"), {"spec": {"replicas": 2}})
        nothing = await behind.patch(deployment("stock"), {"spec": {"replicas": 2}})
        ours = await behind.patch(deployment("payment"), {"spec": {"replicas": 2}})

        assert [rule(each[1]) for each in (foreign, other_field, theirs)] == ["rollback"] * 3
        assert "changed by others meanwhile" in theirs[1]["message"]
        assert (no_pod, nothing[0], ours[0]) == (403, 200, 200)
        undone = await guard.undo()
        assert "deployments/shop/payment" in undone.undone
        assert (await cluster.read(deployment("cart")))["spec"]["replicas"] == 3


@pytest.mark.usefixtures("cluster")
async def test_rollbacks_put_a_field_back_as_it_was_and_no_other_way(
    start: StartGuard,
) -> None:
    """The next action of a method that is being stopped may be about the same field."""
    async with start() as guard:
        behind = await guard.begin()
        await behind.patch(deployment("checkout"), {"spec": {"replicas": 2}})
        await guard.do("restrain")

        further = await behind.patch(deployment("checkout"), {"spec": {"replicas": 1}})
        back = await behind.patch(deployment("checkout"), {"spec": {"replicas": 3}})

        assert rule(further[1]) == "rollback"
        assert "as it was" in further[1]["message"]
        assert back[0] == 200


@pytest.mark.usefixtures("cluster")
async def test_rollbacks_take_away_what_the_run_made_and_change_nothing_in_it(
    start: StartGuard,
) -> None:
    made = "/api/v1/namespaces/shop/configmaps/of-this-run"
    body = {"metadata": {"name": "of-this-run"}, "data": {"a": "one"}}
    async with start() as guard:
        behind = await guard.begin()
        assert (await behind.raw("POST", made.rpartition("/")[0], body))[0] == 201
        await guard.do("restrain")

        further = await behind.patch(made, {"data": {"a": "two"}})
        gone = await behind.raw("DELETE", made)

        assert rule(further[1]) == "rollback"
        assert gone[0] == 200


async def test_writes_at_once_pass_one_limit_together(start: StartGuard, cluster: Cluster) -> None:
    names = ("payment", "cart", "stock", "checkout", "catalog", "storefront")
    statuses: list[int] = []

    async with start(radius=limits(most_objects=1)) as guard:
        behind = await guard.begin()

        async def write(name: str) -> None:
            body = {"metadata": {"annotations": {"run": name}}}
            statuses.append((await behind.patch(deployment(name), body))[0])

        async with anyio.create_task_group() as tasks:
            for name in names:
                tasks.start_soon(write, name)
        await guard.undo()

    assert sorted(statuses) == [200, *[403] * 5]
    for name in names:
        annotations = (await cluster.read(deployment(name)))["metadata"].get("annotations", {})
        assert "run" not in annotations


async def test_rollbacks_may_not_take_more_than_the_limits(
    start: StartGuard, cluster: Cluster
) -> None:
    async with start(radius=limits(most_objects=2)) as guard:
        behind = await guard.begin()
        assert (await behind.patch(deployment("checkout"), {"spec": {"replicas": 2}}))[0] == 200
        await guard.do("restrain")
        worse = await behind.patch(deployment("checkout"), {"spec": {"replicas": 0}})

        assert rule(worse[1]) == "most_objects"
        assert (await cluster.read(deployment("checkout")))["spec"]["replicas"] == 2


POWERS: list[tuple[dict[str, Any], str]] = [
    ({"hostNetwork": True}, "hostNetwork"),
    ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath"),
    ({"volumes": [{"name": "v", "secret": {"secretName": "keys"}}]}, "secret"),
    ({"serviceAccountName": "admin"}, "service account"),
]


async def test_pods_gain_no_powers(start: StartGuard, cluster: Cluster) -> None:
    before = await cluster.read(deployment("cart"))
    async with start() as guard:
        behind = await guard.begin()
        for pod, power in POWERS:
            body = {"spec": {"template": {"spec": pod}}}
            status, answer = await behind.patch(deployment("cart"), body)
            assert (status, rule(answer)) == (403, "privileges")
            assert power in answer["message"]

    assert (await cluster.read(deployment("cart")))["spec"] == before["spec"]


async def test_refusal_is_a_status_that_the_client_shows_and_betrays_nothing(
    start: StartGuard,
) -> None:
    async with start() as guard:
        behind = await guard.begin()

        def work(client: k8s.ApiClient) -> None:
            k8s.CoreV1Api(client).delete_namespaced_pod("x", "kube-system")

        with pytest.raises(k8s.ApiException) as caught:
            await behind.call(work)

    said = json.loads(str(caught.value.body))
    assert (said["kind"], said["reason"], said["code"]) == ("Status", "Forbidden", 403)
    assert said["details"]["causes"][0]["reason"] == "BlastRadius"
    assert "chaos" not in json.dumps(said).lower()


async def test_watch_is_streamed_as_it_happens(start: StartGuard, cluster: Cluster) -> None:
    async with start() as guard:
        behind = await guard.cluster()
        host, _, root = behind.url.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        path = f"/{root}{CORE}/shop/configmaps?watch=true&fieldSelector=metadata.name%3Dseen"
        with anyio.fail_after(10):
            async with await anyio.connect_tcp(name, int(port)) as stream:
                await stream.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                assert b"200 OK" in await stream.receive()
                await cluster.raw("POST", f"{CORE}/shop/configmaps", {"metadata": {"name": "seen"}})
                seen = b""
                while b"ADDED" not in seen:
                    seen += await stream.receive()

        await cluster.raw("DELETE", f"{CORE}/shop/configmaps/seen")


async def test_garbage_is_answered_and_survived(start: StartGuard, cluster: Cluster) -> None:
    async with start() as guard:
        behind = await guard.begin()
        bodies: list[Any] = [[], "x", {"metadata": None}, {"spec": {"replicas": "many"}}]
        for body in bodies:
            status, answer = await behind.raw("PATCH", deployment("cart"), body, MERGE)
            assert status in {400, 403, 422}, answer
        assert (await behind.raw("GET", "/version"))[0] == 200
        assert (await cluster.read(deployment("cart")))["spec"]["replicas"] == 2
