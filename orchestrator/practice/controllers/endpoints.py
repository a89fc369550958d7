"""The endpoints controllers: for each service, the addresses of the pods that its selector finds.

Services without a selector are left to whoever writes their slices by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.selectors import of_labels
from orchestrator.practice.api.served.core import ENDPOINTS, NODE, POD, SERVICE
from orchestrator.practice.api.served.others import ENDPOINT_SLICE
from orchestrator.practice.api.store import Change, Store
from orchestrator.practice.api.writing import create, update
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key
from orchestrator.practice.controllers.owners import matching, reference_to
from orchestrator.practice.controllers.pods import is_ready
from orchestrator.practice.controllers.triggers import Triggers, with_trigger

Object = dict[str, Any]
NAME: Final = "endpointslice-controller.k8s.io"
SERVICE_LABEL: Final = "kubernetes.io/service-name"
MANAGED_LABEL: Final = "endpointslice.kubernetes.io/managed-by"
ZONE: Final = "topology.kubernetes.io/zone"
SLICE_SIZE: Final = 100
"""How many endpoints a slice holds at most."""


class EndpointSlices:
    """Looks after the slices and the endpoints of all services."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._triggers = Triggers()

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {
            SERVICE: own_key, POD: self._on_pod, ENDPOINT_SLICE: self._on_slice,
            ENDPOINTS: own_key,
        }  # fmt: skip
        return ControlLoop(self._store, "endpointslice-controller", watches, self.reconcile)

    def _on_slice(self, change: Change) -> Iterable[Key]:
        metadata = change.stored.object["metadata"]
        labels = metadata.get("labels", {})
        if labels.get(MANAGED_LABEL) == NAME and SERVICE_LABEL in labels:
            yield metadata["namespace"], labels[SERVICE_LABEL]

    def _on_pod(self, change: Change) -> Iterable[Key]:
        """The services that select the pod or selected it, when what they say of it changed."""
        new, old = change.stored.object, change.previous.object if change.previous else None
        if old is not None and _visible(old) == _visible(new) and change.happened != "DELETED":
            return
        namespace = new["metadata"]["namespace"]
        labels = [pod["metadata"].get("labels", {}) for pod in (new, old) if pod]
        for service in self._store.objects(SERVICE, namespace):
            selector = service["spec"].get("selector")
            if selector and any(selector.items() <= found.items() for found in labels):
                yield namespace, service["metadata"]["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Write the slices and endpoints that one service should have."""
        service = self._store.get(SERVICE, *key)
        if service is None:
            self._clear(key)
            return None
        selector = service["spec"].get("selector")
        if not selector or service["spec"]["type"] == "ExternalName":
            return None
        selected = list(matching(self._store, POD, key[0], of_labels(selector)))
        triggered_at = self._triggers.first_new(service, selected)
        pods = [pod for pod in selected if _has_place(pod)]
        pods.sort(key=lambda pod: pod["metadata"]["name"])
        self._write_slices(service, pods, triggered_at)
        self._write_endpoints(service, pods, triggered_at)
        return None

    def _clear(self, key: Key) -> None:
        """Remove what a service that is gone left behind."""
        self._triggers.forget(key)
        endpoints = self._store.get(ENDPOINTS, *key)
        if endpoints is not None:
            delete(self._store, ENDPOINTS, endpoints, Deletion())
        for endpoint_slice in self._slices(key):
            delete(self._store, ENDPOINT_SLICE, endpoint_slice, Deletion())

    def _slices(self, key: Key) -> list[Object]:
        found = self._store.labelled(ENDPOINT_SLICE, key[0], SERVICE_LABEL, key[1])
        mine = [item for item in found if item["metadata"]["labels"].get(MANAGED_LABEL) == NAME]
        return sorted(mine, key=lambda item: str(item["metadata"]["name"]))

    def _write_slices(self, service: Object, pods: list[Object], triggered_at: str) -> None:
        key = service["metadata"]["namespace"], service["metadata"]["name"]
        wanted = self._wanted_slices(service, pods)
        existing = self._slices(key)
        for content in wanted:
            reused = _closest(existing, content)
            if reused is None:
                self._make_slice(service, content, triggered_at)
                continue
            existing.remove(reused)
            if any((reused.get(key) or []) != content[key] for key in ("endpoints", "ports")):
                metadata = with_trigger(reused["metadata"], triggered_at)
                wanted_slice = {**reused, **content, "metadata": metadata}
                update(self._store, ENDPOINT_SLICE, reused, wanted_slice)
        for leftover in existing:
            delete(self._store, ENDPOINT_SLICE, leftover, Deletion())

    def _wanted_slices(self, service: Object, pods: list[Object]) -> list[Object]:
        """The contents of the slices: pods of the same port numbers together, in portions."""
        groups: dict[tuple[Any, ...], list[Object]] = {}
        for pod in pods:
            shape = tuple(tuple(sorted(port.items())) for port in _ports(service, pod))
            groups.setdefault(shape, []).append(pod)
        contents = []
        for ports, members in groups.items():
            for start in range(0, len(members), SLICE_SIZE):
                portion = members[start : start + SLICE_SIZE]
                contents.append(self._content(service, [dict(port) for port in ports], portion))
        return contents or [self._content(service, [], [])]

    def _content(self, service: Object, ports: list[Object], pods: list[Object]) -> Object:
        tolerant = service["spec"].get("publishNotReadyAddresses", False)
        return {
            "addressType": "IPv4",
            "endpoints": [self._endpoint(pod, tolerant=tolerant) for pod in pods],
            "ports": ports,
        }

    def _endpoint(self, pod: Object, *, tolerant: bool) -> Object:
        serving = is_ready(pod)
        terminating = "deletionTimestamp" in pod["metadata"]
        node = self._store.get(NODE, "", pod["spec"]["nodeName"])
        zone = (node or {"metadata": {}})["metadata"].get("labels", {}).get(ZONE)
        conditions = {
            "ready": tolerant or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        }
        endpoint = {
            "addresses": [pod["status"]["podIP"]],
            "conditions": conditions,
            "targetRef": target_of(pod),
            "nodeName": pod["spec"]["nodeName"],
        }
        return {**endpoint, "zone": zone} if zone else endpoint

    def _make_slice(self, service: Object, content: Object, triggered_at: str) -> None:
        metadata = service["metadata"]
        labels = {
            **metadata.get("labels", {}), SERVICE_LABEL: metadata["name"], MANAGED_LABEL: NAME,
        }  # fmt: skip
        if service["spec"].get("clusterIP") == "None":
            labels["service.kubernetes.io/headless"] = ""
        named = {
            "generateName": f"{metadata['name']}-",
            "labels": labels,
            "ownerReferences": [reference_to(service)],
        }
        wanted = {"metadata": with_trigger(named, triggered_at), **content}
        create(self._store, ENDPOINT_SLICE, wanted, namespace=metadata["namespace"])

    def _write_endpoints(self, service: Object, pods: list[Object], triggered_at: str) -> None:
        metadata = service["metadata"]
        subsets = list(_subsets(service, pods))
        old = self._store.get(ENDPOINTS, metadata["namespace"], metadata["name"])
        labels = {
            **metadata.get("labels", {}),
            "endpoints.kubernetes.io/managed-by": "endpoint-controller",
        }
        if service["spec"].get("clusterIP") == "None":
            labels["service.kubernetes.io/headless"] = ""
        if old is None:
            named = {"name": metadata["name"], "labels": labels}
            wanted: Object = {"metadata": with_trigger(named, triggered_at)}
            wanted |= {"subsets": subsets} if subsets else {}
            create(self._store, ENDPOINTS, wanted, namespace=metadata["namespace"])
            return
        if (old.get("subsets", []), old["metadata"]["labels"]) == (subsets, labels):
            return
        rest = {key: value for key, value in old.items() if key != "subsets"}
        rest["metadata"] = with_trigger({**old["metadata"], "labels": labels}, triggered_at)
        update(self._store, ENDPOINTS, old, {**rest, **({"subsets": subsets} if subsets else {})})


def _visible(pod: Object) -> tuple[Any, ...]:
    """What of a pod a service's endpoints show."""
    return (
        pod.get("status", {}).get("podIP"),
        pod.get("status", {}).get("phase"),
        is_ready(pod),
        "deletionTimestamp" in pod["metadata"],
        pod["metadata"].get("labels"),
        pod["spec"].get("nodeName"),
    )


def _has_place(pod: Object) -> bool:
    status = pod.get("status", {})
    return bool(status.get("podIP")) and status.get("phase") not in {"Succeeded", "Failed"}


def _closest(existing: list[Object], content: Object) -> Object | None:
    """The slice that needs the least change to get this content."""
    same = [item for item in existing if (item.get("ports") or []) == content["ports"]]
    wanted = {tuple(entry["addresses"]) for entry in content["endpoints"]}

    def shared(item: Object) -> int:
        return sum(1 for entry in item["endpoints"] or () if tuple(entry["addresses"]) in wanted)

    return max(same or existing, key=shared, default=None)


def _ports(service: Object, pod: Object) -> list[Object]:
    """What the service's ports are on this pod; a named port that it lacks is left out."""
    found = [_port(port, pod) for port in service["spec"].get("ports", ())]
    return [port for port in found if port is not None]


def _port(port: Object, pod: Object) -> Object | None:
    number = port_number(port.get("targetPort") or port["port"], port["protocol"], pod)
    if number is None:
        return None
    found = {"name": port.get("name", ""), "port": number, "protocol": port["protocol"]}
    return {**found, "appProtocol": port["appProtocol"]} if "appProtocol" in port else found


def port_number(target: int | str, protocol: str, pod: Object) -> int | None:
    """The number of a pod's port that is given by number or by name; none if it has none."""
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers", ()):
        for port in container.get("ports", ()):
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None


def target_of(pod: Object) -> Object:
    """The reference by which an endpoint names its pod."""
    metadata = pod["metadata"]
    return {
        "kind": POD.name, "namespace": metadata["namespace"], "name": metadata["name"],
        "uid": metadata["uid"],
    }  # fmt: skip


def _subsets(service: Object, pods: list[Object]) -> Iterable[Object]:
    tolerant = service["spec"].get("publishNotReadyAddresses", False)
    groups: dict[tuple[Any, ...], tuple[list[Object], list[Object]]] = {}
    for pod in pods:
        terminating = "deletionTimestamp" in pod["metadata"]
        if terminating and not tolerant:
            continue
        ports = tuple(
            tuple((key, value) for key, value in port.items() if value != "")
            for port in _ports(service, pod)
        )
        ready, waiting = groups.setdefault(ports, ([], []))
        entry = {
            "ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"],
            "targetRef": target_of(pod),
        }  # fmt: skip
        (ready if tolerant or is_ready(pod) else waiting).append(entry)
    for ports, (ready, waiting) in groups.items():
        subset: Object = {"addresses": ready} if ready else {}
        if waiting:
            subset["notReadyAddresses"] = waiting
        if ports:
            subset["ports"] = [dict(port) for port in ports]
        yield subset
