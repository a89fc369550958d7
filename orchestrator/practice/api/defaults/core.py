"""Defaults of namespaces, nodes, services, secrets, endpoints and events.

Addresses of services are allocated by `admission`.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

Object = dict[str, Any]


def default_namespace(namespace: Object) -> None:
    """Fill in a namespace."""
    metadata = namespace["metadata"]
    labels = metadata.get("labels", {}) | {"kubernetes.io/metadata.name": metadata.get("name", "")}
    metadata["labels"] = labels
    spec = namespace.setdefault("spec", {})
    if "deletionTimestamp" not in metadata:
        spec.setdefault("finalizers", ["kubernetes"])
    namespace.setdefault("status", {"phase": "Active"})


def default_node(node: Object) -> None:
    """Fill in a node."""
    node.setdefault("spec", {})
    node.setdefault("status", {})


def default_service(service: Object) -> None:
    """Fill in a service."""
    spec = service.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    service.setdefault("status", {"loadBalancer": {}})
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if spec.get("type") != "ExternalName":
            port.setdefault("targetPort", port.get("port"))
    if spec["type"] == "ExternalName":
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def default_secret(secret: Object) -> None:
    """Fill in a secret; text given in clear becomes data."""
    secret.setdefault("type", "Opaque")
    clear = secret.pop("stringData", None)
    if clear:
        encoded = {key: b64encode(value.encode()).decode() for key, value in clear.items()}
        secret["data"] = secret.get("data", {}) | encoded


def default_endpoints(endpoints: Object) -> None:
    """Fill in endpoints."""
    for subset in endpoints.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def default_slice(endpoint_slice: Object) -> None:
    """Fill in an endpoint slice; a server writes null where there are none."""
    for key in ("endpoints", "ports"):
        endpoint_slice[key] = endpoint_slice.get(key) or None
    for port in endpoint_slice["ports"] or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def default_event(event: Object) -> None:
    """Fill in an event."""
    event.setdefault("source", {})
    event.setdefault("firstTimestamp", None)
    event.setdefault("lastTimestamp", None)
    event.setdefault("reportingComponent", "")
    event.setdefault("reportingInstance", "")
    if not event.get("eventTime"):
        event["eventTime"] = None


def default_lease(lease: Object) -> None:
    """Fill in a lease."""
    lease.setdefault("spec", {})
