"""Ways to ask a cluster: plain HTTP with its status codes, and kubectl."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import urllib3
from kubernetes import client

Object = dict[str, Any]
Found = TypeVar("Found")
PATIENCE = 45.0
JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


def eventually(look: Callable[[], Found | None], patience: float = PATIENCE) -> Found:
    """The first truthy answer; fails when there is none within a patient time.

    Units: `patience` in seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@dataclass(frozen=True)
class Answer:
    """A status code with the JSON that came along."""

    code: int
    body: Any
    headers: Any


@dataclass(frozen=True)
class Cluster:
    """One cluster and one namespace of it."""

    api: client.ApiClient
    namespace: str

    @property
    def version(self) -> str:
        """The release that the cluster says it is."""
        return str(self.send("GET", "/version").body["gitVersion"])

    def since(self, minor: int) -> bool:
        """Whether its release is Kubernetes 1.`minor` or a later one."""
        return int(self.version.split(".")[1]) >= minor

    def path(self, resource: str, *rest: str) -> str:
        """The path of a resource in the namespace, such as `pods` or `apps/v1/deployments`."""
        group, _, plural = resource.rpartition("/")
        root = f"/apis/{group}" if group else "/api/v1"
        return "/".join([root, "namespaces", self.namespace, plural, *rest])

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = JSON,
        accept: str = JSON,
        **query: str,
    ) -> Answer:
        """One request, whatever the cluster says to it."""
        response = self._open(method, path, body, kind=kind, accept=accept, query=query)
        raw = response.read()
        response.release_conn()
        try:
            parsed = json.loads(raw)
        except ValueError:
            parsed = raw
        return Answer(response.status, parsed, response.headers)

    def _open(
        self, method: str, path: str, body: Any, *, kind: str, accept: str, query: dict[str, str]
    ) -> urllib3.BaseHTTPResponse:
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Accept": accept}
        if raw is not None and kind:
            headers["Content-Type"] = kind
        self.api.update_params_for_auth(headers, [], ["BearerToken"], path, method, raw)
        pool: urllib3.PoolManager = self.api.rest_client.pool_manager
        url = self.api.configuration.host + path
        if query:
            url += "?" + urlencode(query)
        return pool.request(
            method, url, body=raw, headers=headers, preload_content=False, timeout=30, retries=False
        )

    def create(self, resource: str, body: Object) -> Object:
        """A new object, which must be accepted."""
        answer = self.send("POST", self.path(resource), body)
        assert answer.code == 201, answer.body
        found: Object = answer.body
        return found

    def get(self, resource: str, name: str) -> Object:
        """An object, which must be there."""
        answer = self.send("GET", self.path(resource, name))
        assert answer.code == 200, answer.body
        found: Object = answer.body
        return found

    def names(self, resource: str, **query: str) -> list[str]:
        """The names of the objects that a list with these parameters holds."""
        answer = self.send("GET", self.path(resource), **query)
        assert answer.code == 200, answer.body
        return [item["metadata"]["name"] for item in answer.body["items"]]

    @contextmanager
    def watching(self, resource: str, **query: str) -> Iterator[Iterator[Object]]:
        """The events of a watch."""
        response = self._open(
            "GET", self.path(resource), None, kind="", accept=JSON,
            query={"watch": "true", "timeoutSeconds": "20", **query},
        )  # fmt: skip
        assert response.status == 200, response.read()
        try:
            yield (json.loads(line) for line in _lines(response))
        finally:
            response.close()
            response.release_conn()


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    while True:
        part = response.read1() if hasattr(response, "read1") else response.read(1)
        if not part:
            return
        *whole, rest = (rest + part).split(b"\n")
        yield from whole


@dataclass(frozen=True)
class Kubectl:
    """kubectl in one namespace of one cluster."""

    binary: Path
    kubeconfig: Path
    namespace: str

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """What kubectl prints; it must succeed."""
        done = self.attempt(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def attempt(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """One call of kubectl, whether it succeeds or not."""
        return subprocess.run(
            self._command(*arguments),
            input=stdin, env=self._environment, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """A call of kubectl that goes on, until the scope ends."""
        with subprocess.Popen(
            self._command(*arguments), env=self._environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def _command(self, *arguments: str) -> list[str]:
        scope = ["--namespace", self.namespace, "--kubeconfig", str(self.kubeconfig)]
        return [str(self.binary), *scope, *arguments]

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECACHEDIR": str(self.kubeconfig.parent / "cache")}


def a_pod(name: str = "one", **spec: Any) -> Object:
    """A pod that any node runs."""
    container = {"name": "main", "image": "registry.practice/shop/catalog:1.4"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [container], **spec},
    }


def a_deployment(name: str = "web", replicas: int = 3, **spec: Any) -> Object:
    """A deployment whose pods become ready."""
    container = {
        "name": "main",
        "image": "registry.practice/shop/catalog:1.4",
        "ports": [{"containerPort": 8080}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [container]},
            },
            **spec,
        },
    }


def a_service(name: str = "web", **spec: Any) -> Object:
    """A service for the pods that carry its name."""
    ports = [{"port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports, **spec},
    }
