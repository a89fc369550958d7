"""The practice cluster with tokens and roles, its nodes and its command line included."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ForbiddenException

from orchestrator.practice.keys import limited_kubeconfig

SECONDS = 20


def asking(kubeconfig: Path) -> Any:
    api: Any = config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
    return client.CoreV1Api(api)


def test_shop_runs_where_everybody_is_asked_for_a_token(tmp_path: Path) -> None:
    path = tmp_path / "practice.kubeconfig"
    command = [sys.executable, "-m", "orchestrator.cli", "practice", "--rbac", "--quiet"]
    ports = ["--port", "0", "--front-door-port", "0", "--metrics-port", "0"]
    with subprocess.Popen(
        [*command, *ports, "--kubeconfig", str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            pods = asking(path).list_namespaced_pod("shop").items
            with pytest.raises(ForbiddenException, match='User \\\\"limited\\\\" cannot list'):
                asking(limited_kubeconfig(path)).list_namespaced_pod("shop")
        finally:
            process.terminate()
            process.wait(timeout=SECONDS)

    assert ready["api_url"].startswith("https://127.0.0.1:")
    assert {pod.status.phase for pod in pods} == {"Running"}
    assert not list(tmp_path.glob("*.kubeconfig"))
