"""The real control plane keeps what its starter promises. Skipped where it is not compiled."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ForbiddenException

from tests.cluster.starting import RealCluster

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.kubernetes


def api_by(kubeconfig: Path) -> client.ApiClient:
    found: client.ApiClient = config.new_client_from_config(  # type: ignore[no-untyped-call]
        str(kubeconfig)
    )
    return found


def eventually(look: Callable[[], Any], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not look() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(look())


def test_every_kubeconfig_is_somebody(kubernetes: RealCluster) -> None:
    ways = {
        "admin": kubernetes.admin,
        "admin-by-token": kubernetes.admin_by_token,
        "limited": kubernetes.limited,
        "limited-by-token": kubernetes.limited_by_token,
    }

    for name, kubeconfig in ways.items():
        authentication: Any = client.AuthenticationV1Api(api_by(kubeconfig))
        review = authentication.create_self_subject_review({"metadata": {}})
        assert review.status.user_info.username == name
        assert kubeconfig.stat().st_mode & 0o077 == 0


def test_limited_user_may_what_a_role_binding_says(kubernetes: RealCluster) -> None:
    limited: Any = client.CoreV1Api(api_by(kubernetes.limited_by_token))
    with pytest.raises(ForbiddenException):
        limited.list_namespaced_pod("default")
    rights: Any = client.RbacAuthorizationV1Api(api_by(kubernetes.admin))
    subject = {"kind": "Group", "name": "limited", "apiGroup": "rbac.authorization.k8s.io"}
    role = {"kind": "ClusterRole", "name": "view", "apiGroup": "rbac.authorization.k8s.io"}

    rights.create_namespaced_role_binding(
        "default", {"metadata": {"name": "see"}, "roleRef": role, "subjects": [subject]}
    )

    assert eventually(lambda: may_list(limited))
    rights.delete_namespaced_role_binding("see", "default")


def may_list(core: Any) -> bool:
    try:
        core.list_namespaced_pod("default")
    except ForbiddenException:
        return False
    return True


def test_pods_run_on_the_nodes_that_joined(kubernetes: RealCluster) -> None:
    core: Any = client.CoreV1Api(api_by(kubernetes.admin))
    container = {"name": "main", "image": "registry.practice/shop/catalog:1.4"}
    core.create_namespaced_pod(
        "default", {"metadata": {"name": "runs"}, "spec": {"containers": [container]}}
    )
    try:
        assert eventually(
            lambda: core.read_namespaced_pod("runs", "default").status.phase == "Running"
        )
    finally:
        core.delete_namespaced_pod("runs", "default")


def test_version_is_that_of_the_module(kubernetes: RealCluster) -> None:
    done = subprocess.run(
        [kubernetes.programs.path("kubectl"), "version", "-o", "json"],
        env={"KUBECONFIG": str(kubernetes.admin), "HOME": str(kubernetes.folder)},
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip

    told = json.loads(done.stdout)
    assert told["serverVersion"]["gitVersion"] == kubernetes.version
    assert told["clientVersion"]["gitVersion"] == kubernetes.version


def test_second_cluster_of_a_killed_parent_leaves_nothing(kubernetes: RealCluster) -> None:
    command = [sys.executable, "-m", "tests.cluster"]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        told = "".join(parent.stdout.readline() for _ in range(3))
        parent.kill()
    port = int(re.search(r"https://127\.0\.0\.1:(\d+)", told)[1])  # type: ignore[index]
    folder = Path(re.search(r"KUBECONFIG=(\S+)/admin", told)[1])  # type: ignore[index]

    assert folder != kubernetes.folder
    assert eventually(lambda: not folder.exists(), 5)
    assert eventually(lambda: refused(port), 5)


def refused(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0
