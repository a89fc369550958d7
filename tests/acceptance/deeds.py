"""What the experiments of the crash fuzz do to the shop, through the official client."""

import time
import urllib.request
from collections.abc import Callable
from typing import Any

from kubernetes import client, config

SHOP = "shop"
COUNTED = "payment"
"""The Deployment that responders mend."""


def _api() -> client.ApiClient:
    configuration = client.Configuration()
    config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    return client.ApiClient(configuration)


def _pods(core: client.CoreV1Api, name: str) -> list[str]:
    """The names of a workload's pods that are not already leaving."""
    found = core.list_namespaced_pod(SHOP, label_selector=f"app={name}").items
    every = [pod.metadata for pod in found if pod.metadata]
    return [str(each.name) for each in every if not each.deletion_timestamp]


def _insist(deed: Callable[[], None]) -> None:
    """Do it again whenever a controller wrote to the object between the read and the write."""
    for left in reversed(range(20)):
        try:
            return deed()
        except client.ApiException as error:
            if error.status != 409 or not left:
                raise
    return None


def count(path: str) -> bool:
    """Leave a line for each time that this is called."""
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write("x\n")
    return True


def tell(url: str) -> bool:
    """Count each time that this is called, where no file may be written."""
    with urllib.request.urlopen(url, data=b"", timeout=60) as answer:  # noqa: S310
        return bool(answer.status == 200)


def scale(name: str, replicas: int) -> bool:
    with _api() as api:
        client.AppsV1Api(api).patch_namespaced_deployment_scale(
            name, SHOP, {"spec": {"replicas": replicas}}
        )
    return True


def break_service(name: str) -> bool:
    with _api() as api:
        body = {"spec": {"selector": {"broken": "yes"}}}
        client.CoreV1Api(api).patch_namespaced_service(name, SHOP, body)
    return True


def change_image(name: str) -> bool:
    with _api() as api:
        apps = client.AppsV1Api(api)
        found = apps.read_namespaced_deployment(name, SHOP)
        pods = found.spec.template.spec
        assert pods
        container = pods.containers[0]
        body = {"name": container.name, "image": "registry.practice/shop/nothing:0"}
        spec = {"template": {"spec": {"containers": [body]}}}
        apps.patch_namespaced_deployment(name, SHOP, {"spec": spec})
    return True


def replace_all_at_once(name: str) -> bool:
    """By pods whose image is nowhere: there are none until that is put back."""
    change_image(name)
    with _api() as api:
        body = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
        client.AppsV1Api(api).patch_namespaced_deployment(name, SHOP, body)
    return True


def delete_pod(name: str) -> bool:
    with _api() as api:
        core = client.CoreV1Api(api)
        core.delete_namespaced_pod(_pods(core, name)[0], SHOP, grace_period_seconds=0)
    return True


def create_config_map(name: str) -> bool:
    with _api() as api:
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data={"a": "b"})
        client.CoreV1Api(api).create_namespaced_config_map(SHOP, body)
    return True


def evict_pod(name: str) -> bool:
    with _api() as api:
        core = client.CoreV1Api(api)
        pod = _pods(core, name)[-1]
        body = client.V1Eviction(metadata=client.V1ObjectMeta(name=pod))
        core.create_namespaced_pod_eviction(pod, SHOP, body)
    return True


def delete_pods(name: str) -> bool:
    with _api() as api:
        client.CoreV1Api(api).delete_collection_namespaced_pod(SHOP, label_selector=f"app={name}")
    return True


def make_and_remove(name: str) -> bool:
    create_config_map(name)
    with _api() as api:
        client.CoreV1Api(api).delete_namespaced_config_map(name, SHOP)
    return True


def delete_deployment(name: str) -> bool:
    with _api() as api:
        client.AppsV1Api(api).delete_namespaced_deployment(name, SHOP)
    return True


def replace_deployment(name: str) -> bool:
    with _api() as api:
        apps = client.AppsV1Api(api)

        def replace() -> None:
            found = apps.read_namespaced_deployment(name, SHOP)
            assert found.spec is not None
            found.spec.replicas = 1
            apps.replace_namespaced_deployment(name, SHOP, found)

        _insist(replace)
    return True


def apply_deployment(name: str) -> bool:
    """Server-side, against whoever else manages the field."""
    with _api() as api:
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}}
        client.AppsV1Api(api).patch_namespaced_deployment(
            name, SHOP, body | {"spec": {"replicas": 3}}, field_manager="fuzz", force=True,
            _content_type="application/apply-patch+yaml",
        )  # fmt: skip
    return True


def cordon(position: int) -> bool:
    with _api() as api:
        core = client.CoreV1Api(api)
        names = sorted(str(each.metadata and each.metadata.name) for each in core.list_node().items)
        core.patch_node(names[position], {"spec": {"unschedulable": True}})
    return True


def taint(position: int) -> bool:
    """Keep new pods away from a node; beside it the cluster writes taints of its own."""
    with _api() as api:
        core = client.CoreV1Api(api)
        names = sorted(str(each.metadata and each.metadata.name) for each in core.list_node().items)
        taints = [{"key": "fuzz", "value": "yes", "effect": "NoSchedule"}]
        core.patch_node(names[position], {"spec": {"taints": taints}})
    return True


def patch_by_steps(name: str) -> bool:
    """A JSON Patch of several steps, of which one is a test."""
    steps: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/name", "value": name},
        {"op": "replace", "path": "/spec/replicas", "value": 1},
        {"op": "add", "path": "/metadata/labels/fuzzed", "value": "yes"},
        {"op": "remove", "path": "/metadata/labels/part-of"},
    ]
    with _api() as api:
        client.AppsV1Api(api).patch_namespaced_deployment(name, SHOP, steps)
    return True


def replace_scale(name: str, replicas: int) -> bool:
    """Put the whole scale, as it was read but for the count."""
    with _api() as api:
        apps = client.AppsV1Api(api)

        def replace() -> None:
            found = apps.read_namespaced_deployment_scale(name, SHOP)
            assert found.spec is not None
            found.spec.replicas = replicas
            apps.replace_namespaced_deployment_scale(name, SHOP, found)

        _insist(replace)
    return True


def cut_off(name: str) -> bool:
    """Let nothing in to the pods of a workload."""
    selected = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Ingress"]}
    body: Any = {"metadata": {"name": f"no-way-to-{name}"}, "spec": selected}
    with _api() as api:
        client.NetworkingV1Api(api).create_namespaced_network_policy(SHOP, body)
    return True


def cut_off_briefly(name: str) -> bool:
    cut_off(name)
    with _api() as api:
        client.NetworkingV1Api(api).delete_namespaced_network_policy(f"no-way-to-{name}", SHOP)
    return True


def delete_service(name: str) -> bool:
    with _api() as api:
        client.CoreV1Api(api).delete_namespaced_service(name, SHOP)
    return True


def keep_writing(name: str, seconds: float) -> int:
    """Write a ConfigMap again and again; returns how often."""
    turn = 0
    last = time.monotonic() + seconds
    with _api() as api:
        core = client.CoreV1Api(api)
        while time.monotonic() < last:
            turn += 1
            core.patch_namespaced_config_map(name, SHOP, {"data": {"turn": str(turn)}})
    return turn


def insist_on_writing(name: str, refusals: int, path: str) -> bool:
    """Write a ConfigMap again and again until that was refused so often.

    Shape: path is that of the file in which each refusal leaves a line.
    """
    turn = 0
    with _api() as api:
        core = client.CoreV1Api(api)
        while refusals:
            turn += 1
            try:
                core.patch_namespaced_config_map(name, SHOP, {"data": {"turn": str(turn)}})
            except client.ApiException:
                refusals -= 1
                count(path)
    return True
