"""What becomes of objects: deployments, replica sets, endpoints, owners, namespaces, budgets."""

from typing import Any

from tests.contract.cluster.asking import (
    MERGE,
    STRATEGIC,
    Cluster,
    a_deployment,
    a_pod,
    a_service,
    eventually,
)

DEPLOYMENTS = "apps/v1/deployments"
REPLICA_SETS = "apps/v1/replicasets"
SLICES = "discovery.k8s.io/v1/endpointslices"
BUDGETS = "policy/v1/poddisruptionbudgets"
REVISION = "deployment.kubernetes.io/revision"


def rolled_out(cluster: Cluster, name: str = "web") -> dict[str, Any]:
    """The deployment, once every pod is of its newest template and available."""

    def look() -> dict[str, Any] | None:
        found = cluster.get(DEPLOYMENTS, name)
        status, replicas = found["status"], found["spec"]["replicas"]
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        settled = status.get("observedGeneration") == found["metadata"]["generation"]
        done = all(status.get(key, 0) == replicas for key in counts)
        return found if settled and done else None

    return eventually(look)


def condition(obj: dict[str, Any], name: str) -> dict[str, Any]:
    """A condition in an object's status."""
    return next((c for c in obj["status"].get("conditions", []) if c["type"] == name), {})


def patch(cluster: Cluster, resource: str, name: str, body: Any) -> None:
    """A strategic merge patch, which must be accepted."""
    answer = cluster.send("PATCH", cluster.path(resource, name), body, kind=STRATEGIC)
    assert answer.code == 200, answer.body


def image(name: str) -> dict[str, Any]:
    """A patch that gives the deployment's container another image."""
    container = {"name": "main", "image": name}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def test_deployment_makes_its_pods(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment())

    found = rolled_out(cluster)

    assert condition(found, "Available")["status"] == "True"
    assert condition(found, "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert found["metadata"]["annotations"][REVISION] == "1"
    (name,) = cluster.names(REPLICA_SETS)
    replica_set = cluster.get(REPLICA_SETS, name)
    digest = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert name == f"web-{digest}"
    pods = cluster.names("pods", labelSelector=f"app=web,pod-template-hash={digest}")
    assert len(pods) == 3


def test_deleted_pod_is_replaced(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)
    before = cluster.names("pods")

    cluster.send("DELETE", cluster.path("pods", before[0]))
    eventually(lambda: before[0] not in cluster.names("pods"))
    rolled_out(cluster)

    after = cluster.names("pods")
    assert len(after) == 3
    assert set(before[1:]) < set(after)


def test_pods_are_spread_over_nodes(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)

    nodes = {cluster.get("pods", name)["spec"]["nodeName"] for name in cluster.names("pods")}

    assert len(nodes) == 3


def test_rolling_update_keeps_its_bounds(cluster: Cluster) -> None:
    strategy = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    cluster.create(DEPLOYMENTS, a_deployment(replicas=4, strategy=strategy))
    version = rolled_out(cluster)["metadata"]["resourceVersion"]

    patch(cluster, DEPLOYMENTS, "web", image("registry.practice/shop/catalog:1.5"))
    rolled_out(cluster)
    with cluster.watching(DEPLOYMENTS, resourceVersion=version, timeoutSeconds="1") as events:
        available = [event["object"]["status"].get("availableReplicas", 0) for event in events]
    sizes: dict[str, int] = {}
    totals = []
    with cluster.watching(REPLICA_SETS, resourceVersion=version, timeoutSeconds="1") as events:
        for event in events:
            sizes[event["object"]["metadata"]["name"]] = event["object"]["spec"]["replicas"]
            totals.append(sum(sizes.values()))

    assert min(available) >= 3
    assert max(totals) == 5


def test_rollback_takes_the_old_replica_set_up_again(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)
    (first,) = cluster.names(REPLICA_SETS)

    patch(cluster, DEPLOYMENTS, "web", image("registry.practice/shop/catalog:1.5"))
    rolled_out(cluster)
    patch(cluster, DEPLOYMENTS, "web", image("registry.practice/shop/catalog:1.4"))
    found = rolled_out(cluster)

    assert len(cluster.names(REPLICA_SETS)) == 2
    assert cluster.get(REPLICA_SETS, first)["spec"]["replicas"] == 3
    assert found["metadata"]["annotations"][REVISION] == "3"


def test_image_that_can_not_be_had_leaves_old_pods_serving(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)

    patch(cluster, DEPLOYMENTS, "web", image("registry.practice/shop/missing:1.0"))
    status = eventually(
        lambda: next(
            (
                status
                for status in [cluster.get(DEPLOYMENTS, "web")["status"]]
                if status.get("updatedReplicas") == 1 and status.get("unavailableReplicas") == 1
            ),
            None,
        )
    )

    assert status["availableReplicas"] == 3


def test_rollout_that_stands_still_is_reported(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(progressDeadlineSeconds=1))
    rolled_out(cluster)

    patch(cluster, DEPLOYMENTS, "web", image("registry.practice/shop/missing:1.0"))

    found = eventually(
        lambda: next(
            (
                c
                for c in [condition(cluster.get(DEPLOYMENTS, "web"), "Progressing")]
                if c.get("status") == "False"
            ),
            None,
        )
    )
    assert found["reason"] == "ProgressDeadlineExceeded"


def test_recreation_ends_all_old_pods_first(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=2, strategy={"type": "Recreate"}))
    version = rolled_out(cluster)["metadata"]["resourceVersion"]

    patch(cluster, DEPLOYMENTS, "web", image("registry.practice/shop/catalog:1.5"))
    eventually(lambda: cluster.get(DEPLOYMENTS, "web")["metadata"]["annotations"][REVISION] == "2")
    rolled_out(cluster)

    with cluster.watching(DEPLOYMENTS, resourceVersion=version, timeoutSeconds="1") as events:
        counts = [event["object"]["status"].get("replicas", 0) for event in events]
    assert 0 in counts
    assert max(counts) <= 2


def test_paused_deployment_does_not_roll(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)

    patch(cluster, DEPLOYMENTS, "web", {"spec": {"paused": True}})
    patch(cluster, DEPLOYMENTS, "web", image("registry.practice/shop/catalog:1.5"))
    eventually(
        lambda: (
            condition(cluster.get(DEPLOYMENTS, "web"), "Progressing")["reason"]
            == "DeploymentPaused"
        )
    )
    assert len(cluster.names(REPLICA_SETS)) == 1

    patch(cluster, DEPLOYMENTS, "web", {"spec": {"paused": False}})
    eventually(lambda: len(cluster.names(REPLICA_SETS)) == 2)
    rolled_out(cluster)


def test_scaling_is_no_new_revision(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=1))
    rolled_out(cluster)

    patch(cluster, DEPLOYMENTS, "web", {"spec": {"replicas": 4}})
    up = rolled_out(cluster)
    patch(cluster, DEPLOYMENTS, "web", {"spec": {"replicas": 0}})
    rolled_out(cluster)

    assert up["metadata"]["annotations"][REVISION] == "1"
    eventually(lambda: cluster.names("pods") == [])


def test_history_is_kept_within_its_limit(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=1, revisionHistoryLimit=1))
    for name in ("catalog:1.5", "catalog:1.6", "cart:1.4"):
        rolled_out(cluster)
        patch(cluster, DEPLOYMENTS, "web", image(f"registry.practice/shop/{name}"))
    rolled_out(cluster)

    eventually(lambda: len(cluster.names(REPLICA_SETS)) == 2)


def test_many_similar_events_become_one(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=0))
    for replicas in range(1, 13):
        patch(cluster, DEPLOYMENTS, "web", {"spec": {"replicas": replicas}})
        rolled_out(cluster)

    def combined() -> list[dict[str, Any]]:
        events = cluster.send("GET", cluster.path("events")).body["items"]
        return [
            event
            for event in events
            if event["reason"] == "ScalingReplicaSet"
            and event["message"].startswith("(combined from similar events): Scaled up")
        ]

    (event,) = eventually(combined)
    assert event["count"] >= 1


def test_controllers_leave_events(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=1))
    rolled_out(cluster)

    events = cluster.send("GET", cluster.path("events")).body["items"]

    found = {(event["involvedObject"]["kind"], event["reason"]): event for event in events}
    assert found["Deployment", "ScalingReplicaSet"]["message"].startswith("Scaled up replica set")
    assert found["ReplicaSet", "SuccessfulCreate"]["source"] == {
        "component": "replicaset-controller"
    }
    assert found["Pod", "Scheduled"]["message"].startswith(
        f"Successfully assigned {cluster.namespace}/"
    )


def test_replica_set_adopts_and_releases_by_labels(cluster: Cluster) -> None:
    cluster.create("pods", a_pod("web"))
    body = a_deployment("web", replicas=2)
    replica_set = {
        "metadata": {"name": "web"},
        "spec": {key: body["spec"][key] for key in ("replicas", "selector", "template")},
    }
    cluster.create(REPLICA_SETS, replica_set)

    eventually(lambda: cluster.get("pods", "web")["metadata"].get("ownerReferences"))
    eventually(lambda: len(cluster.names("pods", labelSelector="app=web")) == 2)

    patch(cluster, "pods", "web", {"metadata": {"labels": {"app": "other"}}})
    eventually(lambda: not cluster.get("pods", "web")["metadata"].get("ownerReferences"))
    eventually(lambda: len(cluster.names("pods", labelSelector="app=web")) == 2)


def test_pod_that_fits_nowhere_says_why(cluster: Cluster) -> None:
    cluster.create("pods", a_pod(nodeSelector={"no": "such-node"}))

    found = eventually(lambda: condition(cluster.get("pods", "one"), "PodScheduled"))

    assert (found["status"], found["reason"]) == ("False", "Unschedulable")
    assert "didn't match Pod's node affinity/selector" in found["message"]
    eventually(lambda: cluster.names("events", fieldSelector="reason=FailedScheduling"))


def test_pod_that_asks_for_too_much_waits(cluster: Cluster) -> None:
    resources = {"requests": {"cpu": "5000"}}
    container = {"name": "main", "image": "registry.practice/a:1", "resources": resources}
    cluster.create("pods", a_pod(containers=[container]))

    found = eventually(lambda: condition(cluster.get("pods", "one"), "PodScheduled"))

    assert "Insufficient cpu" in found["message"]


def ready_addresses(cluster: Cluster, service: str = "web") -> set[str]:
    """The addresses that traffic to a service goes to."""
    selector = f"kubernetes.io/service-name={service}"
    slices = cluster.send("GET", cluster.path(SLICES), labelSelector=selector).body["items"]
    return {
        address
        for item in slices
        for endpoint in item["endpoints"] or []
        if endpoint["conditions"]["ready"]
        for address in endpoint["addresses"]
    }


def test_endpoints_follow_the_pods(cluster: Cluster) -> None:
    cluster.create("services", a_service())
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)
    eventually(lambda: len(ready_addresses(cluster)) == 3)

    patch(cluster, DEPLOYMENTS, "web", {"spec": {"replicas": 1}})
    eventually(lambda: len(ready_addresses(cluster)) == 1)

    eventually(lambda: len(cluster.names("pods")) == 1)
    (name,) = cluster.names("pods")
    assert ready_addresses(cluster) == {cluster.get("pods", name)["status"]["podIP"]}
    subsets = cluster.get("endpoints", "web")["subsets"]
    assert subsets[0]["ports"] == [{"port": 8080, "protocol": "TCP"}]


def test_broken_selector_empties_the_endpoints(cluster: Cluster) -> None:
    cluster.create("services", a_service())
    cluster.create(DEPLOYMENTS, a_deployment())
    eventually(lambda: len(ready_addresses(cluster)) == 3)

    patch(cluster, "services", "web", {"spec": {"selector": {"app": "nobody"}}})
    eventually(lambda: not ready_addresses(cluster))
    patch(cluster, "services", "web", {"spec": {"selector": {"app": "web"}}})
    eventually(lambda: len(ready_addresses(cluster)) == 3)


def test_slice_without_endpoints_says_null(cluster: Cluster) -> None:
    cluster.create("services", a_service())

    (item,) = eventually(lambda: cluster.send("GET", cluster.path(SLICES)).body["items"])

    assert (item["endpoints"], item["ports"]) == (None, None)


def test_pods_carry_the_place_of_their_node(cluster: Cluster) -> None:
    cluster.create("pods", a_pod())
    node = eventually(lambda: cluster.get("pods", "one")["spec"].get("nodeName"))

    labels = cluster.get("pods", "one")["metadata"]["labels"]
    place = cluster.send("GET", f"/api/v1/nodes/{node}").body["metadata"]["labels"]
    zone = "topology.kubernetes.io/zone"
    assert labels.get(zone) == place.get(zone)


def test_pods_on_their_way_out_are_counted(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=1))

    found = rolled_out(cluster)

    assert found["status"]["terminatingReplicas"] == 0


def test_named_target_port_is_looked_up_in_the_pod(cluster: Cluster) -> None:
    container = {
        "name": "main",
        "image": "registry.practice/shop/catalog:1.4",
        "ports": [{"name": "http", "containerPort": 9090}],
    }
    cluster.create("services", a_service("one", ports=[{"port": 80, "targetPort": "http"}]))
    cluster.create("pods", a_pod(containers=[container]))
    eventually(lambda: ready_addresses(cluster, "one"))

    (item,) = cluster.send("GET", cluster.path(SLICES)).body["items"]

    assert item["ports"] == [{"name": "", "port": 9090, "protocol": "TCP"}]


def test_owned_objects_go_with_their_owner(cluster: Cluster) -> None:
    cluster.create("services", a_service())
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)

    cluster.send("DELETE", cluster.path(DEPLOYMENTS, "web"))
    cluster.send("DELETE", cluster.path("services", "web"))

    eventually(lambda: cluster.names(REPLICA_SETS) == [])
    eventually(lambda: cluster.names("pods") == [])
    eventually(lambda: cluster.names(SLICES) == [])
    eventually(lambda: cluster.names("endpoints") == [])


def test_deletion_in_the_foreground_waits_for_the_owned(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)
    for name in cluster.names("pods"):
        body = {"metadata": {"finalizers": ["example.com/wait"]}}
        patch(cluster, "pods", name, body)

    cluster.send("DELETE", cluster.path(DEPLOYMENTS, "web"), propagationPolicy="Foreground")

    held = cluster.get(DEPLOYMENTS, "web")["metadata"]
    assert held["finalizers"] == ["foregroundDeletion"]
    eventually(
        lambda: all(
            "deletionTimestamp" in cluster.get("pods", name)["metadata"]
            for name in cluster.names("pods")
        )
    )
    assert cluster.names(DEPLOYMENTS) == ["web"]
    for name in cluster.names("pods"):
        free = {"metadata": {"finalizers": None}}
        cluster.send("PATCH", cluster.path("pods", name), free, kind=MERGE)
    eventually(lambda: cluster.names(DEPLOYMENTS) == [])


def test_orphans_live_on(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)

    cluster.send("DELETE", cluster.path(DEPLOYMENTS, "web"), {"propagationPolicy": "Orphan"})
    eventually(lambda: cluster.names(DEPLOYMENTS) == [])

    (name,) = cluster.names(REPLICA_SETS)
    assert not cluster.get(REPLICA_SETS, name)["metadata"].get("ownerReferences")
    assert len(cluster.names("pods")) == 3


def test_deleted_namespace_is_emptied_and_takes_nothing_new(cluster: Cluster) -> None:
    metadata = {"name": "held", "finalizers": ["example.com/wait"]}
    cluster.create("configmaps", {"metadata": metadata})
    cluster.create(DEPLOYMENTS, a_deployment())
    rolled_out(cluster)
    space = f"/api/v1/namespaces/{cluster.namespace}"

    gone = cluster.send("DELETE", space)
    refused = cluster.send("POST", cluster.path("configmaps"), {"metadata": {"name": "late"}})

    assert gone.body["status"]["phase"] == "Terminating"
    assert (refused.code, refused.body["reason"]) == (403, "Forbidden")
    assert "because it is being terminated" in refused.body["message"]
    eventually(lambda: cluster.names("pods") == [])
    assert cluster.send("GET", space).code == 200
    body = {"metadata": {"finalizers": None}}
    cluster.send("PATCH", cluster.path("configmaps", "held"), body, kind=MERGE)
    eventually(lambda: cluster.send("GET", space).code == 404)


def budgeted(cluster: Cluster, least: int) -> str:
    """A deployment of three with a budget; the name of one of its pods."""
    cluster.create(DEPLOYMENTS, a_deployment())
    spec = {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}}
    cluster.create(BUDGETS, {"metadata": {"name": "web"}, "spec": spec})
    rolled_out(cluster)
    eventually(lambda: cluster.get(BUDGETS, "web")["status"].get("currentHealthy") == 3)
    return cluster.names("pods")[0]


def evict(cluster: Cluster, pod: str) -> Any:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    return cluster.send("POST", cluster.path("pods", pod, "eviction"), body)


def test_budget_forbids_an_eviction(cluster: Cluster) -> None:
    pod = budgeted(cluster, least=3)

    refused = evict(cluster, pod)

    assert (refused.code, refused.body["reason"]) == (429, "TooManyRequests")
    assert refused.body["message"] == (
        "Cannot evict pod as it would violate the pod's disruption budget."
    )
    assert refused.body["details"]["causes"] == [
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget web needs 3 healthy pods and has 3 currently",
        }
    ]
    assert pod in cluster.names("pods")


def test_budget_allows_an_eviction_that_it_covers(cluster: Cluster) -> None:
    pod = budgeted(cluster, least=2)

    assert evict(cluster, pod).code == 201

    eventually(lambda: pod not in cluster.names("pods"))
    rolled_out(cluster)
    eventually(lambda: cluster.get(BUDGETS, "web")["status"]["disruptionsAllowed"] == 1)
