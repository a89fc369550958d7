"""How a guard begins, or says why it can't."""

import json
from pathlib import Path

import pytest

from tests.integration.guard.conducting import Cluster
from tests.integration.guard.conftest import StartGuard


async def test_missing_kubeconfig_is_named_with_the_way_out(
    start: StartGuard, tmp_path: Path
) -> None:
    async with start(kubeconfig=tmp_path / "nowhere") as guard:
        failed = guard.heard[0]

    assert (failed["event"], failed["error"]) == ("failed", "kubeconfig")
    assert str(tmp_path / "nowhere") in failed["detail"]
    assert "chaosday practice" in failed["detail"]


async def test_kubeconfig_that_is_none_betrays_nothing_of_its_content(
    start: StartGuard, tmp_path: Path
) -> None:
    path = tmp_path / "broken"
    path.write_text("users: [{token: s3cret", "utf-8")
    async with start(kubeconfig=path) as guard:
        failed = guard.heard[0]

    assert failed["error"] == "kubeconfig"
    assert "s3cret" not in json.dumps(failed)


async def test_cluster_that_does_not_answer_is_named(
    start: StartGuard, tmp_path: Path, unused_port: int
) -> None:
    path = tmp_path / "gone"
    path.write_text(
        json.dumps(
            {
                "clusters": [
                    {"name": "c", "cluster": {"server": f"http://127.0.0.1:{unused_port}"}}
                ],
                "contexts": [{"name": "gone", "context": {"cluster": "c", "user": "u"}}],
                "users": [{"name": "u", "user": {"token": "s3cret"}}],
                "current-context": "gone",
            }
        ),
        "utf-8",
    )
    async with start(kubeconfig=path) as guard:
        failed = guard.heard[0]

    assert failed["error"] == "cluster"
    assert "cluster gone:" in failed["detail"]
    assert "s3cret" not in json.dumps(failed)


async def test_token_of_a_plugin_reaches_the_cluster_and_nobody_else(
    start: StartGuard, cluster: Cluster, tmp_path: Path
) -> None:
    """A plugin is run by the official client; the practice cluster takes any token."""
    status = {"token": "from-the-plugin"}
    credential = {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "status": status,
    }
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/bin/echo",
        "args": [json.dumps(credential)],
        "interactiveMode": "Never",
    }
    path = tmp_path / "plugin"
    document = {
        "clusters": [{"name": "c", "cluster": {"server": cluster.url}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"exec": plugin}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(document), "utf-8")
    async with start(kubeconfig=path) as guard:
        behind = await guard.begin()
        assert (await behind.raw("GET", "/version"))[0] == 200
        assert "from-the-plugin" not in json.dumps(guard.heard)


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port
