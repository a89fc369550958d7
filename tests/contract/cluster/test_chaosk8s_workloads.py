"""chaosk8s on what makes pods: deployments, replica sets, stateful sets and daemon sets."""

from pathlib import Path

import pytest

from tests.contract.cluster.asking import Cluster, Object, a_deployment, eventually
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import (
    DAEMON_SETS,
    DEPLOYMENTS,
    NOWHERE,
    REPLICA_SETS,
    STATEFUL_SETS,
    a_file,
    gone,
    idle,
    running,
)

SCALE = "deployment.actions.scale_deployment"
ROLL_OUT = "deployment.actions.rollout_deployment"
UPDATE_DAEMON_SET = "daemonset.actions.update_daemon_set"
CREATING = {
    "deployment.actions.create_deployment": (DEPLOYMENTS, "Deployment"),
    "statefulset.actions.create_statefulset": (STATEFUL_SETS, "StatefulSet"),
    "daemonset.actions.create_daemon_set": (DAEMON_SETS, "DaemonSet"),
}
DELETING = {
    "deployment.actions.delete_deployment": (DEPLOYMENTS, "Deployment"),
    "statefulset.actions.remove_statefulset": (STATEFUL_SETS, "StatefulSet"),
    "daemonset.actions.delete_daemon_set": (DAEMON_SETS, "DaemonSet"),
    "replicaset.actions.delete_replica_set": (REPLICA_SETS, "ReplicaSet"),
}


@pytest.mark.parametrize("ending", ["json", "yaml", "yml"])
@pytest.mark.parametrize("function", CREATING)
def test_workload_is_created_from_a_file(
    cluster: Cluster, chaosk8s: Chaosk8s, tmp_path: Path, function: str, ending: str
) -> None:
    resource, kind = CREATING[function]
    path = a_file(tmp_path, idle(kind), f"web.{ending}")

    assert chaosk8s(function, spec_path=path, ns=cluster.namespace) is None

    assert cluster.names(resource) == ["web"]


@pytest.mark.parametrize("function", CREATING)
def test_workload_that_is_there_already_is_not_created(
    cluster: Cluster, chaosk8s: Chaosk8s, tmp_path: Path, function: str
) -> None:
    resource, kind = CREATING[function]
    path = a_file(tmp_path, idle(kind))
    cluster.create(resource, idle(kind))

    outcome = chaosk8s.attempt(function, spec_path=path, ns=cluster.namespace)

    plural = resource.rpartition("/")[2]
    core = rf'"{plural}.apps \"web\" already exists","reason":"AlreadyExists"'
    assert outcome.fails_with("ConflictException", "(409)", core), outcome


@pytest.mark.parametrize("function", CREATING)
def test_file_of_another_form_creates_nothing(
    cluster: Cluster, chaosk8s: Chaosk8s, tmp_path: Path, function: str
) -> None:
    resource, kind = CREATING[function]
    path = a_file(tmp_path, idle(kind), "web.txt")

    outcome = chaosk8s.attempt(function, spec_path=path, ns=cluster.namespace)

    assert outcome.fails_with("ActivityFailed", "cannot process", path), outcome
    assert cluster.names(resource) == []


@pytest.mark.parametrize("function", DELETING)
def test_workloads_are_deleted_by_name_by_label_or_all(
    cluster: Cluster, chaosk8s: Chaosk8s, function: str
) -> None:
    resource, kind = DELETING[function]
    ns = cluster.namespace
    for name in ("a", "b", "c", "d"):
        cluster.create(resource, idle(kind, name))

    assert chaosk8s(function, name="a", ns=ns) is None
    gone(cluster, resource, "a")
    chaosk8s(function, label_selector="app=b", ns=ns)
    gone(cluster, resource, "b")
    assert cluster.names(resource) == ["c", "d"]

    chaosk8s(function, ns=ns)
    eventually(lambda: cluster.names(resource) == [])


@pytest.mark.parametrize("function", DELETING)
def test_name_is_enough_whatever_the_label_selector_says(
    cluster: Cluster, chaosk8s: Chaosk8s, function: str
) -> None:
    resource, kind = DELETING[function]
    cluster.create(resource, idle(kind))

    chaosk8s(function, name="web", label_selector="app=other", ns=cluster.namespace)

    gone(cluster, resource, "web")


@pytest.mark.parametrize("function", DELETING)
def test_deleting_a_workload_that_is_not_there_succeeds(
    cluster: Cluster, chaosk8s: Chaosk8s, function: str
) -> None:
    assert chaosk8s(function, name="web", ns=cluster.namespace) is None


def test_deleted_deployment_takes_its_pods_along(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    running(cluster)

    chaosk8s("deployment.actions.delete_deployment", name="web", ns=cluster.namespace)

    eventually(lambda: cluster.names(REPLICA_SETS) == [] and cluster.names("pods") == [])


def test_deleted_replica_set_of_a_deployment_comes_back(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    running(cluster)
    (name,) = cluster.names(REPLICA_SETS)
    uid = cluster.get(REPLICA_SETS, name)["metadata"]["uid"]

    chaosk8s("replicaset.actions.delete_replica_set", name=name, ns=cluster.namespace)

    def look() -> bool:
        answer = cluster.send("GET", cluster.path(REPLICA_SETS, name))
        return answer.code == 200 and answer.body["metadata"]["uid"] != uid

    eventually(look)


@pytest.mark.parametrize(
    ("function", "resource", "kind"),
    [
        (SCALE, DEPLOYMENTS, "Deployment"),
        ("statefulset.actions.scale_statefulset", STATEFUL_SETS, "StatefulSet"),
    ],
)
def test_workload_is_scaled(
    cluster: Cluster, chaosk8s: Chaosk8s, function: str, resource: str, kind: str
) -> None:
    cluster.create(resource, idle(kind))

    assert chaosk8s(function, name="web", replicas=1, ns=cluster.namespace) is None

    eventually(lambda: cluster.get(resource, "web")["status"].get("readyReplicas") == 1)


@pytest.mark.parametrize(
    ("function", "resource"),
    [(SCALE, DEPLOYMENTS), ("statefulset.actions.scale_statefulset", STATEFUL_SETS)],
)
def test_workload_that_is_not_there_is_not_scaled(
    cluster: Cluster, chaosk8s: Chaosk8s, function: str, resource: str
) -> None:
    outcome = chaosk8s.attempt(function, name="web", replicas=1, ns=cluster.namespace)

    plural = resource.rpartition("/")[2]
    head = "failed to scale 'web' to 1 replicas: (404)"
    core = rf'"{plural}.apps \"web\" not found","reason":"NotFound"'
    assert outcome.fails_with("ActivityFailed", head, core), outcome


def test_negative_number_of_replicas_is_refused(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create(DEPLOYMENTS, idle("Deployment"))

    outcome = chaosk8s.attempt(SCALE, name="web", replicas=-1, ns=cluster.namespace)

    core = "spec.replicas: Invalid value: -1: must be greater than or equal to 0"
    assert outcome.fails_with("ActivityFailed", "(422)", core), outcome


def test_replicas_that_are_no_number_are_refused(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create(DEPLOYMENTS, idle("Deployment"))

    outcome = chaosk8s.attempt(SCALE, name="web", replicas="two", ns=cluster.namespace)

    core = r"patch: Invalid value: \"map[spec:map[replicas:two]]\": unrecognized type: int32"
    assert outcome.fails_with("ActivityFailed", "(422)", core), outcome


def test_rollout_makes_pods_of_a_new_template(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    running(cluster)

    assert chaosk8s(ROLL_OUT, name="web", ns=cluster.namespace) is None

    template = cluster.get(DEPLOYMENTS, "web")["spec"]["template"]
    said = template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
    # It is no time: it tells its offset twice.
    assert said.endswith("+00:00Z")
    eventually(lambda: len(cluster.names(REPLICA_SETS)) == 2)


def test_rollout_of_what_is_not_there_fails(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(ROLL_OUT, name="web", ns=cluster.namespace)

    head = "failed to rollout the deployment 'web'! Error: (404)"
    assert outcome.fails_with("ActivityFailed", head), outcome


def test_rollout_without_a_name_fails_before_it_asks(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(ROLL_OUT, ns=cluster.namespace)

    assert outcome.fails_with("ValidationError", "patch_namespaced_deployment"), outcome


def test_daemon_set_is_updated(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create(DAEMON_SETS, idle("DaemonSet"))
    change: Object = {"spec": {"minReadySeconds": 5}}

    assert chaosk8s(UPDATE_DAEMON_SET, name="web", spec=change, ns=cluster.namespace) is None

    spec = cluster.get(DAEMON_SETS, "web")["spec"]
    assert spec["minReadySeconds"] == 5
    assert spec["template"]["spec"]["nodeSelector"] == NOWHERE


def test_daemon_set_keeps_its_selector(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create(DAEMON_SETS, idle("DaemonSet"))
    change: Object = {"spec": {"selector": {"matchLabels": {"app": "web", "tier": "front"}}}}

    outcome = chaosk8s.attempt(UPDATE_DAEMON_SET, name="web", spec=change, ns=cluster.namespace)

    head = "failed to update daemon set 'web': (422)"
    assert outcome.fails_with("ActivityFailed", head, "`selector` does not match"), outcome


def test_daemon_set_that_is_not_there_is_not_updated(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(UPDATE_DAEMON_SET, name="web", spec={}, ns=cluster.namespace)

    assert outcome.fails_with("ActivityFailed", "failed to update daemon set 'web': (404)"), outcome


def test_invalid_deployment_is_refused_by_its_field(
    cluster: Cluster, chaosk8s: Chaosk8s, tmp_path: Path
) -> None:
    body = a_deployment()
    body["spec"]["selector"]["matchLabels"] = {"app": "other"}
    path = a_file(tmp_path, body)

    outcome = chaosk8s.attempt(
        "deployment.actions.create_deployment", spec_path=path, ns=cluster.namespace
    )

    core = "`selector` does not match template `labels`"
    assert outcome.fails_with("UnprocessableEntityException", "(422)", core), outcome
