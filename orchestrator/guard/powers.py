"""What an object lets its pods do beyond running an image, so that a write that adds to it is seen.

Whatever may push other pods aside counts as well. It does not decide who may have a power.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orchestrator.domain.undo import Document

_PLAIN_SERVICE: Final = frozenset({None, "ClusterIP"})
_HOST: Final = ("hostNetwork", "hostPID", "hostIPC")
_LOST: Final = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
"""Taints of nodes that went away, which pods may suffer for as long as they like."""
_PLAIN_VOLUMES: Final = frozenset({"emptyDir", "configMap", "downwardAPI", "projected", "image"})
"""Volumes that hold nothing but what is the pod's own; of a projected one its sources count."""


def powers_of(kind: str, document: Document) -> frozenset[str]:
    """What an object, or pods made from it, may do; each power in words."""
    spec = document.get("spec") or {}
    match kind:
        case "services":
            outside = spec.get("type") not in _PLAIN_SERVICE or bool(spec.get("externalIPs"))
            return frozenset({f"type {spec.get('type')} or external addresses"} if outside else ())
        case "ingresses":
            entries = spec.get("tls") or ()
            return frozenset(
                f"the secret {each['secretName']}" for each in entries if each.get("secretName")
            )
        case "pods":
            return frozenset(_pod(spec))
        case _:
            template = (spec.get("template") or {}).get("spec") or {}
            return frozenset((*_pod(template), *_filled_in(template)))


def asked_for(kind: str, body: Document) -> frozenset[str]:
    """What a request asks for a pod that admission may also fill in for one that asks nothing."""
    return frozenset(_filled_in(body.get("spec") or {})) if kind == "pods" else frozenset()


def _filled_in(spec: Mapping[str, Any]) -> Iterator[str]:
    for each in spec.get("tolerations") or ():
        if not _is_harmless(each):
            taint = f"{each.get('key') or 'any key'}:{each.get('effect') or 'any effect'}"
            yield f"the toleration of {taint}, by which it goes where others are kept away"
    for name in ("priorityClassName", "priority"):
        if spec.get(name):
            yield f"{name} {spec[name]}, which may displace the pods of others"
    for each in spec.get("imagePullSecrets") or ():
        yield f"the secret {each.get('name')}"


def _is_harmless(toleration: Mapping[str, Any]) -> bool:
    """Whether a toleration leads a pod to no node that was kept from it."""
    is_lost = toleration.get("key") in _LOST and toleration.get("effect") == "NoExecute"
    return is_lost or toleration.get("effect") == "PreferNoSchedule"


def _pod(spec: Mapping[str, Any]) -> Iterator[str]:
    if spec.get("nodeName"):
        yield f"the node {spec['nodeName']}, which no scheduler chose"
    for name in _HOST:
        if spec.get(name):
            yield name
    account = spec.get("serviceAccountName")
    if account and account != "default":
        yield f"the service account {account}"
    if spec.get("runtimeClassName"):
        yield f"the runtime class {spec['runtimeClassName']}"
    for claim in spec.get("resourceClaims") or ():
        yield f"the resource claim {claim}"
    context = spec.get("securityContext") or {}
    yield from _context(context)
    for each in context.get("sysctls") or ():
        yield f"the sysctl {each.get('name')}={each.get('value')}"
    for volume in spec.get("volumes") or ():
        yield from _volume(volume)
    for group in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(group) or ():
            yield from _container(container)


def _volume(volume: Mapping[str, Any]) -> Iterator[str]:
    name = volume.get("name")
    for source in sorted(volume.keys() - _PLAIN_VOLUMES - {"name"}):
        if volume[source] is not None:
            yield f"the {source} of volume {name}: {volume[source]}"
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "secret" in source:
            yield f"the secret of volume {name}: {source['secret']}"


def _container(container: Mapping[str, Any]) -> Iterator[str]:
    context = container.get("securityContext") or {}
    yield from _context(context)
    for name in ("privileged", "allowPrivilegeEscalation", "procMount"):
        if context.get(name):
            yield name
    for capability in (context.get("capabilities") or {}).get("add") or ():
        yield f"the capability {capability}"
    for port in container.get("ports") or ():
        if port.get("hostPort"):
            yield f"the port {port['hostPort']} of its node"
    for source in container.get("envFrom") or ():
        if "secretRef" in source:
            yield f"the secret {source['secretRef'].get('name')}"
    for variable in container.get("env") or ():
        if reference := (variable.get("valueFrom") or {}).get("secretKeyRef"):
            yield f"the secret {reference.get('name')}"


def _context(context: Mapping[str, Any]) -> Iterator[str]:
    """The powers that a pod and a container may be given alike."""
    windows = context.get("windowsOptions") or {}
    for name in ("hostProcess", "gmsaCredentialSpecName", "gmsaCredentialSpec"):
        if windows.get(name):
            yield f"windowsOptions.{name}"
    for name in ("seccompProfile", "appArmorProfile"):
        if (context.get(name) or {}).get("type") == "Unconfined":
            yield f"{name} Unconfined"
    if context.get("seLinuxOptions"):
        yield f"seLinuxOptions {context['seLinuxOptions']}"
