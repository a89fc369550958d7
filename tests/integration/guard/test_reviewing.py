"""The cluster is asked for the rules of the guard's account; and by samples where it lists none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.plan import Cluster
from orchestrator.guard.reviewing import Reviewed, review
from orchestrator.practice.cluster import control_plane
from orchestrator.practice.keys import Keys, written_kubeconfigs
from tests.builders import a_plan, a_radius
from tests.integration.guard.ways_in import written

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


async def reviewed(kubeconfig: str) -> Reviewed:
    radius, cluster = a_radius(kinds=frozenset({"pods"})), Cluster(kubeconfig=kubeconfig)
    return await review(a_plan(blast_radius=radius, cluster=cluster), clock=SystemClock())


async def test_admin_of_a_cluster_with_roles_may_do_anything(tmp_path: Path) -> None:
    keys = Keys()
    async with control_plane(keys=keys) as url:
        with written_kubeconfigs(tmp_path / "kubeconfig", url, keys):
            found = await reviewed(str(tmp_path / "kubeconfig"))

    assert [str(each) for each in found.excess] == ["* *.* in the whole cluster"]
    assert (found.missing, found.unlisted) == ((), "")


@asynccontextmanager
async def answering(rules: dict[str, Any] | None) -> AsyncIterator[str]:
    """An API server that allows everything when it is asked, and lists those rules, or none."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        if body["kind"] == "SelfSubjectAccessReview":
            return web.json_response({"status": {"allowed": True}}, status=201)
        if rules is None:
            return web.json_response({"kind": "Status", "message": "not served"}, status=404)
        return web.json_response({"status": rules}, status=201)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("rules", "unlisted"),
    [
        (None, "404: not served"),
        ({"incomplete": True, "evaluationError": "webhook"}, "webhook"),
        ({"incomplete": True}, "it does not say why"),
    ],
)
async def test_samples_are_asked_for_where_not_all_is_listed(
    tmp_path: Path, rules: dict[str, Any] | None, unlisted: str
) -> None:
    async with answering(rules) as url:
        found = await reviewed(written(tmp_path, {"server": url}, {}))

    assert "delete pods in kube-system" in [str(each) for each in found.excess]
    assert found.unlisted == unlisted


async def test_no_samples_are_asked_for_where_all_is_listed(tmp_path: Path) -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}
    async with answering({"resourceRules": [rule], "incomplete": False}) as url:
        found = await reviewed(written(tmp_path, {"server": url}, {}))

    assert [str(each) for each in found.excess] == ["get secrets in the whole cluster"]
    assert found.unlisted == ""
