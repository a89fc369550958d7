"""What the checks of running containers take: a cluster whose nodes run them, and its image.

They ask the cluster that `CHAOSDAY_CONTRACT_KUBECONFIG` names, one with real nodes where
`CHAOSDAY_CONTRACT_NODES` is containers, or else the practice cluster with its own nodes: the
stand-in that serves the other checks runs nothing. Each works in a namespace of its own.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import NotFoundException

from tests.cluster.starting import RealCluster
from tests.contract.cluster.asking import Answer, Cluster, Kubectl, Object, eventually

ROOT: Final = Path(__file__).parents[3]
# It answers HTTP on port 8080; FAIL=health lets /healthz answer 503, FAIL=start ends it with 1.
IMAGE: Final = "registry.practice/shop/catalog:1.4"
PATIENCE: Final = 40.0
SLOW_PATIENCE: Final = 90.0


def not_on_practice(reason: str) -> pytest.MarkDecorator:
    """Marks a check that practice nodes are not asked, and says why."""
    return pytest.mark.needs_runtime(practice=reason)


@dataclass(frozen=True)
class Running:
    """A cluster that runs containers, and one namespace of it."""

    cluster: Cluster
    kubectl: Kubectl
    image: str = IMAGE

    def start(self, name: str = "one", *command: str, **spec: Any) -> Object:
        """Create a pod of one container, which gets what is said of `container`."""
        container = {"name": "main", "image": self.image, **spec.pop("container", {})}
        if command:
            container["command"] = [*command]
        body = {
            "metadata": {"name": name, "labels": {"app": name}, **spec.pop("metadata", {})},
            "spec": {"terminationGracePeriodSeconds": 2, "containers": [container], **spec},
        }
        return self.cluster.create("pods", body)

    def status(self, name: str = "one") -> Object:
        """The status of a pod."""
        found: Object = self.cluster.get("pods", name).get("status", {})
        return found

    def container(self, name: str = "one", of: str = "containerStatuses") -> Object:
        """The status of a pod's first container; empty while there is none."""
        found: Object = next(iter(self.status(name).get(of, [])), {})
        return found

    def until(
        self, look: Callable[[Object], Any], name: str = "one", patience: float = PATIENCE
    ) -> Object:
        """The first status of a pod's container that looks right."""

        def looked() -> Object | None:
            found = self.container(name)
            return found if found and look(found) else None

        return eventually(looked, patience)

    def until_ready(self, name: str = "one") -> Object:
        """Wait till the pod's container is ready; its status."""
        return self.until(lambda found: found["ready"], name)

    def until_ended(self, name: str = "one") -> Object:
        """Wait till the pod's container has ended for good; how it ended."""
        ended = self.until(lambda found: "terminated" in found.get("state", {}), name)
        found: Object = ended["state"]["terminated"]
        return found

    def waits_for(self, reason: str, name: str = "one") -> Object:
        """Wait till the pod's container waits for that reason; what it says of it."""
        found = self.until(
            lambda one: one.get("state", {}).get("waiting", {}).get("reason") == reason,
            name,
            SLOW_PATIENCE,
        )
        waiting: Object = found["state"]["waiting"]
        return waiting

    def delete(self, name: str = "one", **options: Any) -> Answer:
        """Ask for the end of a pod."""
        return self.cluster.send("DELETE", self.cluster.path("pods", name), options or None)

    def is_gone(self, name: str = "one") -> bool:
        """Whether a pod is no more."""
        return self.cluster.send("GET", self.cluster.path("pods", name)).code == 404

    def event(self, reason: str, name: str = "one") -> str:
        """Wait for an event of that reason about the pod; its message."""

        def looked() -> str | None:
            selector = f"involvedObject.name={name},reason={reason}"
            answer = self.cluster.send("GET", self.cluster.path("events"), fieldSelector=selector)
            return next((str(item["message"]) for item in answer.body["items"]), None)

        return eventually(looked, PATIENCE)

    def log(self, name: str = "one", **query: str) -> str:
        """The log of a pod, as bytes that the API server passes on."""
        answer = self.cluster.send("GET", self.cluster.path("pods", name, "log"), **query)
        assert answer.code == 200, answer.body
        # A log of one number or one JSON object is read as such.
        return answer.body.decode() if isinstance(answer.body, bytes) else str(answer.body)

    def until_logged(self, text: str, name: str = "one", **query: str) -> str:
        """Wait till the log holds a text; the log."""

        def looked() -> str | None:
            # A pod that has not started yet has no log, and a node that is busy may not tell.
            try:
                found = self.log(name, **query)
            except AssertionError:
                return None
            return found if text in found else None

        return eventually(looked, PATIENCE)


@pytest.fixture(scope="session")
def running_kubeconfig(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The kubeconfig of the cluster named, of real nodes, or of a practice cluster with its own."""
    given = os.environ.get("CHAOSDAY_CONTRACT_KUBECONFIG")
    if given:
        yield Path(given)
        return
    if os.environ.get("CHAOSDAY_CONTRACT_NODES") == "containers":
        cluster: RealCluster = request.getfixturevalue("kubernetes_with_containers")
        yield cluster.admin
        return
    path = tmp_path_factory.mktemp("running") / "kubeconfig"
    command = [sys.executable, "-m", "orchestrator.practice", "--no-traffic"]
    command += ["--kubeconfig", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the practice cluster did not start"
        yield path
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture(scope="session")
def running_api(running_kubeconfig: Path) -> Iterator[client.ApiClient]:
    """The official client, talking to that cluster."""
    found = config.new_client_from_config(  # type: ignore[no-untyped-call]
        str(running_kubeconfig)
    )
    yield found
    found.close()


@pytest.fixture(scope="session")
def runtime(running_api: client.ApiClient) -> str:
    """What runs the containers of that cluster: containerd, practice, or nothing."""
    core: Any = client.CoreV1Api(running_api)
    versions = [node.status.node_info.container_runtime_version for node in core.list_node().items]
    return next((str(version).partition(":")[0] for version in versions if version), "")


@pytest.fixture
def running(
    request: pytest.FixtureRequest,
    running_kubeconfig: Path,
    running_api: client.ApiClient,
    runtime: str,
) -> Iterator[Running]:
    """The cluster and a scratch namespace; skipped where nothing runs what the check needs."""
    if not runtime:
        pytest.skip("no node of this cluster runs containers")
    marker = request.node.get_closest_marker("needs_runtime")
    if marker is not None and runtime == "practice" and "practice" in marker.kwargs:
        pytest.skip(f"not on practice nodes: {marker.kwargs['practice']}")
    core: Any = client.CoreV1Api(running_api)
    name = f"scratch-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    _until_account(core, name)
    binary = Path(sys.executable).parent / "kubectl"
    yield Running(Cluster(running_api, name), Kubectl(binary, running_kubeconfig, name))
    with suppress(NotFoundException):
        core.delete_namespace(name)


def _until_account(core: Any, namespace: str) -> None:
    """A pod may not be created before its namespace has the account that it runs as."""

    def looked() -> bool:
        try:
            core.read_namespaced_service_account("default", namespace)
        except NotFoundException:
            return False
        return True

    eventually(looked)
