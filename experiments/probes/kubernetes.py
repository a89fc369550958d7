"""Observations of the cluster: what there was before a fault, and proof that it took effect.

They tell what the cluster does, not how people fare with it; that is measured from the outside.
Objects are read as plain JSON: the client's typed interfaces take half a second to import, and a
run waits for its first measurement.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from chaosk8s import create_k8s_api_client
from chaoslib.exceptions import ActivityFailed
from kubernetes.client import ApiClient

PATIENCE: Final = 10
"""Seconds until a request to the cluster counts as failed."""

PULL_FAILURES: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")


def pod_uids(
    label_selector: str, namespace: str = "default", secrets: Mapping[str, Any] | None = None
) -> list[str]:
    """The uids of the pods there are, sorted. Ask before a fault what it is to be compared with."""
    return sorted(_uids(_pods(create_k8s_api_client(secrets), label_selector, namespace)))


def pods_gone(
    before: Sequence[str],
    label_selector: str,
    namespace: str = "default",
    secrets: Mapping[str, Any] | None = None,
) -> int:
    """How many of the pods that there were are there no more.

    Shape: before is what `pod_uids` said earlier.
    Raises: ActivityFailed: before is no list, as when the earlier probe had no answer.
    """
    if isinstance(before, str):
        raise ActivityFailed(f"before = {before!r}: no list of uids to compare with")
    now = _uids(_pods(create_k8s_api_client(secrets), label_selector, namespace))
    return len(set(before) - now)


def replicas_wanted(
    name: str, namespace: str = "default", secrets: Mapping[str, Any] | None = None
) -> int:
    """How many replicas a Deployment is to have."""
    return _replicas(create_k8s_api_client(secrets), name, namespace)


def ready_endpoints(
    service: str, namespace: str = "default", secrets: Mapping[str, Any] | None = None
) -> int:
    """How many endpoints of a Service are ready, that is, get its traffic."""
    return _ready(create_k8s_api_client(secrets), service, namespace)


def replicas_and_endpoints(
    deployment: str,
    service: str,
    namespace: str = "default",
    secrets: Mapping[str, Any] | None = None,
) -> str:
    """How many replicas a Deployment is to have, and how many endpoints of its Service are ready.

    Shape: "0 replicas wanted, 0 endpoints ready".
    """
    api = create_k8s_api_client(secrets)
    wanted, ready = _replicas(api, deployment, namespace), _ready(api, service, namespace)
    return f"{wanted} replicas wanted, {ready} endpoints ready"


def pods_that_cannot_pull(
    label_selector: str,
    namespace: str = "default",
    image_ends_with: str = "",
    secrets: Mapping[str, Any] | None = None,
) -> int:
    """How many pods wait because an image cannot be pulled, of those whose image ends like that."""
    pods = _pods(create_k8s_api_client(secrets), label_selector, namespace)
    return sum(_cannot_pull(pod, image_ends_with) for pod in pods)


def condition_status(
    kind: str,
    name: str,
    condition: str,
    namespace: str = "",
    secrets: Mapping[str, Any] | None = None,
) -> str:
    """The status of a condition of an object: True, False or Unknown.

    Shape: kind is the plural resource name with its group, such as deployments.apps or nodes.
    Raises: ActivityFailed: there is no such object, or it has no such condition.
    """
    api = create_k8s_api_client(secrets)
    plural, _, group = kind.partition(".")
    root = f"/apis/{group}/{_version(api, group)}" if group else "/api/v1"
    inside = f"/namespaces/{namespace}" if namespace else ""
    found = _get(api, f"{root}{inside}/{plural}/{name}")
    conditions = (found.get("status") or {}).get("conditions") or []
    for each in conditions:
        if each.get("type") == condition:
            return str(each.get("status"))
    known = ", ".join(str(each.get("type")) for each in conditions) or "none"
    raise ActivityFailed(f"{kind} {name} has no condition {condition}; it has: {known}")


def _version(api: ApiClient, group: str) -> str:
    preferred = _get(api, f"/apis/{group}").get("preferredVersion") or {}
    return str(preferred.get("version"))


def _get(api: ApiClient, path: str, *, label_selector: str = "") -> dict[str, Any]:
    """One object or list of any kind. Raises: ActivityFailed."""
    request = api.param_serialize(
        "GET",
        quote(path),
        query_params=[("labelSelector", label_selector)] if label_selector else [],
        header_params={"Accept": "application/json"},
        auth_settings=list(api.configuration.auth_settings()),
    )
    asked = api.call_api(*request, _request_timeout=PATIENCE)
    content: bytes = asked.read()  # type: ignore[no-untyped-call]
    if asked.status >= 400:
        raise ActivityFailed(f"cannot read {path}: {asked.status} {_message(content)}")
    return dict(json.loads(content))


def _message(content: bytes) -> str:
    """What the cluster says went wrong; whatever stands before it may answer in plain text."""
    try:
        return str(json.loads(content)["message"])
    except (ValueError, TypeError, KeyError):
        return content.decode(errors="replace").strip()[:200]


def _cannot_pull(pod: Mapping[str, Any], image_ends_with: str) -> bool:
    containers = (pod.get("spec") or {}).get("containers") or []
    suspects = {
        each["name"] for each in containers if (each.get("image") or "").endswith(image_ends_with)
    }
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        waiting = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in PULL_FAILURES and status["name"] in suspects:
            return True
    return False


def _pods(api: ApiClient, label_selector: str, namespace: str) -> list[dict[str, Any]]:
    path = f"/api/v1/namespaces/{namespace}/pods"
    return list(_get(api, path, label_selector=label_selector).get("items") or [])


def _uids(pods: Sequence[Mapping[str, Any]]) -> set[str]:
    return {uid for pod in pods if (uid := (pod.get("metadata") or {}).get("uid"))}


def _replicas(api: ApiClient, name: str, namespace: str) -> int:
    found = _get(api, f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    # A Deployment that says nothing gets one replica.
    wanted = (found.get("spec") or {}).get("replicas")
    return 1 if wanted is None else int(wanted)


def _ready(api: ApiClient, service: str, namespace: str) -> int:
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    slices = _get(api, path, label_selector=f"kubernetes.io/service-name={service}")
    # A condition that is missing means ready: see the EndpointConditions of discovery.k8s.io/v1.
    return sum(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for each in slices.get("items") or []
        for endpoint in each.get("endpoints") or []
    )
