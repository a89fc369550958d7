"""The real kubectl, as a person uses it."""

import json
from typing import Any

from tests.contract.cluster.asking import Kubectl, a_deployment, a_service, eventually

MANIFEST = json.dumps({"apiVersion": "v1", "kind": "List", "items": [a_deployment(), a_service()]})


def ready(kubectl: Kubectl, manifest: str = MANIFEST) -> None:
    """The shop of one deployment and one service, rolled out."""
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")


def field(kubectl: Kubectl, what: str, path: str) -> str:
    return kubectl("get", what, "-o", f"jsonpath={{{path}}}")


def test_get_prints_tables(kubectl: Kubectl) -> None:
    ready(kubectl)

    pods = kubectl("get", "pods").splitlines()
    wide = kubectl("get", "pods", "-o", "wide").splitlines()
    everything = kubectl("get", "all")

    assert pods[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert pods[1].split()[1:4] == ["1/1", "Running", "0"]
    assert wide[0].split()[5:7] == ["IP", "NODE"]
    assert {"pod/", "service/", "deployment.apps/", "replicaset.apps/"} <= {
        line.split("/")[0] + "/" for line in everything.splitlines() if "/" in line.split(" ")[0]
    }


def test_describe_tells_the_story(kubectl: Kubectl) -> None:
    ready(kubectl)

    deployment = kubectl("describe", "deployment", "web")
    pod = kubectl("describe", kubectl("get", "pods", "-o", "name").split()[0])
    service = kubectl("describe", "service", "web")
    node = kubectl("describe", "nodes")

    assert "Replicas:               3 desired | 3 updated | 3 total | 3 available" in deployment
    assert "Scaled up replica set" in deployment
    assert "Successfully assigned" in pod
    assert "Endpoints:" in service
    assert "Allocated resources" in node


def test_create_makes_each_kind(kubectl: Kubectl) -> None:
    kubectl(
        "create", "deployment", "made", "--image=registry.practice/shop/cart:1.4", "--port=8080"
    )
    kubectl("create", "configmap", "made", "--from-literal=a=b")
    kubectl("create", "secret", "generic", "made", "--from-literal=a=b")
    kubectl("create", "serviceaccount", "made")
    kubectl("create", "poddisruptionbudget", "made", "--selector=app=made", "--min-available=1")
    kubectl("expose", "deployment", "made", "--port=80", "--target-port=8080")
    kubectl("run", "made", "--image=registry.practice/shop/cart:1.4")

    kinds = "deployment,configmap,secret,serviceaccount,poddisruptionbudget,service,pod"
    names = kubectl("get", kinds, "-o", "name").split()
    assert len([name for name in names if name.endswith("/made")]) == 7
    kubectl("rollout", "status", "deployment/made", "--timeout=20s")


def test_scale_and_set_image_roll_out(kubectl: Kubectl) -> None:
    ready(kubectl)

    kubectl("scale", "deployment/web", "--replicas=2")
    kubectl("set", "image", "deployment/web", "main=registry.practice/shop/catalog:1.5")
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")

    assert field(kubectl, "deployment/web", ".status.readyReplicas") == "2"
    images = field(kubectl, "pods", ".items[*].spec.containers[0].image").split()
    assert set(images) >= {"registry.practice/shop/catalog:1.5"}


def test_rollout_is_undone(kubectl: Kubectl) -> None:
    ready(kubectl)
    kubectl("set", "image", "deployment/web", "main=registry.practice/shop/catalog:1.5")
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")

    history = kubectl("rollout", "history", "deployment/web")
    kubectl("rollout", "undo", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")

    assert [line.split()[0] for line in history.splitlines()[2:4]] == ["1", "2"]
    path = ".spec.template.spec.containers[0].image"
    assert field(kubectl, "deployment/web", path) == "registry.practice/shop/catalog:1.4"


def test_rollout_is_paused_and_restarted(kubectl: Kubectl) -> None:
    ready(kubectl)

    kubectl("rollout", "pause", "deployment/web")
    assert field(kubectl, "deployment/web", ".spec.paused") == "true"
    kubectl("rollout", "resume", "deployment/web")
    kubectl("rollout", "restart", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")


def test_labels_and_annotations_are_set_and_removed(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "c")

    kubectl("label", "configmap", "c", "tier=web")
    kubectl("annotate", "configmap", "c", "note=hello")
    assert field(kubectl, "configmap/c", ".metadata.labels.tier") == "web"
    kubectl("label", "configmap", "c", "tier-")
    assert field(kubectl, "configmap/c", ".metadata.labels.tier") == ""


def test_patches_of_three_kinds(kubectl: Kubectl) -> None:
    ready(kubectl)

    kubectl("patch", "deployment", "web", "-p", '{"spec":{"minReadySeconds":1}}')
    kubectl("patch", "service", "web", "--type=merge", "-p", '{"spec":{"selector":{"app":"x"}}}')
    operation = '[{"op":"replace","path":"/spec/replicas","value":1}]'
    kubectl("patch", "deployment", "web", "--type=json", "-p", operation)

    assert field(kubectl, "deployment/web", ".spec.minReadySeconds") == "1"
    assert field(kubectl, "service/web", ".spec.selector.app") == "x"
    assert field(kubectl, "deployment/web", ".spec.replicas") == "1"


def test_apply_prunes_what_was_taken_out(kubectl: Kubectl) -> None:
    first: dict[str, Any] = a_service(ports=[{"name": "a", "port": 80}, {"name": "b", "port": 81}])
    second = a_service(ports=[{"name": "b", "port": 81}])

    kubectl("apply", "-f", "-", stdin=json.dumps(first))
    kubectl("apply", "-f", "-", stdin=json.dumps(second))
    again = kubectl("apply", "-f", "-", stdin=json.dumps(second))

    assert field(kubectl, "service/web", ".spec.ports[*].port") == "81"
    assert "unchanged" in again


def test_apply_on_the_server(kubectl: Kubectl) -> None:
    ready(kubectl)

    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=MANIFEST)
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")


def test_diff_shows_a_change(kubectl: Kubectl) -> None:
    ready(kubectl)
    changed = json.dumps(a_deployment(replicas=5))

    done = kubectl.attempt("diff", "-f", "-", stdin=changed)

    assert done.returncode == 1
    assert "+  replicas: 5" in done.stdout


def test_mistake_in_a_manifest_is_named(kubectl: Kubectl) -> None:
    wrong = a_deployment()
    wrong["spec"]["replicaz"] = 3

    done = kubectl.attempt("apply", "-f", "-", stdin=json.dumps(wrong))

    assert done.returncode == 1
    assert 'unknown field "spec.replicaz"' in done.stderr


def test_delete_waits_until_it_is_gone(kubectl: Kubectl) -> None:
    ready(kubectl)
    name = kubectl("get", "pods", "-o", "name").split()[0]

    assert "deleted" in kubectl("delete", name, "--timeout=20s")
    assert kubectl.attempt("get", name).returncode == 1
    kubectl("delete", "deployment/web", "service/web", "--timeout=20s")
    eventually(lambda: not kubectl("get", "pods", "-o", "name").split())


def test_wait_sees_a_condition(kubectl: Kubectl) -> None:
    kubectl("run", "one", "--image=registry.practice/shop/cart:1.4")

    kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=20s")
    kubectl("delete", "pod/one", "--wait=false")
    kubectl("wait", "--for=delete", "pod/one", "--timeout=20s")


def test_events_are_listed(kubectl: Kubectl) -> None:
    ready(kubectl)

    assert "ScalingReplicaSet" in kubectl("events")
    assert "SuccessfulCreate" in kubectl("get", "events")


def test_node_is_cordoned_drained_and_taken_back(kubectl: Kubectl) -> None:
    ready(kubectl)
    node = field(kubectl, "pods", ".items[0].spec.nodeName")
    try:
        kubectl("cordon", node)
        assert "Ready,SchedulingDisabled" in kubectl("get", "node", node)
        # The node may run pods of other checks, which are on their way out of their namespaces.
        kubectl("label", "pods", "--all", f"check={kubectl.namespace}")
        chosen = f"--pod-selector=check={kubectl.namespace}"
        kubectl("drain", node, "--ignore-daemonsets", "--force", "--timeout=20s", chosen)
        eventually(
            lambda: (
                not kubectl(
                    "get", "pods", "-o", "name", f"--field-selector=spec.nodeName={node}"
                ).split()
            )
        )
    finally:
        kubectl("uncordon", node)
    kubectl("rollout", "status", "deployment/web", "--timeout=20s")


def test_taint_keeps_pods_away(kubectl: Kubectl) -> None:
    nodes = field(kubectl, "nodes", ".items[*].metadata.name").split()
    try:
        kubectl("taint", "node", *nodes[1:], "only=others:NoSchedule")
        ready(kubectl)
        assert set(field(kubectl, "pods", ".items[*].spec.nodeName").split()) == {nodes[0]}
    finally:
        kubectl("taint", "node", *nodes[1:], "only:NoSchedule-")


def test_api_is_described(kubectl: Kubectl) -> None:
    assert "deployments" in kubectl("api-resources")
    assert "apps/v1" in kubectl("api-versions")
    assert "Server Version: v1." in kubectl("version")
