"""Practice nodes as guests of Kubernetes' own control plane."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from orchestrator.cli.hosting import access_by
from orchestrator.practice.hosted import ClusterNotJoined, HostedShop, hosted_shop
from orchestrator.practice.nodes.joining import NodeOptions
from orchestrator.practice.nodes.kubelet.node import RESERVED
from tests.cluster.starting import RealCluster
from tests.contract.cluster.asking import eventually

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow]


@contextmanager
def hosted(kubeconfig: Path, *, keep: bool = False) -> Iterator[HostedShop]:
    """The shop on practice nodes of a cluster."""
    joining = hosted_shop(access_by(kubeconfig, ""), NodeOptions(traffic=None), keep=keep)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(joining) as shop:
        yield shop


@pytest.fixture
def core(empty_kubernetes: RealCluster) -> Iterator[Any]:
    api = config.new_client_from_config(  # type: ignore[no-untyped-call]
        str(empty_kubernetes.admin)
    )
    yield client.CoreV1Api(api)
    api.close()


@pytest.fixture
def neighbour(core: Any) -> Iterator[str]:
    """A node that is none of ours."""
    core.create_node({"metadata": {"name": "neighbour"}})
    yield "neighbour"
    core.delete_node("neighbour")


def shop_nodes(core: Any) -> set[str]:
    return {pod.spec.node_name for pod in core.list_namespaced_pod("shop").items}


def is_there(core: Any, namespace: str) -> bool:
    try:
        core.read_namespace(namespace)
    except ApiException as error:
        return bool(error.status != 404)
    return True


def test_guests_leave_as_they_came(empty_kubernetes: RealCluster, core: Any) -> None:
    with hosted(empty_kubernetes.admin) as shop:
        assert shop.other_nodes == 0
        assert shop_nodes(core) <= {"practice-1", "practice-2", "practice-3"}
        log = core.read_namespaced_pod_log(
            core.list_namespaced_pod("shop").items[0].metadata.name, "shop"
        )
        assert "listening on :8080" in log

    assert core.list_node().items == []
    assert not is_there(core, "shop")
    assert core.list_pod_for_all_namespaces().items == []


@pytest.mark.usefixtures("neighbour")
def test_nodes_of_both_kinds_keep_their_pods(empty_kubernetes: RealCluster, core: Any) -> None:
    with hosted(empty_kubernetes.admin) as shop:
        assert shop.other_nodes == 1
        taints = core.read_node("practice-1").spec.taints
        assert (RESERVED, "NoSchedule") in {(taint.key, taint.effect) for taint in taints}
        pod = core.list_namespaced_pod("shop").items[0]
        assert pod.spec.node_selector == {RESERVED: "true"}
        assert "neighbour" not in shop_nodes(core)

    assert [node.metadata.name for node in core.list_node().items] == ["neighbour"]


def test_second_guest_of_the_same_name_is_refused(empty_kubernetes: RealCluster) -> None:
    with (
        hosted(empty_kubernetes.admin),
        pytest.raises(ClusterNotJoined, match="another process runs practice nodes"),
        hosted(empty_kubernetes.admin),
    ):
        pass


def test_namespace_of_others_is_not_touched(empty_kubernetes: RealCluster, core: Any) -> None:
    core.create_namespace({"metadata": {"name": "shop"}})

    with (
        pytest.raises(ClusterNotJoined, match="is not the practice shop's"),
        hosted(empty_kubernetes.admin),
    ):
        pass

    assert core.read_namespace("shop").status.phase == "Active"
    core.delete_namespace("shop")
    eventually(lambda: not is_there(core, "shop"))
