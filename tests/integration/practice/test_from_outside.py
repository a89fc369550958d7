"""The tools people use, pointed at a practice cluster: kubectl and a Prometheus parser."""

import json
import sys
from pathlib import Path
from shutil import which

import anyio
import pytest
from prometheus_client.parser import text_string_to_metric_families

from orchestrator.practice.nodes.shop.manifests import REPLICAS
from tests.integration.practice.outside import Outside, Started

KUBECTL = which("kubectl") or which("kubectl", path=str(Path(sys.executable).parent))

needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


async def kubectl(outside: Outside, *words: str) -> str:
    """What kubectl prints."""
    assert KUBECTL is not None
    with anyio.fail_after(30):
        done = await anyio.run_process(
            [KUBECTL, "--kubeconfig", str(outside.cluster.kubeconfig), *words]
        )
    return done.stdout.decode()


@needs_kubectl
async def test_kubectl_lists_the_pods_of_the_shop_with_their_nodes(started: Started) -> None:
    async with started() as outside:
        table = await kubectl(outside, "get", "pods", "-n", "shop", "-o", "wide")

    rows = [line.split() for line in table.splitlines()[1:]]
    assert len(rows) == sum(REPLICAS.values())
    for row in rows:
        assert row[1:3] == ["1/1", "Running"]
        assert row[5].startswith("10.244.")
        assert row[6].startswith("practice-")


@needs_kubectl
async def test_kubectl_sees_ready_nodes_in_their_zones(started: Started) -> None:
    async with started() as outside:
        nodes = json.loads(await kubectl(outside, "get", "nodes", "-o", "json"))["items"]
        leases = json.loads(
            await kubectl(outside, "get", "leases", "-n", "kube-node-lease", "-o", "json")
        )["items"]

    zones = {node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes}
    assert zones == {"practice-a", "practice-b", "practice-c"}
    assert [lease["metadata"]["name"] for lease in leases] == [
        "practice-1",
        "practice-2",
        "practice-3",
    ]
    for node in nodes:
        ready = [c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready"]
        assert ready == ["True"]


@needs_kubectl
async def test_kubectl_waits_for_a_restart_to_roll_out(started: Started) -> None:
    async with started() as outside:
        await kubectl(outside, "rollout", "restart", "deployment/cart", "-n", "shop")
        told = await kubectl(
            outside, "rollout", "status", "deployment/cart", "-n", "shop", "--timeout=15s"
        )

    assert 'deployment "cart" successfully rolled out' in told


async def test_metrics_are_read_by_prometheus_own_parser(started: Started) -> None:
    async with started() as outside:
        await outside.visit()
        await outside.post("/checkout", {})
        async with outside.session.get(outside.cluster.metrics_url) as response:
            page = await response.text()

    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    assert samples["shop_requests_total", "checkout", "201"] >= 1
    assert samples["shop_request_duration_seconds_count", "storefront"] >= 2
    assert samples["front_door_requests_total", "201"] >= 1
    assert samples["kube_deployment_spec_replicas", "shop", "checkout"] == REPLICAS["checkout"]
    ready = samples["kube_deployment_status_replicas_ready", "shop", "checkout"]
    assert ready == REPLICAS["checkout"]
