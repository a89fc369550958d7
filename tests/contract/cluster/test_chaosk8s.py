"""Actions and probes of Chaos Toolkit's Kubernetes extension, each in a process of its own."""

from collections.abc import Callable
from typing import Any

from kubernetes import client

from tests.contract.cluster.asking import a_deployment, a_service, eventually

Call = Callable[..., Any]


def running(api: client.ApiClient, scratch: str, replicas: int = 3) -> Any:
    """A deployment with all its pods ready."""
    apps: Any = client.AppsV1Api(api)
    apps.create_namespaced_deployment(scratch, a_deployment(replicas=replicas))
    eventually(
        lambda: (
            apps.read_namespaced_deployment("web", scratch).status.available_replicas == replicas
        )
    )
    return apps


def test_one_pod_is_terminated(api: client.ApiClient, scratch: str, chaosk8s: Call) -> None:
    running(api, scratch)
    core: Any = client.CoreV1Api(api)
    before = {pod.metadata.name for pod in core.list_namespaced_pod(scratch).items}

    names = chaosk8s("pod.actions.terminate_pods", label_selector="app=web", ns=scratch, qty=1)

    eventually(
        lambda: (
            len(before - {pod.metadata.name for pod in core.list_namespaced_pod(scratch).items})
            == 1
        )
    )
    assert len(names) == 1


def test_deployment_is_scaled(api: client.ApiClient, scratch: str, chaosk8s: Call) -> None:
    apps = running(api, scratch)

    chaosk8s("deployment.actions.scale_deployment", name="web", replicas=0, ns=scratch)

    eventually(lambda: not apps.read_namespaced_deployment("web", scratch).status.replicas)


def test_probes_tell_how_a_deployment_is(
    api: client.ApiClient, scratch: str, chaosk8s: Call
) -> None:
    running(api, scratch)

    assert chaosk8s("deployment.probes.deployment_available_and_healthy", name="web", ns=scratch)
    assert chaosk8s("deployment.probes.deployment_fully_available", name="web", ns=scratch)
    assert chaosk8s("pod.probes.pods_in_phase", label_selector="app=web", ns=scratch)
    assert chaosk8s("pod.probes.count_pods", label_selector="app=web", ns=scratch) == 3


def test_node_is_cordoned_and_uncordoned(api: client.ApiClient, chaosk8s: Call) -> None:
    core: Any = client.CoreV1Api(api)
    name = core.list_node().items[0].metadata.name

    chaosk8s("node.actions.cordon_node", name=name)
    eventually(lambda: core.read_node(name).spec.taints)
    assert core.read_node(name).spec.unschedulable is True

    chaosk8s("node.actions.uncordon_node", name=name)
    eventually(lambda: not core.read_node(name).spec.taints)


def test_node_is_drained(api: client.ApiClient, scratch: str, chaosk8s: Call) -> None:
    running(api, scratch)
    core: Any = client.CoreV1Api(api)
    name = core.list_namespaced_pod(scratch).items[0].spec.node_name
    on_it = f"spec.nodeName={name}"
    # It evicts whatever is on the node, and breaks off at a pod whose namespace is going.
    eventually(
        lambda: (
            {
                pod.metadata.namespace
                for pod in core.list_pod_for_all_namespaces(field_selector=on_it).items
            }
            == {scratch}
        )
    )
    try:
        chaosk8s("node.actions.drain_nodes", name=name, timeout=20)

        pods = core.list_namespaced_pod(scratch, field_selector=f"spec.nodeName={name}").items
        assert not [pod for pod in pods if pod.metadata.deletion_timestamp is None]
    finally:
        chaosk8s("node.actions.uncordon_node", name=name)


def test_service_is_there(api: client.ApiClient, scratch: str, chaosk8s: Call) -> None:
    core: Any = client.CoreV1Api(api)
    core.create_namespaced_service(scratch, a_service())

    assert chaosk8s("service.probes.service_is_initialized", name="web", ns=scratch)


def test_rollout_makes_new_pods(api: client.ApiClient, scratch: str, chaosk8s: Call) -> None:
    apps = running(api, scratch)

    chaosk8s("deployment.actions.rollout_deployment", name="web", ns=scratch)

    eventually(lambda: len(apps.list_namespaced_replica_set(scratch).items) == 2)
