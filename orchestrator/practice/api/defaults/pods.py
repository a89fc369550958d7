"""Defaults of pods and of the pod templates of workloads.

What depends on the cluster (service accounts, tolerations) is filled in by `admission`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

Object = dict[str, Any]
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_MODED: Final = ("secret", "configMap", "projected", "downwardAPI")


def default_pod(pod: Object) -> None:
    """Fill in a pod."""
    spec = pod.setdefault("spec", {})
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in containers_of(spec):
        _request_limits(container)
    pod.setdefault("status", {"phase": "Pending"})
    pod["status"].setdefault("qosClass", quality_of_service(spec))


def default_template(template: Object) -> None:
    """Fill in a workload's pod template."""
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))


def default_pod_spec(spec: Object) -> None:
    """Fill in what pods and templates have in common."""
    spec.setdefault("restartPolicy", "Always")
    if spec.setdefault("terminationGracePeriodSeconds", 30) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in containers_of(spec):
        _default_container(container)
    for volume in spec.get("volumes", ()):
        _default_volume(volume)


def containers_of(spec: Object) -> Iterator[Object]:
    """All containers of a pod, the initial ones first."""
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(key, ())


def _default_container(container: Object) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    if container.get("image"):
        container.setdefault("imagePullPolicy", _pull_policy(container["image"]))
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", ()):
        reference = variable.get("valueFrom", {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")
    for name in _PROBES:
        if name in container:
            _default_probe(container[name])


def _pull_policy(image: str) -> str:
    name = image.rsplit("/", 1)[-1]
    pinned = "@" in name or (":" in name and not name.endswith(":latest"))
    return "IfNotPresent" if pinned else "Always"


def _default_probe(probe: Object) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    if "httpGet" in probe:
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")


def _default_volume(volume: Object) -> None:
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}
    for key in _MODED:
        if key in volume:
            volume[key].setdefault("defaultMode", 420)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    for source in volume.get("projected", {}).get("sources", ()):
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)


def _request_limits(container: Object) -> None:
    resources = container["resources"]
    limits = resources.get("limits", {})
    if limits:
        resources["requests"] = {**limits, **resources.get("requests", {})}


def quality_of_service(spec: Object) -> str:
    """The class by which a node would choose whom to evict."""
    resources = [
        container.get("resources", {})
        for key in ("initContainers", "containers")
        for container in spec.get(key, ())
    ]
    wanted = [
        (entry.get("requests", {}).get(name), entry.get("limits", {}).get(name))
        for entry in resources
        for name in ("cpu", "memory")
    ]
    if not any(request or limit for request, limit in wanted):
        return "BestEffort"
    if all(limit and request == limit for request, limit in wanted):
        return "Guaranteed"
    return "Burstable"
