"""Kinds that are stored and read, and acted upon little or not at all; and questions of access."""

from typing import Any

import pytest

from tests.contract.cluster.asking import MERGE, Cluster, Kubectl, eventually

POLICIES = "networking.k8s.io/v1/networkpolicies"
INGRESSES = "networking.k8s.io/v1/ingresses"
AUTOSCALERS = "autoscaling/v2/horizontalpodautoscalers"
ROLES = "rbac.authorization.k8s.io/v1/roles"
BINDINGS = "rbac.authorization.k8s.io/v1/rolebindings"
CLAIMS = "persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
REVIEWS = "/apis/authorization.k8s.io/v1"


def named(**body: Any) -> dict[str, Any]:
    """An object called `a`."""
    return {"metadata": {"name": "a"}, **body}


def a_claim(**spec: Any) -> dict[str, Any]:
    """A claim on a volume."""
    wanted = {"requests": {"storage": "1Gi"}}
    return named(spec={"accessModes": ["ReadWriteOnce"], "resources": wanted, **spec})


def refused(cluster: Cluster, resource: str, body: dict[str, Any]) -> str:
    """What is wrong with an object, which must be refused."""
    answer = cluster.send("POST", cluster.path(resource), body)
    assert answer.code == 422, answer.body
    return str(answer.body["message"])


def test_autoscaler_is_filled_in(cluster: Cluster) -> None:
    target = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
    body = named(spec={"maxReplicas": 3, "scaleTargetRef": target})

    spec = cluster.create(AUTOSCALERS, body)["spec"]

    assert spec["minReplicas"] == 1
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 80


def test_unfit_autoscalers_are_refused(cluster: Cluster) -> None:
    target = {"kind": "Deployment", "name": "web"}

    # Kubernetes 1.37 says no more than that a value is required.
    why = "" if cluster.since(37) else ": must be set and greater than 0"
    assert f"spec.maxReplicas: Required value{why}" in refused(
        cluster, AUTOSCALERS, named(spec={"scaleTargetRef": target})
    )
    assert "must be greater than or equal to `minReplicas`" in refused(
        cluster,
        AUTOSCALERS,
        named(spec={"scaleTargetRef": target, "maxReplicas": 1, "minReplicas": 2}),
    )


def test_network_policy_is_filled_in(cluster: Cluster) -> None:
    rule = {"ports": [{"port": 80}]}
    body = named(spec={"podSelector": {}, "ingress": [rule], "egress": [{}]})

    spec = cluster.create(POLICIES, body)["spec"]

    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"][0]["ports"] == [{"port": 80, "protocol": "TCP"}]


def test_network_policy_without_egress_is_about_ingress(cluster: Cluster) -> None:
    spec = cluster.create(POLICIES, named(spec={"podSelector": {}}))["spec"]

    assert spec["policyTypes"] == ["Ingress"]


def test_ingress_is_kept(cluster: Cluster) -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    rule = {"host": "shop.example.com", "http": {"paths": [path]}}

    found = cluster.create(INGRESSES, named(spec={"rules": [rule]}))

    assert found["spec"]["rules"] == [rule]
    assert found["status"] == {"loadBalancer": {}}


def test_unfit_ingresses_are_refused(cluster: Cluster) -> None:
    assert "either `defaultBackend` or `rules` must be specified" in refused(
        cluster, INGRESSES, named(spec={})
    )
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    path = {"path": "here", "pathType": "Prefix", "backend": backend}
    assert "must be an absolute path" in refused(
        cluster, INGRESSES, named(spec={"rules": [{"http": {"paths": [path]}}]})
    )


def test_roles_and_bindings_are_kept(cluster: Cluster) -> None:
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    assert cluster.create(ROLES, named(rules=[rule]))["rules"] == [rule]
    account = {"kind": "ServiceAccount", "name": "default", "namespace": cluster.namespace}
    subjects = [{"kind": "User", "name": "u"}, account]

    found = cluster.create(
        BINDINGS, named(roleRef={"kind": "Role", "name": "a"}, subjects=subjects)
    )

    group = "rbac.authorization.k8s.io"
    assert found["roleRef"] == {"apiGroup": group, "kind": "Role", "name": "a"}
    assert found["subjects"][0]["apiGroup"] == group
    assert "apiGroup" not in found["subjects"][1]


def test_unfit_roles_are_refused(cluster: Cluster) -> None:
    # Kubernetes 1.37 says no more than that a value is required.
    why = "" if cluster.since(37) else ": verbs must contain at least one value"
    assert f"rules[0].verbs: Required value{why}" in refused(
        cluster, ROLES, named(rules=[{"apiGroups": [""], "resources": ["pods"]}])
    )
    assert "namespaced rules cannot apply to non-resource URLs" in refused(
        cluster, ROLES, named(rules=[{"nonResourceURLs": ["/x"], "verbs": ["get"]}])
    )


def test_role_of_a_binding_is_fixed(cluster: Cluster) -> None:
    cluster.create(BINDINGS, named(roleRef={"kind": "Role", "name": "a"}))

    body = {"roleRef": {"name": "b"}}
    answer = cluster.send("PATCH", cluster.path(BINDINGS, "a"), body, kind=MERGE)

    assert answer.code == 422
    why = "field is immutable" if cluster.since(37) else "cannot change roleRef"
    assert why in answer.body["message"]


def test_claim_waits_for_a_volume(cluster: Cluster) -> None:
    claim = cluster.create(CLAIMS, a_claim(storageClassName="none-such"))

    assert claim["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert claim["status"] == {"phase": "Pending"}
    assert claim["spec"]["volumeMode"] == "Filesystem"


def test_unfit_claims_are_refused(cluster: Cluster) -> None:
    assert "spec.accessModes: Required value: at least 1 access mode is required" in refused(
        cluster, CLAIMS, a_claim(accessModes=[])
    )
    assert "spec.resources[storage]: Required value" in refused(
        cluster, CLAIMS, a_claim(resources={})
    )


def test_claim_gets_the_volume_that_fits(cluster: Cluster) -> None:
    kind = cluster.namespace
    spec = {
        "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/x"}, "storageClassName": kind,
    }  # fmt: skip
    answer = cluster.send("POST", VOLUMES, {"metadata": {"name": kind}, "spec": spec})
    assert answer.code == 201, answer.body
    cluster.create(CLAIMS, a_claim(storageClassName=kind))

    eventually(lambda: cluster.get(CLAIMS, "a")["status"]["phase"] == "Bound")

    claim = cluster.get(CLAIMS, "a")
    assert claim["spec"]["volumeName"] == kind
    assert claim["status"]["capacity"] == {"storage": "2Gi"}
    volume = cluster.send("GET", f"{VOLUMES}/{kind}").body
    assert volume["spec"]["claimRef"]["name"] == "a"
    assert volume["status"]["phase"] == "Bound"
    cluster.send("DELETE", cluster.path(CLAIMS, "a"))
    gone = f"{VOLUMES}/{kind}"
    eventually(lambda: cluster.send("GET", gone).body["status"]["phase"] == "Released")
    cluster.send("DELETE", gone)
    assert eventually(lambda: cluster.send("GET", gone).code == 404)


@pytest.mark.parametrize("name", ["selfsubjectaccessreviews", "selfsubjectrulesreviews"])
def test_reviews_are_answered_and_not_stored(cluster: Cluster, name: str) -> None:
    spec = {"namespace": cluster.namespace} if "rules" in name else {
        "resourceAttributes": {"verb": "get", "resource": "pods"}
    }  # fmt: skip

    answer = cluster.send("POST", f"{REVIEWS}/{name}", {"spec": spec})

    assert answer.code == 201
    assert answer.body["status"]
    assert "name" not in answer.body["metadata"]
    assert cluster.send("GET", f"{REVIEWS}/{name}").code == 405


def test_kubectl_can_ask_what_is_allowed(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "create", "pods").strip() == "yes"
    assert "*.*" in kubectl("auth", "can-i", "--list")
    assert "Username" in kubectl("auth", "whoami")


def test_kubectl_makes_stored_kinds(cluster: Cluster, kubectl: Kubectl) -> None:
    kubectl("create", "role", "r", "--verb=get", "--resource=pods")
    kubectl("create", "rolebinding", "b", "--role=r", "--serviceaccount=default:default")
    kubectl("create", "ingress", "i", "--rule=shop.example.com/=web:80")
    cluster.create(CLAIMS, a_claim(storageClassName="none-such"))

    assert "Role/r" in kubectl("get", "rolebindings")
    assert "shop.example.com" in kubectl("get", "ingress")
    assert "Pending" in kubectl("get", "pvc")
    for kind in ("role/r", "rolebinding/b", "ingress/i", "pvc/a"):
        assert "Name:" in kubectl("describe", kind)


def test_kubectl_explains_kinds(kubectl: Kubectl) -> None:
    assert "replicas\t<integer>" in kubectl("explain", "deployment.spec")
    assert "containers\t<[]Container>" in kubectl("explain", "pod.spec")
    assert "updateStrategy" in kubectl("explain", "statefulset.spec")


def test_schemas_name_the_kinds_that_they_are_of(cluster: Cluster) -> None:
    document = cluster.send("GET", "/openapi/v3/apis/apps/v1").body

    schema = document["components"]["schemas"]["io.k8s.api.apps.v1.StatefulSet"]
    named = {"group": "apps", "kind": "StatefulSet", "version": "v1"}
    assert schema["x-kubernetes-group-version-kind"] == [named]
    assert set(schema["properties"]) == {"apiVersion", "kind", "metadata", "spec", "status"}
