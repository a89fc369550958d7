"""The Kubernetes objects of the shop: a Deployment and a Service for each service.

They say nothing that only the practice cluster understands.
"""

from typing import Final

from orchestrator.practice.nodes.client import Api, ApiRefused, Json, Patch
from orchestrator.practice.nodes.kubelet.node import RESERVED
from orchestrator.practice.nodes.shop.images import image_name
from orchestrator.practice.nodes.shop.serving import PORT

NAMESPACE: Final = "shop"
REPLICAS: Final = {
    "storefront": 2,
    "catalog": 2,
    "cart": 2,
    "checkout": 3,
    "payment": 2,
    "stock": 2,
}

_PLACE: Final[Json] = {
    "nodeSelector": {RESERVED: "true"},
    "tolerations": [{"key": RESERVED, "operator": "Exists", "effect": "NoSchedule"}],
}


async def install_shop(api: Api, *, reserved: bool = False) -> None:
    """Create what is not there yet; what is there stays as it is.

    Where practice nodes are reserved, the shop's pods run on them alone, also those of a shop that
    was there before the other nodes were.
    """
    await _create(api, "/api/v1/namespaces", _namespace())
    for service in REPLICAS:
        await _create(api, f"/api/v1/namespaces/{NAMESPACE}/services", service_of(service))
    for service in REPLICAS:
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
        created = await _create(api, path, deployment_of(service, reserved=reserved))
        if reserved and not created:
            template = {"template": {"spec": _PLACE}}
            await api.patch(f"{path}/{service}", {"spec": template}, Patch.STRATEGIC)


async def _create(api: Api, path: str, body: Json) -> bool:
    """Create an object; false when it is there already."""
    try:
        await api.create(path, body)
    except ApiRefused as refused:
        if refused.status != 409:
            raise
        return False
    return True


def service_of(service: str) -> Json:
    """The Service in front of a service's pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(service),
        "spec": {
            "selector": {"app": service},
            "ports": [{"name": "http", "port": 80, "targetPort": PORT, "protocol": "TCP"}],
        },
    }


def deployment_of(service: str, *, reserved: bool = False) -> Json:
    """The Deployment of a service."""
    place: Json = _PLACE if reserved else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(service),
        "spec": {
            "replicas": REPLICAS[service],
            "selector": {"matchLabels": {"app": service}},
            "template": {
                "metadata": {"labels": _labels(service)},
                "spec": {"containers": [_container(service)], **place},
            },
        },
    }


def _container(service: str) -> Json:
    return {
        "name": service,
        "image": image_name(service),
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": _probe(every=1, failures=2),
        "livenessProbe": _probe(every=2, failures=5),
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }


def _probe(*, every: int, failures: int) -> Json:
    return {
        "httpGet": {"path": "/healthz", "port": "http"},
        "periodSeconds": every,
        # A busy laptop must not look like a sick pod.
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }


def _metadata(service: str) -> Json:
    return {"name": service, "namespace": NAMESPACE, "labels": _labels(service)}


def _labels(service: str) -> dict[str, str]:
    return {"app": service, "part-of": "shop"}


def _namespace() -> Json:
    labels = {"part-of": "shop"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": labels},
    }
