"""A kubeconfig that leads to another cluster by the time a run is restored."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from orchestrator.domain.cluster_identity import ClusterIdentity, identity_from, identity_to
from orchestrator.domain.errors import AnotherCluster, ClusterUnavailable
from orchestrator.domain.run import Phase
from orchestrator.domain.undo import UndoState
from orchestrator.guard.identifying import identify, must_be_the_same
from tests.builders import RUN, a_run
from tests.doubles.storage import MemoryStorage, MemoryUndoJournal
from tests.doubles.worlds import stored
from tests.integration.guard.conducting import Cluster, guard_at, limits, records
from tests.integration.guard.inside import an_api, an_upstream

KUBE_SYSTEM: Final = "/api/v1/namespaces/kube-system"
CONFIG: Final = "/api/v1/namespaces/m/configmaps/c"
RADIUS: Final = limits(namespaces=frozenset({"m"}))


def leading_to(folder: Path, server: str) -> Path:
    """A kubeconfig of a cluster; both clusters of a test have the same names in it."""
    path = folder / f"{server.rpartition(':')[2]}-{len(server)}.kubeconfig"
    document = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "current-context": "c",
    }
    path.write_text(json.dumps(document), "utf-8")
    return path


async def with_a_config_map(url: str, value: str) -> Cluster:
    cluster = Cluster(url=url)
    await cluster.raw("POST", "/api/v1/namespaces", {"metadata": {"name": "m"}})
    await cluster.raw(
        "POST", CONFIG.rpartition("/")[0], {"metadata": {"name": "c"}, "data": {"a": value}}
    )
    return cluster


async def test_a_run_is_never_restored_in_another_cluster(database: Path, tmp_path: Path) -> None:
    async with an_api() as here, an_api() as elsewhere:
        ours = await with_a_config_map(here, "before")
        theirs = await with_a_config_map(elsewhere, "ours")
        kubeconfig = leading_to(tmp_path, here)
        async with guard_at(database, kubeconfig=kubeconfig, radius=RADIUS) as guard:
            behind = await guard.begin()
            assert (await behind.patch(CONFIG, {"data": {"a": "ours"}}))[0] == 200
            guard.kill()
        uids = [(await each.read(KUBE_SYSTEM))["metadata"]["uid"] for each in (ours, theirs)]

        astray = leading_to(tmp_path, elsewhere)
        async with guard_at(database, kubeconfig=astray, radius=RADIUS, recovering=True) as guard:
            said = guard.heard[0]
            await guard.ended()

        assert (said["event"], said["error"]) == ("failed", "another_cluster")
        for told in (here, elsewhere, *uids, f"KUBECONFIG=... chaosday restore {RUN}"):
            assert told in said["detail"]
        assert (await theirs.read(CONFIG))["data"] == {"a": "ours"}
        assert [each.state for each in await records(database)] == [UndoState.DONE]

        # The same cluster by another address is the same cluster.
        another_way = leading_to(tmp_path, here.replace("127.0.0.1", "localhost"))
        async with guard_at(
            database, kubeconfig=another_way, radius=RADIUS, recovering=True
        ) as guard:
            await guard.undo()
            restoration = await guard.verify()

        assert restoration.is_proven, restoration
        assert (await ours.read(CONFIG))["data"] == {"a": "before"}


async def test_a_run_starts_in_the_cluster_alone_that_its_preview_was_of(
    database: Path, tmp_path: Path
) -> None:
    async with an_api() as api:
        kubeconfig = leading_to(tmp_path, api)
        async with guard_at(
            database, kubeconfig=kubeconfig, radius=RADIUS, rehearsing=True
        ) as guard:
            seen = identity_from(guard.heard[0])
        assert seen == ClusterIdentity(uid=await uid_of_cluster(api), server=api)

        async def said(uid: str, **changes: Any) -> dict[str, Any]:
            was = replace(seen, uid=uid)
            async with guard_at(
                database, kubeconfig=kubeconfig, radius=RADIUS, approved_in=was, **changes
            ) as guard:
                return dict(guard.heard[0])

        assert (await said(seen.uid))["event"] == "ready"
        assert (await said("of-before", recovering=True))["event"] == "ready"
        refused = await said("of-before")

    assert refused["error"] == "not_approved"
    for told in (f"{api} (kube-system of-before)", str(seen)):
        assert told in refused["detail"]


async def uid_of_cluster(url: str) -> str:
    document = await Cluster(url=url).read(KUBE_SYSTEM)
    return str(document["metadata"]["uid"])


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_where_the_namespace_may_not_be_read_the_address_decides(status: int) -> None:
    async with a_server(status) as server, an_upstream(address(server)) as upstream:
        here = address(server)

        assert await identify(upstream) == ClusterIdentity(uid="", server=here)
        await must_be_the_same(RUN, upstream, await a_journal(uid="a", server=here))
        for was in ("http://elsewhere", here.replace("127.0.0.1", "localhost")):
            with pytest.raises(AnotherCluster, match="of unknown uid"):
                await must_be_the_same(RUN, upstream, await a_journal(uid="a", server=was))


async def test_a_cluster_that_breaks_down_is_not_taken_for_another() -> None:
    async with a_server(503) as server, an_upstream(address(server)) as upstream:
        with pytest.raises(ClusterUnavailable, match="kube-system"):
            await must_be_the_same(RUN, upstream, await a_journal(uid="a", server="http://b"))


async def test_a_run_without_a_baseline_may_be_looked_at_anywhere() -> None:
    async with an_upstream("http://127.0.0.1:1") as upstream:
        await must_be_the_same(RUN, upstream, MemoryUndoJournal(MemoryStorage()))


def a_server(status: int) -> BaseTestServer:
    """An API server that answers each question so."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "code": status}, status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return TestServer(app, host="127.0.0.1")


def address(server: BaseTestServer) -> str:
    return f"http://{server.host}:{server.port}"


async def a_journal(**identity: Any) -> MemoryUndoJournal:
    storage = MemoryStorage()
    await stored(storage, a_run(phase=Phase.HOLDING))
    journal = MemoryUndoJournal(storage)
    await journal.keep_baseline(RUN, {**identity_to(ClusterIdentity(**identity)), "workloads": {}})
    return journal
