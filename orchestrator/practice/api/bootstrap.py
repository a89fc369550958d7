"""What is in a cluster before anyone uses it: namespaces, its own service, classes and roles."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

import msgspec

from orchestrator.practice.api.admission import SERVICE_NETWORK
from orchestrator.practice.api.ownership import SERVER
from orchestrator.practice.api.served.core import NAMESPACE, SERVICE
from orchestrator.practice.api.served.policies import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    PRIORITY_CLASS,
)
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.validation.policies import SYSTEM_PRIORITIES
from orchestrator.practice.api.writing import create

Object = dict[str, Any]
NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")


def new_store(**options: Any) -> Store:
    """A store with what every new cluster has; the options are those of `Store`."""
    store = Store(**options)
    for name in NAMESPACES:
        create(store, NAMESPACE, {"metadata": {"name": name}}, by=SERVER)
    labels = {"component": "apiserver", "provider": "kubernetes"}
    port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}
    spec = {"clusterIP": str(SERVICE_NETWORK[1]), "ports": [port]}
    create(
        store,
        SERVICE,
        {"metadata": {"name": "kubernetes", "labels": labels}, "spec": spec},
        namespace="default",
        by=SERVER,
    )
    for name, value in SYSTEM_PRIORITIES.items():
        create(store, PRIORITY_CLASS, {"metadata": {"name": name}, "value": value}, by=SERVER)
    _let_people_in(store)
    return store


def _roles() -> Object:
    """The roles of every cluster that people are given, as Kubernetes itself makes them."""
    raw = files("orchestrator.practice.api.access").joinpath("roles.json").read_bytes()
    found: Object = msgspec.json.decode(raw)
    return found


def _let_people_in(store: Store) -> None:
    """The roles, bound to the groups that every cluster begins with."""
    found = _roles()
    for role in found["roles"]:
        create(store, CLUSTER_ROLE, role, by=SERVER)
    for binding in found["bindings"]:
        create(store, CLUSTER_ROLE_BINDING, binding, by=SERVER)
