"""The tables of namespaces, nodes, services, endpoints, events and small kinds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.columns.ages import AGE, NAME, since
from orchestrator.practice.api.kinds import Column
from orchestrator.practice.api.selectors import field

Object = dict[str, Any]


def _phase(obj: Object, _now: datetime) -> str:
    return str(obj.get("status", {}).get("phase", ""))


NAMESPACE_COLUMNS: Final = (NAME, Column("Status", _phase), AGE)


def _node_status(node: Object, _now: datetime) -> str:
    ready = [
        condition.get("status")
        for condition in node.get("status", {}).get("conditions", ())
        if condition.get("type") == "Ready"
    ]
    words = ["Unknown" if not ready else "Ready" if ready[0] == "True" else "NotReady"]
    if node["spec"].get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(node: Object, _now: datetime) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels", {})
    roles = sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix))
    return ",".join(role for role in roles if role) or "<none>"


def _node_info(key: str) -> Any:
    def cell(node: Object, _now: datetime) -> str:
        return node.get("status", {}).get("nodeInfo", {}).get(key) or "<unknown>"

    return cell


def _kernel(node: Object, _now: datetime) -> str:
    info = node.get("status", {}).get("nodeInfo", {})
    version, machine = info.get("kernelVersion") or "<unknown>", info.get("architecture")
    return f"{version} ({machine})" if machine else version


def _node_address(kind: str) -> Any:
    def cell(node: Object, _now: datetime) -> str:
        for address in node.get("status", {}).get("addresses", ()):
            if address.get("type") == kind:
                return str(address["address"])
        return "<none>"

    return cell


NODE_COLUMNS: Final = (
    NAME,
    Column("Status", _node_status),
    Column("Roles", _roles),
    AGE,
    Column("Version", _node_info("kubeletVersion")),
    Column("Internal-IP", _node_address("InternalIP"), priority=1),
    Column("External-IP", _node_address("ExternalIP"), priority=1),
    Column("OS-Image", _node_info("osImage"), priority=1),
    Column("Kernel-Version", _kernel, priority=1),
    Column("Container-Runtime", _node_info("containerRuntimeVersion"), priority=1),
)  # fmt: skip


def _service_type(service: Object, _now: datetime) -> str:
    return str(service["spec"].get("type", ""))


def _cluster_address(service: Object, _now: datetime) -> str:
    return service["spec"].get("clusterIP") or "<none>"


def _external_address(service: Object, _now: datetime) -> str:
    spec = service["spec"]
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "LoadBalancer":
            given = service.get("status", {}).get("loadBalancer", {}).get("ingress", ())
            return ",".join(entry.get("ip", "") for entry in given) or "<pending>"
        case _:
            return ",".join(spec.get("externalIPs", ())) or "<none>"


def _service_ports(service: Object, _now: datetime) -> str:
    texts = [
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}"
        f"/{port['protocol']}"
        for port in service["spec"].get("ports", ())
    ]
    return ",".join(texts) or "<none>"


def _service_selector(service: Object, _now: datetime) -> str:
    selector = service["spec"].get("selector", {})
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items())) or "<none>"


SERVICE_COLUMNS: Final = (
    NAME,
    Column("Type", _service_type),
    Column("Cluster-IP", _cluster_address),
    Column("External-IP", _external_address),
    Column("Port(s)", _service_ports),
    AGE,
    Column("Selector", _service_selector, priority=1),
)


def _few(texts: list[str]) -> str:
    more = f" + {len(texts) - 3} more..." if len(texts) > 3 else ""
    return ",".join(texts[:3]) + more if texts else "<none>"


def _endpoints(endpoints: Object, _now: datetime) -> str:
    texts = [
        f"{address['ip']}:{port['port']}"
        for subset in endpoints.get("subsets", ())
        for port in subset.get("ports", ())
        for address in subset.get("addresses", ())
    ]
    return _few(texts)


ENDPOINTS_COLUMNS: Final = (NAME, Column("Endpoints", _endpoints), AGE)


def _slice_type(endpoint_slice: Object, _now: datetime) -> str:
    return str(endpoint_slice.get("addressType", ""))


def _slice_ports(endpoint_slice: Object, _now: datetime) -> str:
    ports = endpoint_slice.get("ports") or []
    return _few([str(port.get("port", "*")) for port in ports]) if ports else "<unset>"


def _slice_endpoints(endpoint_slice: Object, _now: datetime) -> str:
    endpoints = endpoint_slice.get("endpoints") or []
    texts = [address for endpoint in endpoints for address in endpoint.get("addresses", ())]
    return _few(texts) if texts else "<unset>"


SLICE_COLUMNS: Final = (
    NAME,
    Column("AddressType", _slice_type),
    Column("Ports", _slice_ports),
    Column("Endpoints", _slice_endpoints),
    AGE,
)


def _last_seen(event: Object, now: datetime) -> str:
    series = event.get("series") or {}
    seen = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return since(seen, now)


def _first_seen(event: Object, now: datetime) -> str:
    return since(event.get("firstTimestamp") or event.get("eventTime"), now)


def _involved(event: Object, _now: datetime) -> str:
    regarding = event.get("involvedObject", {})
    kind = regarding.get("kind", "").lower()
    return f"{kind}/{regarding['name']}" if regarding.get("name") else kind


def _text(key: str) -> Any:
    def cell(event: Object, _now: datetime) -> str:
        return str(event.get(key, "")).strip()

    return cell


def _part(*path: str) -> Any:
    read = field(".".join(path))

    def cell(obj: Object, _now: datetime) -> str:
        return read(obj)

    return cell


def _source(event: Object, _now: datetime) -> str:
    source = event.get("source") or {}
    parts = [source.get("component") or event.get("reportingComponent", ""), source.get("host")]
    return ", ".join(part for part in parts if part)


def _count(event: Object, _now: datetime) -> int:
    series = event.get("series") or {}
    return int(series.get("count") or event.get("count") or 1)


EVENT_COLUMNS: Final = (
    Column("Last Seen", _last_seen),
    Column("Type", _text("type")),
    Column("Reason", _text("reason")),
    Column("Object", _involved),
    Column("Subobject", _part("involvedObject", "fieldPath"), priority=1),
    Column("Source", _source, priority=1),
    Column("Message", _text("message")),
    Column("First Seen", _first_seen, priority=1),
    Column("Count", _count, priority=1),
    Column("Name", _part("metadata", "name"), format="name", priority=1),
)  # fmt: skip


def _size(*keys: str) -> Any:
    def cell(obj: Object, _now: datetime) -> int:
        return sum(len(obj.get(key) or ()) for key in keys)

    return cell


CONFIG_MAP_COLUMNS: Final = (NAME, Column("Data", _size("data", "binaryData")), AGE)
SECRET_COLUMNS: Final = (
    NAME, Column("Type", _text("type")), Column("Data", _size("data")), AGE,
)  # fmt: skip
ACCOUNT_COLUMNS: Final = (NAME, AGE)
LEASE_COLUMNS: Final = (
    NAME, Column("Holder", _part("spec", "holderIdentity")), AGE,
)  # fmt: skip
