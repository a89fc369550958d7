"""How much a namespace may hold: quotas, limit ranges, priorities."""

from typing import Any

from tests.contract.cluster.asking import Cluster, Kubectl, a_deployment, eventually

QUOTAS = "resourcequotas"
LIMITS = "limitranges"
PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"


def a_pod(name: str = "one", *, requests: Any = None, limits: Any = None) -> dict[str, Any]:
    """A pod that no scheduler takes up."""
    resources = {"requests": requests or {}, "limits": limits or {}}
    container = {"name": "main", "image": "registry.practice/a:1", "resources": resources}
    spec = {"schedulerName": "nobody", "containers": [container]}
    return {"metadata": {"name": name}, "spec": spec}


def with_quota(cluster: Cluster, **hard: str) -> None:
    """Give the namespace a quota, and wait until it counts."""
    named = {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}
    cluster.create(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": named}})
    eventually(lambda: cluster.get(QUOTAS, "q")["status"].get("hard") == named)


def used(cluster: Cluster) -> dict[str, str]:
    """What of the quota is used."""
    found: dict[str, str] = cluster.get(QUOTAS, "q")["status"]["used"]
    return found


def refused(cluster: Cluster, resource: str, body: Any, **query: str) -> str:
    """Why an object is forbidden."""
    answer = cluster.send("POST", cluster.path(resource), body, **query)
    assert answer.code == 403, answer.body
    assert answer.body["reason"] == "Forbidden"
    return str(answer.body["message"])


def test_quota_counts_what_it_names(cluster: Cluster) -> None:
    eventually(lambda: cluster.names("configmaps"))
    with_quota(cluster, configmaps="9", pods="3", requests_cpu="1", limits_memory="1Gi")

    # Every namespace has a config map with the authority's certificate.
    assert used(cluster) == {
        "configmaps": "1", "pods": "0", "requests.cpu": "0", "limits.memory": "0",
    }  # fmt: skip


def test_quota_pays_for_pods(cluster: Cluster) -> None:
    with_quota(cluster, pods="3", requests_cpu="1", limits_memory="1Gi")

    cluster.create("pods", a_pod(requests={"cpu": "300m"}, limits={"memory": "64Mi"}))

    assert used(cluster) == {"pods": "1", "requests.cpu": "300m", "limits.memory": "64Mi"}


def test_quota_is_not_exceeded(cluster: Cluster) -> None:
    with_quota(cluster, pods="1")
    cluster.create("pods", a_pod("a"))

    assert refused(cluster, "pods", a_pod("b")) == (
        'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    )


def test_quota_forbids_in_a_dry_run_too(cluster: Cluster) -> None:
    with_quota(cluster, secrets="0")

    assert "exceeded quota: q" in refused(
        cluster, "secrets", {"metadata": {"name": "s"}}, dryRun="All"
    )


def test_quota_counts_any_kind(cluster: Cluster) -> None:
    with_quota(cluster, count__deployments_apps="1")
    cluster.create("apps/v1/deployments", a_deployment("a", replicas=0))

    assert refused(cluster, "apps/v1/deployments", a_deployment("b", replicas=0)) == (
        'deployments.apps "b" is forbidden: exceeded quota: q, requested: '
        "count/deployments.apps=1, used: count/deployments.apps=1, limited: "
        "count/deployments.apps=1"
    )


def test_quota_on_cpu_wants_pods_to_say_what_they_take(cluster: Cluster) -> None:
    with_quota(cluster, requests_cpu="1", limits_memory="1Gi")

    assert refused(cluster, "pods", a_pod()) == (
        'pods "one" is forbidden: failed quota: q: must specify limits.memory for: main; '
        "requests.cpu for: main"
    )


def test_quota_gets_back_what_is_deleted(cluster: Cluster) -> None:
    with_quota(cluster, pods="1")
    cluster.create("pods", a_pod())

    cluster.send("DELETE", cluster.path("pods", "one"))

    assert eventually(lambda: used(cluster) == {"pods": "0"})


def test_quota_holds_for_controllers(cluster: Cluster) -> None:
    with_quota(cluster, pods="1")
    cluster.create("apps/v1/deployments", a_deployment(replicas=2))

    def failure() -> str:
        items = cluster.send("GET", cluster.path("apps/v1/replicasets")).body["items"]
        conditions = items[0]["status"].get("conditions", []) if items else []
        return next((c["message"] for c in conditions if c["type"] == "ReplicaFailure"), "")

    assert "exceeded quota: q" in eventually(failure)
    assert len(cluster.names("pods")) == 1


def test_limit_range_is_filled_in(cluster: Cluster) -> None:
    limit = {"type": "Container", "max": {"memory": "1Gi"}, "default": {"cpu": "500m"}}
    body = {"metadata": {"name": "l"}, "spec": {"limits": [limit]}}

    (found,) = cluster.create(LIMITS, body)["spec"]["limits"]

    assert found["default"] == found["defaultRequest"] == {"cpu": "500m", "memory": "1Gi"}


def with_limits(cluster: Cluster, **limit: Any) -> None:
    """Give the namespace limits for containers, and wait until they hold."""
    entry = {"type": "Container", **limit}
    cluster.create(LIMITS, {"metadata": {"name": "l"}, "spec": {"limits": [entry]}})

    def holds() -> bool:
        answer = cluster.send("POST", cluster.path("pods"), a_pod("probe"), dryRun="All")
        return answer.code == 403 or "annotations" in answer.body["metadata"]

    eventually(holds)


def test_containers_get_what_the_limit_range_says(cluster: Cluster) -> None:
    with_limits(cluster, default={"cpu": "500m"}, defaultRequest={"cpu": "100m"})

    pod = cluster.create("pods", a_pod())

    resources = pod["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}}
    assert pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu request for container main; cpu limit for container main"
    )
    assert pod["status"]["qosClass"] == "Burstable"


def test_containers_stay_within_the_limit_range(cluster: Cluster) -> None:
    with_limits(cluster, max={"cpu": "1"}, min={"cpu": "50m"}, defaultRequest={"cpu": "50m"})

    assert refused(cluster, "pods", a_pod(limits={"cpu": "2"})) == (
        'pods "one" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
    )
    assert "minimum cpu usage per Container is 50m, but request is 10m" in refused(
        cluster, "pods", a_pod(requests={"cpu": "10m"})
    )


def test_pods_get_the_priority_of_their_class(cluster: Cluster) -> None:
    name = cluster.namespace
    answer = cluster.send("POST", PRIORITIES, {"metadata": {"name": name}, "value": 77})
    assert answer.code == 201, answer.body
    body = a_pod()
    body["spec"]["priorityClassName"] = name

    spec = cluster.create("pods", body)["spec"]
    cluster.send("DELETE", f"{PRIORITIES}/{name}")

    assert (spec["priority"], spec["preemptionPolicy"]) == (77, "PreemptLowerPriority")


def test_unknown_priority_class_is_refused(cluster: Cluster) -> None:
    body = a_pod()
    body["spec"]["priorityClassName"] = "none-such"

    why = refused(cluster, "pods", body)

    assert why == 'pods "one" is forbidden: no PriorityClass with name none-such was found'


def test_system_priorities_are_there_and_reserved(cluster: Cluster) -> None:
    names = cluster.send("GET", PRIORITIES).body["items"]
    assert {"system-cluster-critical", "system-node-critical"} <= {
        item["metadata"]["name"] for item in names
    }

    answer = cluster.send("POST", PRIORITIES, {"metadata": {"name": "system-mine"}, "value": 1})

    assert answer.code == 422
    assert "reserved for system use only" in answer.body["message"]


def test_kubectl_knows_quotas(cluster: Cluster, kubectl: Kubectl) -> None:
    kubectl("create", "quota", "q", "--hard=pods=2")
    eventually(lambda: cluster.get(QUOTAS, "q")["status"].get("used"))

    assert "pods: 0/2" in kubectl("get", "quota")
    assert "Used" in kubectl("describe", "quota", "q")
    assert "2" in kubectl("describe", "namespace", cluster.namespace)
