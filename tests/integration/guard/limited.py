"""An account that may do what `chaosday rbac` prints and no more, reached by a credential plugin.

It plays no guard.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.acceptance.stage import AT_ANY_TIME, CHAOSDAY
from tests.integration.guard.conducting import EVERYTHING
from tests.integration.guard.places import Object, Place
from tests.integration.guard.test_on_kubernetes import plugin_of

RBAC = "/apis/rbac.authorization.k8s.io/v1"
PLURALS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
}


@contextmanager
def as_limited(place: Place, folder: Path) -> Iterator[Path]:
    """The kubeconfig of an account with the printed roles for a plan of nearly everything."""
    granted = []
    place.make("serviceaccounts", {"metadata": {"name": "guard"}})
    try:
        for manifest in printed(place, folder):
            granted.append(path_of(manifest))
            collection = granted[-1].rpartition("/")[0]
            assert place.direct.send("POST", collection, manifest).code == 201
        yield kubeconfig_of(place, folder)
        assert (folder / "calls").exists(), "nobody asked for a credential"
    finally:
        for path in granted:
            place.remove(path)
        place.remove(place.path("serviceaccounts", "guard"))


def printed(place: Place, folder: Path) -> list[Object]:
    """The manifests that `chaosday rbac` prints for the account."""
    limits = {
        "namespaces": [place.namespace],
        "kinds": sorted(EVERYTHING),
        "creates": sorted(EVERYTHING - {"nodes"}),
    }
    box = {"box": "anything", "at": "+1s", "lasts": "60s", "experiment": "pod-killed"}
    plan = folder / "plan.yaml"
    plan.write_text(AT_ANY_TIME + yaml.safe_dump({"blast_radius": limits, "agenda": [box]}))
    done = subprocess.run(
        [*CHAOSDAY, "rbac", str(plan), "--account", f"{place.namespace}:guard"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def path_of(manifest: Object) -> str:
    """Where a role or a binding is."""
    metadata = manifest["metadata"]
    inside = f"namespaces/{metadata['namespace']}/" if "namespace" in metadata else ""
    return f"{RBAC}/{inside}{PLURALS[manifest['kind']]}/{metadata['name']}"


def kubeconfig_of(place: Place, folder: Path) -> Path:
    """A kubeconfig without a credential in it: a program hands out the account's token."""
    asked: dict[str, Any] = {"spec": {"expirationSeconds": 3600}}
    answer = place.direct.send("POST", place.path("serviceaccounts", "guard", "token"), asked)
    assert answer.code == 201, answer.body
    program, path = folder / "plugin.py", folder / "limited"
    program.write_text(plugin_of(answer.body["status"]["token"], folder / "calls"))
    document = yaml.safe_load(place.kubeconfig.read_text("utf-8"))
    plugin = {"command": sys.executable, "args": [str(program)], "interactiveMode": "Never"}
    version = "client.authentication.k8s.io/v1"
    document["users"][0]["user"] = {"exec": {"apiVersion": version, **plugin}}
    path.write_text(json.dumps(document))
    return path
