"""What an agent of chaos types by hand, with kubectl, in a namespace of two workloads."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.acceptance.stage import CHAOSDAY
from tests.integration.guard.places import Place

IMAGE = "registry.practice/shop/catalog:1.5"
MANIFEST = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "typed"},
    "data": {"a": "b"},
}
SCRIPT = """
t() {{ "$@" > {folder}/said 2>&1 || {{ echo "FAILED: $*"; cat {folder}/said; }} >&2; }}
t kubectl get deployments -o wide
t kubectl describe deployment/web
t kubectl scale deployment/web --replicas=3
t kubectl set image deployment/other main={image}
t kubectl rollout status deployment/other --timeout=30s
t kubectl label deployment/other seen=yes
t kubectl annotate deployment/other seen=yes
t kubectl patch service/web -p '{{"spec":{{"selector":{{"x":"y"}}}}}}'
t kubectl apply -f {folder}/manifest.json
t kubectl apply --server-side --force-conflicts -f {folder}/manifest.json
t kubectl delete configmap typed
t kubectl apply --server-side -f {folder}/manifest.json
t kubectl patch "$(kubectl get pods -l app=other -o name | head -n 1)" --subresource=resize \
  -p '{{"spec":{{"containers":[{{"name":"main","resources":{{"requests":{{"cpu":"20m"}}}}}}]}}}}'
t kubectl delete "$(kubectl get pods -l app=web -o name | head -n 1)"
t kubectl rollout status deployment/web --timeout=30s
pod=$(kubectl get pods -l app=web --field-selector=status.phase=Running -o name | tail -n 1)
t kubectl logs $pod --tail=1
t kubectl exec $pod -- echo typed
grep -qx typed {folder}/said || echo "FAILED: exec said nothing" >&2
t kubectl cordon {node}
t kubectl uncordon {node}
t kubectl drain {node} --pod-selector=app=web --ignore-daemonsets --timeout=40s
kubectl get secrets 2>&1 | grep -q 'is refused by the rule secrets' || echo "FAILED: secrets" >&2
kubectl delete node {node} 2>&1 | grep -q 'is refused by the rule' || echo "FAILED: node" >&2
kubectl create token default 2>&1 | grep -q 'is refused by the rule' || echo "FAILED: token" >&2
"""
LIMITS = [
    "--kind", "pods", "--kind", "deployments", "--kind", "services", "--kind", "nodes",
    "--create", "configmaps", "--irreversible", "exec",
    "--most-objects", "60", "--most-node-share", "100",
]  # fmt: skip


def script_for(folder: Path, node: str) -> Path:
    """The script, which says what failed and goes on."""
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    path = folder / "typed.sh"
    path.write_text(SCRIPT.format(folder=folder, image=IMAGE, node=node))
    return path


def typed(
    place: Place, folder: Path, *, kubectl: Path, node: str
) -> subprocess.CompletedProcess[str]:
    """Type all of it by hand, within limits."""
    script = script_for(folder, node)
    environment = {
        "PATH": f"{kubectl.parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "KUBECONFIG": str(place.kubeconfig),
        "CHAOSDAY_STORAGE_URL": f"sqlite+aiosqlite:///{folder}/chaosday.db",
    }
    return subprocess.run(
        [*CHAOSDAY, "by-hand", "--json", "--namespace", place.namespace, *LIMITS,
         "--", "sh", str(script)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )  # fmt: skip


def state_of(place: Place, node: str) -> Mapping[str, Any]:
    """What of the cluster could differ afterwards."""
    found: dict[str, Any] = {}
    for resource in ("apps/v1/deployments", "services", "configmaps"):
        for item in place.direct.send("GET", place.path(resource)).body["items"]:
            name = item["metadata"]["name"]
            found[f"{resource}/{name}"] = (item.get("spec"), item["metadata"].get("labels"))
    spec = place.direct.send("GET", f"/api/v1/nodes/{node}").body["spec"]
    return found | {"node": (spec.get("unschedulable", False), spec.get("taints"))}


def check_typed(place: Place, folder: Path, *, kubectl: Path) -> None:
    """Everything that is typed works or is refused in words, and all of it is put back."""
    nodes = place.direct.send("GET", "/api/v1/nodes").body["items"]
    node = nodes[0]["metadata"]["name"]
    before = state_of(place, node)

    called = typed(place, folder, kubectl=kubectl, node=node)

    assert "FAILED" not in called.stderr, called.stderr
    assert called.returncode == 0, called.stderr
    run = json.loads(called.stdout)
    assert (run["phase"], run["finding"]) == ("concluded", "unknown")
    assert run["reason"].startswith("the guard refused secrets/")
    assert state_of(place, node) == before
    place.settle()


BESIDE_PYTHON = Path(sys.executable).with_name("kubectl")
