"""The rules of nodes, services, endpoint slices, events, config maps and secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final

from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.names import key_causes, label_causes, name_causes

Object = dict[str, Any]
_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_SERVICE_TYPES: Final = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"}
PROTOCOLS: Final = {"SCTP", "TCP", "UDP"}
_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
SIZE_LIMIT: Final = 1024 * 1024


def node_causes(node: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a node."""
    causes: list[Cause] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(node.get("spec", {}).get("taints", ())):
        field = f"metadata.taints[{index}]"
        causes += key_causes(taint.get("key", ""), f"{field}.key")
        if not taint.get("effect"):
            causes.append(Cause.required(f"{field}.effect"))
        elif taint["effect"] not in _EFFECTS:
            causes.append(Cause.unsupported(f"{field}.effect", taint["effect"], _EFFECTS))
        identity = (taint.get("key", ""), taint.get("effect", ""))
        if identity in seen:
            causes.append(Cause.duplicate(field, taint))
        seen.add(identity)
    return causes


def service_causes(service: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a service."""
    spec = service["spec"]
    causes: list[Cause] = []
    kind = spec.get("type")
    if kind not in _SERVICE_TYPES:
        causes.append(Cause.unsupported("spec.type", kind, _SERVICE_TYPES))
    if not spec.get("ports") and kind != "ExternalName" and spec.get("clusterIP") != "None":
        causes.append(Cause.required("spec.ports"))
    if kind == "ExternalName" and not spec.get("externalName"):
        causes.append(Cause.required("spec.externalName"))
    if spec.get("sessionAffinity") not in {"None", "ClientIP"}:
        found = spec.get("sessionAffinity")
        causes.append(Cause.unsupported("spec.sessionAffinity", found, {"None", "ClientIP"}))
    causes += label_causes(spec.get("selector", {}), "spec.selector")
    causes += _service_port_causes(spec.get("ports", ()))
    return causes + _address_causes(spec, old)


def _service_port_causes(ports: Iterable[Object]) -> list[Cause]:
    ports = list(ports)
    causes: list[Cause] = []
    names: set[str] = set()
    places: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        field = f"spec.ports[{index}]"
        name = port.get("name", "")
        if not name and len(ports) > 1:
            causes.append(Cause.required(f"{field}.name"))
        elif name:
            causes += name_causes(name, f"{field}.name", "label")
            if name in names:
                causes.append(Cause.duplicate(f"{field}.name", name))
        names.add(name)
        causes += port_causes(port.get("port", 0), f"{field}.port")
        causes += target_port_causes(port.get("targetPort"), f"{field}.targetPort")
        causes += protocol_causes(port, field)
        place = (port.get("port"), port.get("protocol"))
        if place in places:
            causes.append(Cause.duplicate(field, port))
        places.add(place)
    return causes


def port_causes(value: int, field: str) -> list[Cause]:
    """What is wrong with a port number."""
    if 1 <= value <= 65535:
        return []
    return [Cause.invalid(field, value, "must be between 1 and 65535, inclusive")]


def target_port_causes(value: Any, field: str) -> list[Cause]:
    """What is wrong with a port given by number or by name."""
    if isinstance(value, int):
        return port_causes(value, field)
    return port_name_causes(value or "", field)


def port_name_causes(name: str, field: str) -> list[Cause]:
    """What is wrong with the name of a port."""
    faults = {
        "must be no more than 15 characters": len(name) > 15,
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)": not re.fullmatch(
            r"[-a-z0-9]+", name
        ),
        "must contain at least one letter (a-z)": not re.search(r"[a-z]", name),
        "must not contain consecutive hyphens": "--" in name,
        "must not begin or end with a hyphen": name.startswith("-") or name.endswith("-"),
    }
    return [Cause.invalid(field, name, text) for text, holds in faults.items() if holds]


def protocol_causes(port: Object, field: str) -> list[Cause]:
    """What is wrong with a port's protocol."""
    protocol = port.get("protocol", "TCP")
    if protocol in PROTOCOLS:
        return []
    return [Cause.unsupported(f"{field}.protocol", protocol, PROTOCOLS)]


def _address_causes(spec: Object, old: Object | None) -> list[Cause]:
    before = (old or {}).get("spec", {})
    unchanging = before.get("clusterIP") and "ExternalName" not in {spec["type"], before["type"]}
    if unchanging and spec.get("clusterIP") != before["clusterIP"]:
        found = spec.get("clusterIPs", [])
        return [Cause.invalid("spec.clusterIPs[0]", found, "may not change once set")]
    return []


def slice_causes(endpoint_slice: Object, old: Object | None) -> list[Cause]:
    """What is wrong with an endpoint slice."""
    kind = endpoint_slice.get("addressType", "")
    if not kind:
        return [Cause.required("addressType")]
    if kind not in {"IPv4", "IPv6", "FQDN"}:
        return [Cause.unsupported("addressType", kind, {"FQDN", "IPv4", "IPv6"})]
    if old is not None and old.get("addressType") != kind:
        return [Cause.invalid("addressType", kind, "field is immutable")]
    causes: list[Cause] = []
    endpoints = endpoint_slice.get("endpoints") or []
    if len(endpoints) > 1000:
        text = "Too many: 1000: must have at most 1000 items"
        causes.append(Cause("endpoints", "FieldValueTooMany", text))
    for index, endpoint in enumerate(endpoints):
        causes += _endpoint_causes(endpoint, kind, f"endpoints[{index}]")
    return causes


def _endpoint_causes(endpoint: Object, kind: str, field: str) -> list[Cause]:
    addresses = endpoint.get("addresses") or []
    if not addresses:
        return [Cause.required(f"{field}.addresses", "must contain at least 1 address")]
    if kind == "FQDN":
        return []
    return [
        cause
        for index, address in enumerate(addresses)
        for cause in endpoint_address_causes(address, f"{field}.addresses[{index}]")
    ]


def endpoint_address_causes(address: str, field: str) -> list[Cause]:
    """What is wrong with an address that traffic is to be sent to."""
    text = _address_fault(address)
    return [Cause.invalid(field, address, text)] if text else []


@lru_cache(maxsize=8192)
def _address_fault(address: str) -> str:
    """Why traffic can't be sent to an address, or empty text; slices repeat them at each write."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
    if parsed.is_unspecified:
        return f"may not be unspecified ({address})"
    if parsed.is_loopback:
        return "may not be in the loopback range (127.0.0.0/8, ::1/128)"
    if parsed.is_link_local:
        return "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
    return ""


def lease_causes(lease: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a lease."""
    spec = lease.get("spec", {})
    causes: list[Cause] = []
    if spec.get("leaseDurationSeconds", 1) <= 0:
        found = spec["leaseDurationSeconds"]
        causes.append(Cause.invalid("spec.leaseDurationSeconds", found, "must be greater than 0"))
    if spec.get("leaseTransitions", 0) < 0:
        found, text = spec["leaseTransitions"], "must be greater than or equal to 0"
        causes.append(Cause.invalid("spec.leaseTransitions", found, text))
    return causes


def event_causes(event: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with an event."""
    about = event.get("involvedObject", {}).get("namespace", "")
    namespace = event["metadata"]["namespace"]
    if about and about != namespace:
        return [Cause.invalid("involvedObject.namespace", about, "does not match event.namespace")]
    if not about and namespace != "default":
        return [Cause.invalid("involvedObject.namespace", about, "does not match event.namespace")]
    return []


def config_map_causes(config: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a config map."""
    causes = _key_causes(config, "data") + _key_causes(config, "binaryData")
    both = set(config.get("data", {})) & set(config.get("binaryData", {}))
    for key in sorted(both):
        text = "duplicate of key present in binaryData"
        causes.append(Cause.invalid(f"data[{key}]", key, text))
    causes += _immutable_causes(config, old, ("data", "binaryData"))
    return causes + _size_causes(config)


def secret_causes(secret: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a secret."""
    causes = _key_causes(secret, "data")
    causes += _immutable_causes(secret, old, ("data",))
    if old is not None and secret.get("type") != old.get("type"):
        causes.append(Cause.invalid("type", secret.get("type"), "field is immutable"))
    return causes + _size_causes(secret)


def _key_causes(obj: Object, name: str) -> list[Cause]:
    text = (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
        "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
        "'[-._a-zA-Z0-9]+')"
    )
    return [
        Cause.invalid(f"{name}[{key}]", key, text)
        for key in obj.get(name, {})
        if not _KEY.fullmatch(key) or len(key) > 253
    ]


def _immutable_causes(obj: Object, old: Object | None, keys: tuple[str, ...]) -> list[Cause]:
    if not (old or {}).get("immutable"):
        return []
    text = "field is immutable when `immutable` is set"
    changed = [key for key in keys if obj.get(key) != (old or {}).get(key)]
    if not obj.get("immutable"):
        changed.insert(0, "immutable")
    return [Cause.forbidden(key, text) for key in changed]


def _size_causes(obj: Object) -> list[Cause]:
    values = [*obj.get("data", {}).values(), *obj.get("binaryData", {}).values()]
    if sum(map(len, values)) <= SIZE_LIMIT:
        return []
    return [Cause("", "FieldValueTooLong", f"Too long: may not be more than {SIZE_LIMIT} bytes")]
