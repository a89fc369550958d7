"""What is in a cluster before anyone uses it: its first namespaces and its own service."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.admission import SERVICE_NETWORK
from orchestrator.practice.api.served.core import NAMESPACE, SERVICE
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.writing import create

NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")


def new_store(**options: Any) -> Store:
    """A store with what every new cluster has; the options are those of `Store`."""
    store = Store(**options)
    for name in NAMESPACES:
        create(store, NAMESPACE, {"metadata": {"name": name}})
    labels = {"component": "apiserver", "provider": "kubernetes"}
    port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}
    spec = {"clusterIP": str(SERVICE_NETWORK[1]), "ports": [port]}
    create(
        store,
        SERVICE,
        {"metadata": {"name": "kubernetes", "labels": labels}, "spec": spec},
        namespace="default",
    )
    return store
