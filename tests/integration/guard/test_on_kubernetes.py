"""With TLS, a credential plugin and rights in one namespace alone, a guard does all it must."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.starting import RealCluster
from tests.integration.guard.conducting import guard_at, loose
from tests.integration.guard.places import Place, a_place

pytestmark = pytest.mark.kubernetes

READ, WRITE = ["get", "list", "watch"], ["get", "list", "watch", "patch", "create", "delete"]
RULES = [
    {"apiGroups": [""], "resources": ["pods", "services"], "verbs": WRITE},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": READ},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": WRITE},
    {"apiGroups": ["apps"], "resources": ["*"], "verbs": READ},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": READ},
]
RBAC = "rbac.authorization.k8s.io/v1"


def plugin_of(token: str, counter: Path) -> str:
    """A program that hands out a token which is valid for no time at all, and counts."""
    return f"""
import datetime, json
with open({str(counter)!r}, "a") as counter:
    counter.write("x")
print(json.dumps({{
    "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
    "status": {{
        "token": {token!r},
        "expirationTimestamp": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }},
}}))
"""


@pytest.fixture
def limited(kubernetes: RealCluster, tmp_path: Path) -> Iterator[tuple[Place, Path, Path]]:
    """A place, and a kubeconfig whose plugin may change that place alone."""
    document = yaml.safe_load(kubernetes.limited_by_token.read_text("utf-8"))
    counter, program = tmp_path / "calls", tmp_path / "plugin.py"
    program.write_text(plugin_of(document["users"][0]["user"]["token"], counter))
    document["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(program)],
            "interactiveMode": "Never",
        }
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(document))
    with a_place(kubernetes.admin) as place:
        place.make(f"{RBAC}/roles", {"metadata": {"name": "guard"}, "rules": RULES})
        place.make(f"{RBAC}/rolebindings", a_binding())
        yield place, kubeconfig, counter


def a_binding() -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "metadata": {"name": "guard"},
        "roleRef": {"kind": "Role", "name": "guard", "apiGroup": group},
        "subjects": [{"kind": "Group", "name": "limited", "apiGroup": group}],
    }


async def test_guard_with_least_rights_writes_undoes_and_proves(
    limited: tuple[Place, Path, Path], database: Path
) -> None:
    place, kubeconfig, counter = limited
    radius = loose(namespaces=frozenset({place.namespace, "default"}))
    narrow = loose(namespaces=frozenset({place.namespace}))
    deployment = place.path("apps/v1/deployments", "web")

    async with guard_at(database, kubeconfig=kubeconfig, radius=narrow) as guard:
        behind = await guard.begin()
        scaled = await behind.patch(deployment, {"spec": {"replicas": 2}})
        killed = await behind.raw("DELETE", place.path("pods", place.pods("other")[0]))
        assert (scaled[0], killed[0]) == (200, 200), (scaled, killed)
        await guard.undo()
        restoration = await guard.verify()
        assert restoration.is_proven, restoration
    calls = len(counter.read_text())
    assert calls > 3, "an expired token was used again"

    async with guard_at(database, kubeconfig=kubeconfig, radius=radius) as guard:
        # What its own account may not is not the guard's to decide, and not to be hidden.
        answer = await guard.ask("baseline")
        assert not answer["ok"]
        assert "forbidden" in answer["detail"]


async def test_kubeconfigs_of_every_kind_lead_to_the_cluster(
    kubernetes: RealCluster, database: Path
) -> None:
    for kubeconfig in (kubernetes.admin, kubernetes.admin_by_token):
        async with guard_at(database, kubeconfig=kubeconfig, radius=loose_default()) as guard:
            behind = await guard.cluster()
            status, answer = await behind.raw("GET", "/version")
            assert (status, answer["gitVersion"]) == (200, kubernetes.version)


def loose_default() -> Any:
    return loose(namespaces=frozenset({"default"}))
