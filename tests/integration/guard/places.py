"""Where the guard's impacts are tried: a namespace of the practice cluster, or of Kubernetes."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from tests.contract.cluster.asking import Answer, Cluster, eventually

IMAGE = "registry.practice/shop/catalog:1.4"
Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Place:
    """One cluster, with a namespace in which web has four pods and other has two."""

    kubeconfig: Path
    direct: Cluster
    """The cluster without a guard."""

    @property
    def namespace(self) -> str:
        return self.direct.namespace

    def path(self, resource: str, *rest: str) -> str:
        return self.direct.path(resource, *rest)

    def pods(self, app: str) -> list[str]:
        found = self.direct.send("GET", self.path("pods"), labelSelector=f"app={app}").body
        return sorted(
            pod["metadata"]["name"]
            for pod in found["items"]
            if not pod["metadata"].get("deletionTimestamp")
        )

    def is_steady(self) -> bool:
        found = self.direct.send("GET", self.path("apps/v1/deployments")).body["items"]
        return all(
            each["status"].get("readyReplicas") == each["spec"]["replicas"]
            and each["status"].get("replicas") == each["spec"]["replicas"]
            for each in found
        )

    def settle(self) -> None:
        eventually(self.is_steady)

    def gone(self, path: str) -> bool:
        return self.direct.send("GET", path).code == 404

    def make(self, resource: str, body: Object) -> Object:
        return self.direct.create(resource, body)

    def remove(self, path: str) -> Answer:
        return self.direct.send("DELETE", path)


def a_deployment(name: str, replicas: int) -> Object:
    labels = {"app": name, "part-of": "world"}
    container = {"name": "main", "image": IMAGE, "resources": {"requests": {"cpu": "10m"}}}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def a_pod(name: str, **more: Any) -> Object:
    spec = {"containers": [{"name": "main", "image": IMAGE}]}
    return {"metadata": {"name": name, "labels": {"app": name, "part-of": "world"}, **more},
            "spec": spec}  # fmt: skip


@contextmanager
def a_place(kubeconfig: Path) -> Iterator[Place]:
    """A namespace with two workloads, gone afterwards."""
    api: Any = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
    core: Any = client.CoreV1Api(api)
    name = f"guarded-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    try:
        place = Place(kubeconfig=kubeconfig, direct=Cluster(api, name))
        place.make("apps/v1/deployments", a_deployment("web", 4))
        place.make("apps/v1/deployments", a_deployment("other", 2))
        ports = [{"port": 80, "targetPort": 8080}]
        place.make(
            "services",
            {
                "metadata": {"name": "web", "labels": {"part-of": "world"}},
                "spec": {"selector": {"app": "web"}, "ports": ports},
            },
        )
        place.settle()
        yield place
    finally:
        core.delete_namespace(name)
        api.close()
