"""The official Python client, whose models are strict about what a server answers."""

from typing import Any

import pytest
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from tests.contract.cluster.asking import a_deployment, a_pod, a_service, eventually


def test_models_read_every_kind(api: client.ApiClient, scratch: str) -> None:
    core: Any = client.CoreV1Api(api)
    apps: Any = client.AppsV1Api(api)
    apps.create_namespaced_deployment(scratch, a_deployment())
    core.create_namespaced_service(scratch, a_service())
    eventually(lambda: apps.read_namespaced_deployment("web", scratch).status.ready_replicas == 3)

    assert core.list_namespace().items
    assert core.list_node().items
    assert len(core.list_namespaced_pod(scratch).items) == 3
    assert apps.list_namespaced_replica_set(scratch).items
    assert core.list_namespaced_service(scratch).items[0].spec.cluster_ip
    assert core.list_namespaced_endpoints(scratch).items
    assert client.DiscoveryV1Api(api).list_namespaced_endpoint_slice(scratch).items
    assert core.list_namespaced_event(scratch).items
    assert core.list_namespaced_service_account(scratch).items
    assert core.list_namespaced_config_map(scratch).items
    assert client.VersionApi(api).get_code().git_version.startswith("v1.")


def test_other_kinds_are_created_and_read(api: client.ApiClient, scratch: str) -> None:
    policy: Any = client.PolicyV1Api(api)
    coordination: Any = client.CoordinationV1Api(api)
    core: Any = client.CoreV1Api(api)
    spec = client.V1PodDisruptionBudgetSpec(
        min_available=1, selector=client.V1LabelSelector(match_labels={"app": "web"})
    )
    metadata = client.V1ObjectMeta(name="web")
    budget = client.V1PodDisruptionBudget(metadata=metadata, spec=spec)
    policy.create_namespaced_pod_disruption_budget(scratch, budget)
    lease = client.V1Lease(metadata=metadata, spec=client.V1LeaseSpec(holder_identity="me"))
    coordination.create_namespaced_lease(scratch, lease)
    secret = client.V1Secret(metadata=metadata, string_data={"a": "b"})
    core.create_namespaced_secret(scratch, secret)

    assert policy.read_namespaced_pod_disruption_budget("web", scratch).spec.min_available == 1
    found = coordination.read_namespaced_lease("web", scratch)
    assert found.spec.holder_identity == "me"
    assert core.read_namespaced_secret("web", scratch).data == {"a": "Yg=="}


def test_deployment_is_patched_scaled_and_deleted(api: client.ApiClient, scratch: str) -> None:
    apps: Any = client.AppsV1Api(api)
    apps.create_namespaced_deployment(scratch, a_deployment(replicas=1))

    body = {"spec": {"template": {"metadata": {"annotations": {"touched": "yes"}}}}}
    patched = apps.patch_namespaced_deployment("web", scratch, body)
    scaled = apps.patch_namespaced_deployment_scale("web", scratch, {"spec": {"replicas": 2}})
    eventually(lambda: apps.read_namespaced_deployment("web", scratch).status.ready_replicas == 2)
    apps.delete_namespaced_deployment("web", scratch)

    assert patched.spec.template.metadata.annotations == {"touched": "yes"}
    assert scaled.spec.replicas == 2
    assert not apps.list_namespaced_deployment(scratch).items


def test_pod_is_deleted_and_its_last_state_returned(api: client.ApiClient, scratch: str) -> None:
    core: Any = client.CoreV1Api(api)
    core.create_namespaced_pod(scratch, a_pod())
    eventually(lambda: core.read_namespaced_pod("one", scratch).status.phase == "Running")

    core.delete_namespaced_pod("one", scratch, grace_period_seconds=3)

    eventually(lambda: not core.list_namespaced_pod(scratch).items)


def test_pod_is_evicted(api: client.ApiClient, scratch: str) -> None:
    core: Any = client.CoreV1Api(api)
    core.create_namespaced_pod(scratch, a_pod())
    body = client.V1Eviction(metadata=client.V1ObjectMeta(name="one", namespace=scratch))

    core.create_namespaced_pod_eviction("one", scratch, body)

    eventually(lambda: not core.list_namespaced_pod(scratch).items)


def test_watch_yields_models(api: client.ApiClient, scratch: str) -> None:
    core: Any = client.CoreV1Api(api)
    core.create_namespaced_pod(scratch, a_pod())
    stream: Any = watch.Watch()  # type: ignore[no-untyped-call]

    phases = []
    for event in stream.stream(core.list_namespaced_pod, scratch, timeout_seconds=10):
        phases.append(event["object"].status.phase)
        if phases[-1] == "Running":
            stream.stop()

    assert phases[-1] == "Running"


def test_refusal_is_an_exception_with_its_status(api: client.ApiClient, scratch: str) -> None:
    core: Any = client.CoreV1Api(api)

    with pytest.raises(ApiException) as refusal:
        core.read_namespaced_pod("nope", scratch)

    assert (refusal.value.status, refusal.value.reason) == (404, "Not Found")
    assert 'pods \\"nope\\" not found' in str(refusal.value.body)
