"""Who a kubeconfig's user acts as is who the guard is, on both clusters, as it is with kubectl."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml

from orchestrator.adapters.clock import SystemClock
from orchestrator.guard.credentials import Access, load_access
from orchestrator.guard.upstream import Upstream, connected
from orchestrator.practice.cluster import control_plane
from orchestrator.practice.keys import Keys, written_kubeconfigs

KUBECTL = Path(sys.executable).with_name("kubectl")
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
ACTING: dict[str, Any] = {
    "as": "kim",
    "as-uid": "u-1",
    "as-groups": ["one", "two"],
    "as-user-extra": {"example.org/Scope": ["a", "b"]},
}

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(100)]


@pytest.fixture(params=["practice", pytest.param("kubernetes", marks=pytest.mark.kubernetes)])
async def admin(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Path]:
    """The kubeconfig of one who may do everything, on a cluster that keeps to roles."""
    if request.param == "kubernetes":
        yield request.getfixturevalue("real_kubeconfig")
        return
    keys, path = Keys(), tmp_path / "admin"
    async with control_plane(keys=keys) as url:
        with ExitStack() as stack:
            stack.enter_context(written_kubeconfigs(path, url, keys))
            yield path


def acting(admin: Path, folder: Path, **user: Any) -> Path:
    """The same kubeconfig, whose user acts as somebody."""
    document = yaml.safe_load(admin.read_text("utf-8"))
    for each in document["users"]:
        each["user"] |= user
    path = folder / "acting"
    path.write_text(json.dumps(document), "utf-8")
    return path


def access_by(kubeconfig: Path) -> Access:
    return load_access(kubeconfig=str(kubeconfig), context="", clock=SystemClock())


async def who(upstream: Upstream) -> dict[str, Any]:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    reply = await upstream.send("POST", WHOAMI, body=body)
    return dict(reply.document()["status"]["userInfo"])


async def test_guard_acts_as_whom_the_kubeconfig_says(admin: Path, tmp_path: Path) -> None:
    path = acting(admin, tmp_path, **ACTING)
    async with connected(access_by(path)) as upstream:
        found = await who(upstream)
        made = await upstream.send(
            "POST", "/api/v1/namespaces", body={"metadata": {"name": "of-nobody"}}
        )

    assert found == {
        "username": "kim",
        "uid": "u-1",
        "groups": ["one", "two", "system:authenticated"],
        "extra": {"example.org/scope": ["a", "b"]},
    }
    assert made.status == 403
    assert 'User "kim" cannot create' in made.message()


@pytest.mark.skipif(not KUBECTL.exists(), reason="there is no kubectl beside python")
async def test_guard_and_kubectl_are_the_same_person(admin: Path, tmp_path: Path) -> None:
    path = acting(admin, tmp_path, **ACTING)
    async with connected(access_by(path)) as upstream:
        found = await who(upstream)

    said = await anyio.run_process(
        [str(KUBECTL), "--kubeconfig", str(path), "auth", "whoami", "--output", "json"],
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["status"]["userInfo"] == found


async def test_nobody_is_acted_as_unless_it_is_said(admin: Path) -> None:
    async with connected(access_by(admin)) as upstream:
        found = await who(upstream)

    assert "system:masters" in found["groups"]
