"""Whether what a command did in a pod is gone when the pod is.

It errs to one side: whatever is not known to end with its pod may outlive it. What a command sent
elsewhere, it does not know.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orchestrator.domain.undo import Document

_OWN_VOLUMES: Final = frozenset({"emptyDir", "configMap", "secret", "projected", "downwardAPI"})
"""Volumes that a command can change nothing in, or that are deleted with their pod."""
_OF_THE_HOST: Final = ("hostNetwork", "hostPID", "hostIPC")
_OWN_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "NET_ADMIN",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""Capabilities that reach no further than the namespaces of the pod; others reach the node."""
_MIRROR: Final = "kubernetes.io/config.mirror"
"""The annotation of a pod that a kubelet runs whether or not the API server has it."""
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")


def perishes(pod: Document | None) -> bool:
    """Whether nothing that was done in a pod, as it was then, can be left once it is gone."""
    spec = (pod or {}).get("spec")
    if not isinstance(spec, Mapping) or not spec.get("containers"):
        return False
    if any(spec.get(name) for name in (*_OF_THE_HOST, "resourceClaims")) or _is_mirror(pod or {}):
        return False
    if not all(_is_own_volume(each) for each in spec.get("volumes") or ()):
        return False
    return not any(_reaches_the_node(each) for each in _contexts(spec))


def _is_mirror(pod: Document) -> bool:
    metadata = pod.get("metadata") or {}
    return _MIRROR in (metadata.get("annotations") or {})


def _is_own_volume(volume: Mapping[str, Any]) -> bool:
    # A field that is null is as good as absent; one that names no source is an emptyDir.
    sources = {name for name, value in volume.items() if value is not None and name != "name"}
    return sources <= _OWN_VOLUMES


def _contexts(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The security contexts of the pod and of each container in it."""
    yield spec.get("securityContext") or {}
    for group in _CONTAINERS:
        for container in spec.get(group) or ():
            yield container.get("securityContext") or {}
            if container.get("volumeDevices"):
                yield {"privileged": True}


def _reaches_the_node(context: Mapping[str, Any]) -> bool:
    added = (context.get("capabilities") or {}).get("add") or ()
    capabilities = {str(each).upper().removeprefix("CAP_") for each in added}
    return bool(
        context.get("privileged")
        or capabilities - _OWN_CAPABILITIES
        or context.get("procMount") not in {None, "Default"}
        or (context.get("windowsOptions") or {}).get("hostProcess")
    )
