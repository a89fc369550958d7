"""Credentials that end or are refused are renewed, towards an API server behind TLS."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.errors import ClusterUnavailable, KubeconfigUnreadable
from orchestrator.guard.credentials import Access, load_access
from orchestrator.guard.upstream import NoWebSocket, Reply, Upstream, connected
from tests.integration.guard.ways_in import (
    HOST,
    ApiServer,
    Authority,
    Plugin,
    api_server,
    connect_proxy,
    written,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@dataclass
class Standing:
    """A clock that stands until it is moved."""

    seconds: float = 1_000_000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


@dataclass
class Site:
    """An API server, and what leads to it."""

    authority: Authority
    server: ApiServer
    folder: Path
    plugin: Plugin
    clock: Standing = field(default_factory=Standing)

    @property
    def cluster(self) -> dict[str, Any]:
        authority = base64.b64encode(self.authority.pem).decode()
        return {
            "server": f"https://127.0.0.1:{self.server.port}",
            "certificate-authority-data": authority,
        }

    @asynccontextmanager
    async def reached(self, user: dict[str, Any], **cluster: str) -> AsyncIterator[Upstream]:
        path = written(self.folder, {**self.cluster, **cluster}, user)
        access = load_access(kubeconfig=path, context="", clock=self.clock)
        async with connected(access) as upstream:
            yield upstream


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    authority = Authority()
    async with api_server(authority, tmp_path) as server:
        yield Site(authority, server, tmp_path, Plugin(tmp_path))


async def who_asks(upstream: Upstream, method: str = "GET", body: Any = None) -> str:
    reply = await upstream.send(method, "/version", body=body)
    return str(reply.document().get("who") or reply.status)


async def test_certificate_of_a_plugin_is_renewed_at_its_end(site: Site) -> None:
    site.plugin.gives_pair(site.authority.pair("first"), until=site.clock.seconds + 30)
    async with site.reached(site.plugin.user()) as upstream:
        site.plugin.gives_pair(site.authority.pair("second"), until=site.clock.seconds + 900)
        before = [await who_asks(upstream) for _ in range(3)]
        site.clock.seconds += 30
        after = [await who_asks(upstream) for _ in range(3)]

    assert (before, after) == (["first"] * 3, ["second"] * 3)
    assert site.plugin.runs == 2


async def test_request_in_flight_keeps_the_certificate_that_it_began_with(site: Site) -> None:
    site.plugin.gives_pair(site.authority.pair("first"), until=site.clock.seconds + 30)
    replies: list[Reply] = []
    async with site.reached(site.plugin.user()) as upstream, anyio.create_task_group() as tasks:

        async def ask_slowly() -> None:
            replies.append(await upstream.send("GET", "/slow"))

        tasks.start_soon(ask_slowly)
        await site.server.began.wait()
        site.plugin.gives_pair(site.authority.pair("second"))
        site.clock.seconds += 60

        assert await who_asks(upstream) == "second"
        site.server.may_end.set()

    assert [reply.document()["who"] for reply in replies] == ["first"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
async def test_plugin_is_asked_once_more_when_its_certificate_is_refused(
    site: Site, method: str
) -> None:
    site.plugin.gives_pair(site.authority.pair("revoked"))
    site.server.knows = lambda who: who != "revoked"
    async with site.reached(site.plugin.user()) as upstream:
        site.plugin.gives_pair(site.authority.pair("other"))

        assert await who_asks(upstream, method) == "other"
        assert await who_asks(upstream, method) == "other"

    assert site.server.asked == ["revoked", "other", "other"]
    assert site.plugin.runs == 2


async def test_body_goes_along_when_a_request_is_made_again(site: Site) -> None:
    site.plugin.gives(token="revoked")
    site.server.knows = lambda who: who != "revoked"
    async with site.reached(site.plugin.user()) as upstream:
        site.plugin.gives(token="other")
        reply = await upstream.send("POST", "/x", body={"kind": "Pod"})

    assert reply.document() == {"who": "other", "body": '{"kind":"Pod"}'}


async def test_plugin_that_gives_the_same_again_is_refused_at_that(site: Site) -> None:
    site.plugin.gives(token="revoked")
    site.server.knows = lambda _: False
    async with site.reached(site.plugin.user()) as upstream:
        assert await who_asks(upstream) == "401"

    assert site.server.asked == ["revoked"]
    assert site.plugin.runs == 2


async def test_of_many_who_are_refused_at_once_one_asks_the_plugin(site: Site) -> None:
    site.plugin.gives(token="revoked")
    site.server.knows = lambda who: who != "revoked"
    heard: list[str] = []
    async with site.reached(site.plugin.user()) as upstream:
        site.plugin.gives(token="other")

        async def ask() -> None:
            heard.append(await who_asks(upstream))

        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask)

    assert heard == ["other"] * 20
    assert site.plugin.runs == 2


async def test_command_in_a_container_gets_the_renewed_credentials_too(site: Site) -> None:
    site.plugin.gives_pair(site.authority.pair("revoked"))
    site.server.knows = lambda who: who == "other"
    async with site.reached(site.plugin.user()) as upstream:
        site.plugin.gives_pair(site.authority.pair("other"))
        async with upstream.websocket("/websocket", []) as socket:
            said = await socket.receive_str()
        site.server.knows = lambda _: False
        with pytest.raises(NoWebSocket) as refused:
            async with upstream.websocket("/websocket", []):
                pass

    assert (said, refused.value.status) == ("other", 401)


async def test_plugin_that_fails_is_told_without_its_words(site: Site) -> None:
    site.plugin.gives(token="s3cret", until=site.clock.seconds + 30)
    async with site.reached(site.plugin.user()) as upstream:
        site.clock.seconds += 60
        for answer in ("s3cret", '{"status": {"token": "s3cret"}}'):
            (site.folder / "answer.json").write_text(answer, "utf-8")
            with pytest.raises(ClusterUnavailable, match="kubectl --context main") as caught:
                await upstream.send("GET", "/version")
            assert "s3cret" not in str(caught.value)

    assert site.server.asked == []


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo s3cret >&2; exit 7", "ended with exit code 7"),
        ("echo '{}'", "gave no credentials"),
        ("cat answer.json | sed s/token/tok/", "neither a token nor a certificate"),
    ],
)
async def test_plugin_that_never_gives_anything_lets_no_guard_begin(
    site: Site, script: str, problem: str
) -> None:
    site.plugin.gives(token="s3cret")

    with pytest.raises(ClusterUnavailable, match=problem) as caught:
        async with site.reached(site.plugin.user(script)):
            pass

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"interactiveMode": "Always"}, "a guard has none"),
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "v1alpha1"),
        ({"command": "./missing"}, "No such file"),
        ({"env": "x"}, "cannot be started"),
    ],
)
async def test_plugin_that_cannot_be_run_says_why(
    site: Site, changes: dict[str, str], problem: str
) -> None:
    site.plugin.gives(token="t")
    user = {"exec": {**site.plugin.user()["exec"], **changes}}

    with pytest.raises(ClusterUnavailable, match=problem):
        async with site.reached(user):
            pass


async def test_plugin_is_told_of_the_cluster_when_it_asks_for_that(site: Site) -> None:
    site.plugin.gives(token="t")
    user = site.plugin.user('printf %s "$KUBERNETES_EXEC_INFO$MORE" > told; cat answer.json')
    user["exec"] |= {"provideClusterInfo": True, "env": [{"name": "MORE", "value": "!"}]}
    async with site.reached(user) as upstream:
        assert await who_asks(upstream) == "t"

    told = (site.folder / "told").read_text("utf-8")
    assert f'"server": "https://127.0.0.1:{site.server.port}"' in told
    assert site.cluster["certificate-authority-data"] in told
    assert told.endswith("!")


async def test_token_goes_before_a_plugin(site: Site) -> None:
    async with site.reached({**site.plugin.user(), "token": "mine"}) as upstream:
        assert await who_asks(upstream) == "mine"

    assert site.plugin.runs == 0


async def test_token_file_is_read_again_every_minute(site: Site) -> None:
    token = site.folder / "token"
    token.write_text("first\n", "utf-8")
    async with site.reached({"tokenFile": "token", "token": "older"}) as upstream:
        token.write_text("second\n", "utf-8")
        heard = [await who_asks(upstream)]
        site.clock.seconds += 60
        heard.append(await who_asks(upstream))
        token.unlink()
        site.clock.seconds += 60
        heard.append(await who_asks(upstream))
        token.write_text("third\n", "utf-8")
        site.clock.seconds += 60
        heard.append(await who_asks(upstream))

    assert heard == ["first", "second", "second", "third"]


async def test_token_file_is_read_at_once_when_its_token_is_refused(site: Site) -> None:
    token = site.folder / "token"
    token.write_text("revoked", "utf-8")
    site.server.knows = lambda who: who != "revoked"
    async with site.reached({"tokenFile": str(token)}) as upstream:
        token.write_text("other", "utf-8")

        assert await who_asks(upstream) == "other"


async def test_token_that_is_no_line_is_never_shown(site: Site) -> None:
    token = site.folder / "token"
    token.write_text("first", "utf-8")
    async with site.reached({"tokenFile": str(token)}) as upstream:
        token.write_text("a\r\nImpersonate-User: b", "utf-8")
        site.clock.seconds += 60

        assert await who_asks(upstream) == "first"
    with pytest.raises(KubeconfigUnreadable):
        async with site.reached({"tokenFile": str(token)}):
            pass
    site.plugin.gives(token="a\nb")
    with pytest.raises(KubeconfigUnreadable):
        async with site.reached(site.plugin.user()):
            pass


async def test_pair_in_files_is_read_again_when_both_are_new(site: Site) -> None:
    paths = [site.folder / "tls.crt", site.folder / "tls.key"]

    def put(name: str, *, half: bool = False) -> None:
        for path, content in list(zip(paths, site.authority.pair(name), strict=True))[: 2 - half]:
            path.write_text(content, "utf-8")

    put("first")
    user = {"client-certificate": "tls.crt", "client-key": "tls.key"}
    async with site.reached(user) as upstream:
        heard = []
        for half in (True, False):
            put("second", half=half)
            site.clock.seconds += 60
            heard.append(await who_asks(upstream))

    assert heard == ["first", "second"]


async def test_unchanged_pair_keeps_its_connections(site: Site) -> None:
    certificate, key = site.authority.pair("same")
    (site.folder / "tls.crt").write_text(certificate, "utf-8")
    (site.folder / "tls.key").write_text(key, "utf-8")
    path = written(
        site.folder, site.cluster, {"client-certificate": "tls.crt", "client-key": "tls.key"}
    )
    access = load_access(kubeconfig=path, context="", clock=site.clock)
    was = access.credentials.renewed()
    site.clock.seconds += 60

    assert access.credentials.renewed().tls is was.tls


async def test_proxy_of_the_kubeconfig_leads_to_the_cluster(site: Site) -> None:
    """The name of the server has no address, so nothing else leads there."""
    async with connect_proxy(site.server.port) as proxy:
        url = proxy.url.replace("http://", "http://kim:s3cret@")
        site.plugin.gives_pair(site.authority.pair("kim"))
        cluster = {"server": f"https://{HOST}:6443", "proxy-url": url}
        async with site.reached(site.plugin.user(), **cluster) as upstream:
            asked = await who_asks(upstream)
            async with upstream.websocket("/websocket", []) as socket:
                said = await socket.receive_str()
            async with upstream.stream("/log", query={}, accept="*/*") as response:
                streamed = (await response.json())["who"]

    assert [asked, said, streamed] == ["kim"] * 3
    assert all(head.startswith(f"CONNECT {HOST}:6443 ") for head in proxy.heard)
    assert all("Proxy-Authorization: Basic a2ltOnMzY3JldA==" in head for head in proxy.heard)


async def test_proxy_that_refuses_is_told_without_its_password(site: Site) -> None:
    async with connect_proxy(site.server.port) as proxy:
        proxy.answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        url = proxy.url.replace("http://", "http://kim:s3cret@")
        cluster = {"server": f"https://{HOST}:6443", "proxy-url": url}
        async with site.reached({"token": "t"}, **cluster) as upstream:
            with pytest.raises(ClusterUnavailable, match="407") as caught:
                await upstream.send("GET", "/version")

    assert "s3cret" not in str(caught.value)
    assert site.server.asked == []


def a_pod(site: Site) -> Path:
    folder = site.folder / "account"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(site.authority.pem)
    (folder / "token").write_text("pod-1", "utf-8")
    return folder


def access_of_pod(site: Site, account: Path) -> Access:
    environment = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(site.server.port),
        "HOME": str(site.folder),
    }
    return load_access(
        kubeconfig="", context="", environment=environment, account=account, clock=site.clock
    )


async def test_account_of_a_pod_is_used_and_its_token_renewed(site: Site) -> None:
    account = a_pod(site)
    access = access_of_pod(site, account)
    async with connected(access) as upstream:
        heard = [await who_asks(upstream)]
        (account / "token").write_text("pod-2", "utf-8")
        heard.append(await who_asks(upstream))
        site.clock.seconds += 60
        heard.append(await who_asks(upstream))

    assert heard == ["pod-1", "pod-1", "pod-2"]
    assert (access.cluster, access.server) == ("in-cluster", upstream.server)


@pytest.mark.parametrize("missing", ["token", "ca.crt"])
async def test_account_that_is_not_whole_is_named(site: Site, missing: str) -> None:
    account = a_pod(site)
    (account / missing).unlink()

    with pytest.raises(KubeconfigUnreadable, match=str(account)):
        access_of_pod(site, account)


async def test_pod_trusts_nobody_but_the_authority_of_its_account(site: Site) -> None:
    account = a_pod(site)
    (account / "ca.crt").write_bytes(Authority().pem)
    async with connected(access_of_pod(site, account)) as upstream:
        with pytest.raises(ClusterUnavailable, match="certificate"):
            await upstream.send("GET", "/version")

    assert site.server.asked == []


def put_at_home(site: Site, user: dict[str, Any]) -> None:
    home = site.folder / ".kube"
    home.mkdir()
    Path(written(site.folder, site.cluster, user)).rename(home / "config")


async def test_kubeconfig_goes_before_the_account_of_a_pod(site: Site) -> None:
    put_at_home(site, {"token": "mine"})
    async with connected(access_of_pod(site, a_pod(site))) as upstream:
        assert await who_asks(upstream) == "mine"
