"""What hollow nodes say of themselves and of their pods."""

from typing import Any, Final

NODES: Final = 100
ROOM: Final = {"cpu": "64", "memory": "256Gi", "pods": "250"}


def node(number: int) -> dict[str, Any]:
    """A node with room for many pods; without a status."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"hollow-{number}"}}


def node_status() -> dict[str, Any]:
    """The status of a node that is ready."""
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    return {"allocatable": ROOM, "capacity": ROOM, "conditions": [ready]}


def pod_status(number: int, at: str) -> dict[str, Any]:
    """The status of a pod that is ready."""
    address = f"10.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    ready = {"status": "True", "lastTransitionTime": at}
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [{"type": name, **ready} for name in ("Ready", "ContainersReady")],
    }
