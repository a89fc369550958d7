"""What a server decides with a look at the rest of the cluster, before an object is stored.

Namespace lifecycle, service accounts and priorities of pods, addresses of services, protection of
volumes. Quotas and limits are in `limits`; webhooks are not served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network, ip_address
from typing import Any, Final

from orchestrator.practice.api.defaults.pods import quality_of_service
from orchestrator.practice.api.defaults.sets import GENERATION
from orchestrator.practice.api.defaults.storage import CLAIM_PROTECTION, VOLUME_PROTECTION
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.limits import limit_pod
from orchestrator.practice.api.resizing import refuse_oversize
from orchestrator.practice.api.served.core import NAMESPACE, NODE, POD, SERVICE, SERVICE_ACCOUNT
from orchestrator.practice.api.served.policies import PRIORITY_CLASS
from orchestrator.practice.api.served.sets import DAEMON_SET
from orchestrator.practice.api.served.storage import CLAIM, VOLUME
from orchestrator.practice.api.statuses import Cause, forbidden, invalid, not_found
from orchestrator.practice.api.store import Store

Object = dict[str, Any]
SERVICE_NETWORK: Final = IPv4Network("10.96.0.0/16")
NODE_PORTS: Final = range(30000, 32768)
_TOKEN_MOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path
_TOLERATED: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def admit(store: Store, kind: Kind, obj: Object, old: Object | None) -> None:
    """Fill in what the cluster decides, or refuse; changes the object given."""
    if kind.namespaced and old is None:
        refuse_dying_namespace(store, kind, obj)
    rule = _RULES.get(kind)
    if rule is not None:
        rule(store, obj, old)


def refuse_dying_namespace(store: Store, kind: Kind, obj: Object) -> None:
    """Refuse to create something in a namespace that is not there or on its way out."""
    name = obj["metadata"]["namespace"]
    namespace = store.get(NAMESPACE, "", name)
    if namespace is None:
        raise not_found(NAMESPACE, name)
    if "deletionTimestamp" in namespace["metadata"]:
        why = f"unable to create new content in namespace {name} because it is being terminated"
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {name} is being terminated",
            "field": "metadata.namespace",
        }
        raise forbidden(kind, obj["metadata"].get("name", ""), why, causes=[cause])


def _admit_pod(store: Store, pod: Object, old: Object | None) -> None:
    """Give a new pod its service account, the account's token volume and default tolerations."""
    if old is not None:
        refuse_oversize(store, pod, old)
        return
    spec = pod["spec"]
    account = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = account
    namespace = pod["metadata"]["namespace"]
    found = store.get(SERVICE_ACCOUNT, namespace, account)
    if found is None:
        why = (
            f"error looking up service account {namespace}/{account}: "
            f'serviceaccount "{account}" not found'
        )
        raise forbidden(POD, pod["metadata"].get("name", ""), why)
    if spec.get("automountServiceAccountToken", found.get("automountServiceAccountToken", True)):
        _mount_token(store, spec)
    _rank(store, pod)
    _tolerate(spec)
    limit_pod(store, pod)
    pod["status"]["qosClass"] = quality_of_service(spec)


def _rank(store: Store, pod: Object) -> None:
    """Give a new pod the priority of its class, or of the one that is for all."""
    spec = pod["spec"]
    name = spec.get("priorityClassName")
    if name:
        found = store.get(PRIORITY_CLASS, "", name)
        if found is None:
            why = f"no PriorityClass with name {name} was found"
            raise forbidden(POD, pod["metadata"].get("name", ""), why)
    else:
        classes = [item for item in store.objects(PRIORITY_CLASS) if item.get("globalDefault")]
        found = min(classes, key=lambda item: int(item["value"]), default=None)
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
    spec["priority"] = found["value"] if found else 0
    preempts = (found or {}).get("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("preemptionPolicy", preempts)


def _mount_token(store: Store, spec: Object) -> None:
    containers = [*spec.get("initContainers", ()), *spec.get("containers", ())]
    lacking = [
        container for container in containers
        if not any(m.get("mountPath") == _TOKEN_MOUNT for m in container.get("volumeMounts", ()))
    ]  # fmt: skip
    if not lacking:
        return
    name = f"kube-api-access-{store.suffix()}"
    for container in lacking:
        mount = {"name": name, "readOnly": True, "mountPath": _TOKEN_MOUNT}
        container["volumeMounts"] = [*container.get("volumeMounts", ()), mount]
    spec["volumes"] = [*spec.get("volumes", ()), _token_volume(name)]


def _token_volume(name: str) -> Object:
    namespace = {
        "path": "namespace",
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
    }
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": authority},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def _tolerate(spec: Object) -> None:
    tolerations = list(spec.get("tolerations", ()))
    for key in _TOLERATED:
        covered = any(
            item.get("key") in {key, None, ""} and item.get("effect") in {"NoExecute", None, ""}
            for item in tolerations
        )
        if not covered:
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )
    spec["tolerations"] = tolerations


def _admit_service(store: Store, service: Object, old: Object | None) -> None:
    """Give a service its address and, where its type has them, its node ports."""
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        return
    if old is not None:
        _keep_addresses(spec, old["spec"])
    if "clusterIP" not in spec:
        spec["clusterIP"] = next(_free_addresses(store))
    elif spec["clusterIP"] != "None" and (
        old is None or old["spec"].get("clusterIP") != spec["clusterIP"]
    ):
        _refuse_taken_address(store, service)
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        _allocate_ports(store, spec)


def _keep_addresses(spec: Object, old: Object) -> None:
    for key in ("clusterIP", "clusterIPs"):
        if key not in spec and key in old:
            spec[key] = old[key]
    if spec["type"] not in {"NodePort", "LoadBalancer"}:
        return
    known = {port.get("name", ""): port.get("nodePort") for port in old.get("ports", ())}
    for port in spec.get("ports", ()):
        if known.get(port.get("name", "")):
            port.setdefault("nodePort", known[port.get("name", "")])


def _taken(store: Store) -> Iterator[Object]:
    return (service["spec"] for service in store.objects(SERVICE))


def _free_addresses(store: Store) -> Iterator[str]:
    taken = {spec.get("clusterIP") for spec in _taken(store)}
    size = SERVICE_NETWORK.num_addresses - 2
    start = store.chance.randrange(size)
    for step in range(size):
        address = str(SERVICE_NETWORK[1 + (start + step) % size])
        if address not in taken:
            yield address


def _refuse_taken_address(store: Store, service: Object) -> None:
    address, name = service["spec"]["clusterIP"], service["metadata"].get("name", "")
    causes = []
    if not _is_address(address):
        text = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        causes.append(Cause.invalid("spec.clusterIPs[0]", address, text))
    elif not _is_service_address(address):
        text = (
            f"failed to allocate IP {address}: the provided IP ({address}) is not in the valid "
            f"range. The range of valid IPs is {SERVICE_NETWORK}"
        )
        causes.append(Cause.invalid("spec.clusterIPs", [address], text))
    elif any(spec.get("clusterIP") == address for spec in _taken(store)):
        text = f"failed to allocate IP {address}: provided IP is already allocated"
        causes.append(Cause.invalid("spec.clusterIPs", [address], text))
    if causes:
        raise invalid(SERVICE, name, causes)


def _is_address(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def _is_service_address(address: str) -> bool:
    try:
        return IPv4Address(address) in SERVICE_NETWORK
    except AddressValueError:
        return False


def _allocate_ports(store: Store, spec: Object) -> None:
    taken = {port.get("nodePort") for other in _taken(store) for port in other.get("ports", ())}
    for port in spec.get("ports", ()):
        if not port.get("nodePort"):
            free = [number for number in NODE_PORTS if number not in taken]
            port["nodePort"] = store.chance.choice(free)
        taken.add(port["nodePort"])


def _taint_new_node(_store: Store, node: Object, old: Object | None) -> None:
    """A node that just registered takes no pods until it says that it is ready."""
    if old is None:
        taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
        node["spec"]["taints"] = [*node["spec"].get("taints", ()), taint]


def _keep_finalizers(_store: Store, namespace: Object, old: Object | None) -> None:
    """The finalizers of a namespace change through /finalize only."""
    if old is not None:
        namespace["spec"] = {**namespace["spec"], "finalizers": old["spec"].get("finalizers", [])}


def _protect(finalizer: str) -> Callable[[Store, Object, Object | None], None]:
    """What keeps a volume or a claim that is deleted while it is in use."""

    def protect(_store: Store, obj: Object, old: Object | None) -> None:
        finalizers = obj["metadata"].get("finalizers", [])
        if old is None and finalizer not in finalizers:
            obj["metadata"]["finalizers"] = [*finalizers, finalizer]

    return protect


def _count_templates(_store: Store, daemon_set: Object, old: Object | None) -> None:
    """The annotation that counts changes of a daemon set's template is the server's."""
    number = 1
    if old is not None:
        number = int(old["metadata"].get("annotations", {}).get(GENERATION, "1"))
        number += daemon_set["spec"]["template"] != old["spec"]["template"]
    daemon_set["metadata"]["annotations"][GENERATION] = str(number)


_RULES: Final[Mapping[Kind, Callable[[Store, Object, Object | None], None]]] = {
    CLAIM: _protect(CLAIM_PROTECTION),
    DAEMON_SET: _count_templates,
    NAMESPACE: _keep_finalizers,
    NODE: _taint_new_node,
    POD: _admit_pod,
    SERVICE: _admit_service,
    VOLUME: _protect(VOLUME_PROTECTION),
}
