"""What is in a cluster before anyone uses it: namespaces, its own service, classes and roles."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.admission import SERVICE_NETWORK
from orchestrator.practice.api.served.core import NAMESPACE, SERVICE
from orchestrator.practice.api.served.policies import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    PRIORITY_CLASS,
)
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.validation.policies import RBAC, SYSTEM_PRIORITIES
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
    for name, value in SYSTEM_PRIORITIES.items():
        create(store, PRIORITY_CLASS, {"metadata": {"name": name}, "value": value})
    _let_admins_in(store)
    return store


def _let_admins_in(store: Store) -> None:
    """The role that may do everything, bound to the group that every cluster begins with."""
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    metadata = {"name": "cluster-admin", "labels": labels}
    rules = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    create(store, CLUSTER_ROLE, {"metadata": metadata, "rules": rules})
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    subjects = [{"apiGroup": RBAC, "kind": "Group", "name": "system:masters"}]
    binding = {"metadata": metadata, "roleRef": role, "subjects": subjects}
    create(store, CLUSTER_ROLE_BINDING, binding)
