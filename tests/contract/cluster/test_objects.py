"""Objects over HTTP: what each verb answers, and what it refuses."""

from tests.contract.cluster.asking import (
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    Cluster,
    Object,
    a_deployment,
    a_pod,
    a_service,
    eventually,
)

CONFIG = {"metadata": {"name": "settings"}, "data": {"a": "1"}}
DEPLOYMENTS = "apps/v1/deployments"


def test_created_object_has_what_only_the_server_knows(cluster: Cluster) -> None:
    made = cluster.create("configmaps", CONFIG)

    metadata = made["metadata"]
    assert made["kind"] == "ConfigMap"
    assert metadata["namespace"] == cluster.namespace
    assert {"uid", "resourceVersion", "creationTimestamp"} <= metadata.keys()


def test_generated_names_differ(cluster: Cluster) -> None:
    names = {
        cluster.create("configmaps", {"metadata": {"generateName": "part-"}})["metadata"]["name"]
        for _ in range(3)
    }

    assert len(names) == 3
    assert all(name.startswith("part-") and len(name) == len("part-") + 5 for name in names)


def test_name_that_is_taken_is_a_conflict(cluster: Cluster) -> None:
    cluster.create("configmaps", CONFIG)

    again = cluster.send("POST", cluster.path("configmaps"), CONFIG)

    assert (again.code, again.body["reason"]) == (409, "AlreadyExists")
    assert again.body["message"] == 'configmaps "settings" already exists'
    assert again.body["details"] == {"name": "settings", "kind": "configmaps"}


def test_missing_object_is_named_with_its_group(cluster: Cluster) -> None:
    answer = cluster.send("GET", cluster.path(DEPLOYMENTS, "nope"))

    assert (answer.code, answer.body["reason"]) == (404, "NotFound")
    assert answer.body["message"] == 'deployments.apps "nope" not found'
    assert answer.body["details"] == {"name": "nope", "group": "apps", "kind": "deployments"}


def test_create_in_a_namespace_that_is_not_there_is_refused(cluster: Cluster) -> None:
    answer = cluster.send("POST", "/api/v1/namespaces/nowhere-at-all/configmaps", CONFIG)

    assert answer.code == 404
    assert answer.body["message"] == 'namespaces "nowhere-at-all" not found'


def test_update_with_an_old_version_is_a_conflict(cluster: Cluster) -> None:
    first = cluster.create("configmaps", CONFIG)
    cluster.send("PUT", cluster.path("configmaps", "settings"), {**first, "data": {"a": "2"}})

    late = cluster.send("PUT", cluster.path("configmaps", "settings"), {**first, "data": {}})

    assert (late.code, late.body["reason"]) == (409, "Conflict")
    assert late.body["message"].startswith(
        'Operation cannot be fulfilled on configmaps "settings": the object has been modified'
    )


def is_rolled_out(deployment: Object) -> bool:
    """Whether the last thing that is said of a rollout has been said."""
    conditions = deployment["status"].get("conditions", [])
    return any(entry["reason"] == "NewReplicaSetAvailable" for entry in conditions)


def test_write_that_changes_nothing_keeps_the_version(cluster: Cluster) -> None:
    made = cluster.create(DEPLOYMENTS, a_deployment(replicas=0))
    settled = eventually(
        lambda: next((d for d in [cluster.get(DEPLOYMENTS, "web")] if is_rolled_out(d)), None)
    )

    same = cluster.send(
        "PATCH", cluster.path(DEPLOYMENTS, "web"), {"spec": {"replicas": 0}}, kind=MERGE
    )

    assert same.body["metadata"]["resourceVersion"] == settled["metadata"]["resourceVersion"]
    assert same.body["metadata"]["generation"] == made["metadata"]["generation"] == 1


def test_generation_counts_changes_of_the_spec_only(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=0))
    path = cluster.path(DEPLOYMENTS, "web")

    labelled = cluster.send("PATCH", path, {"metadata": {"labels": {"x": "y"}}}, kind=MERGE)
    scaled = cluster.send("PATCH", path, {"spec": {"replicas": 1}}, kind=MERGE)

    assert labelled.body["metadata"]["generation"] == 1
    assert scaled.body["metadata"]["generation"] == 2


def test_status_and_spec_are_written_separately(cluster: Cluster) -> None:
    cluster.create("pods", a_pod(nodeName="nowhere"))
    path = cluster.path("pods", "one")

    cluster.send("PATCH", path, {"status": {"phase": "Failed"}}, kind=MERGE)
    assert cluster.get("pods", "one")["status"]["phase"] == "Pending"

    body = {"status": {"phase": "Failed"}, "spec": {"nodeName": "elsewhere"}}
    changed = cluster.send("PATCH", f"{path}/status", body, kind=MERGE)
    assert changed.body["status"]["phase"] == "Failed"
    assert changed.body["spec"]["nodeName"] == "nowhere"


def test_defaults_are_filled_in(cluster: Cluster) -> None:
    spec = cluster.create(DEPLOYMENTS, a_deployment())["spec"]
    service = cluster.create("services", a_service())["spec"]

    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    container = spec["template"]["spec"]["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    assert (service["type"], service["sessionAffinity"]) == ("ClusterIP", "None")
    assert service["clusterIPs"] == [service["clusterIP"]]


def test_pod_gets_its_service_account_and_token(cluster: Cluster) -> None:
    spec = cluster.create("pods", a_pod())["spec"]

    mounts = spec["containers"][0]["volumeMounts"]
    assert spec["serviceAccountName"] == "default"
    assert mounts[0]["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert [volume["name"] for volume in spec["volumes"]] == [mounts[0]["name"]]
    assert {item["key"] for item in spec["tolerations"]} == {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    }


def test_strategic_patch_merges_containers_by_name(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=0))
    containers = [
        {"name": "main", "env": [{"name": "A", "value": "1"}]},
        {"name": "b", "image": "b:1"},
    ]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}

    answer = cluster.send("PATCH", cluster.path(DEPLOYMENTS, "web"), patch, kind=STRATEGIC)

    found = answer.body["spec"]["template"]["spec"]["containers"]
    by_name = {container["name"]: container for container in found}
    assert by_name["main"]["image"] == "registry.practice/shop/catalog:1.4"
    assert by_name["main"]["env"] == [{"name": "A", "value": "1"}]
    assert by_name["b"]["image"] == "b:1"


def test_strategic_patch_deletes_by_directive_and_by_null(cluster: Cluster) -> None:
    cluster.create(
        "configmaps", {"metadata": {"name": "c", "labels": {"x": "y"}}, "data": {"a": "1"}}
    )
    cluster.create(
        "services", a_service(ports=[{"name": "a", "port": 80}, {"name": "b", "port": 81}])
    )

    config = cluster.send(
        "PATCH", cluster.path("configmaps", "c"), {"data": {"a": None}}, kind=STRATEGIC
    )
    service = cluster.send(
        "PATCH", cluster.path("services", "web"),
        {"spec": {"ports": [{"port": 81, "$patch": "delete"}]}}, kind=STRATEGIC,
    )  # fmt: skip

    assert "data" not in config.body or not config.body["data"]
    assert [port["port"] for port in service.body["spec"]["ports"]] == [80]


def test_merge_patch_replaces_lists(cluster: Cluster) -> None:
    cluster.create(
        "services", a_service(ports=[{"name": "a", "port": 80}, {"name": "b", "port": 81}])
    )
    patch = {"spec": {"ports": [{"name": "c", "port": 90}]}}

    answer = cluster.send("PATCH", cluster.path("services", "web"), patch, kind=MERGE)

    assert [port["port"] for port in answer.body["spec"]["ports"]] == [90]


def test_json_patch_tests_before_it_writes(cluster: Cluster) -> None:
    cluster.create("configmaps", CONFIG)
    path = cluster.path("configmaps", "settings")
    test = {"op": "test", "path": "/data/a", "value": "1"}
    replace = {"op": "replace", "path": "/data/a", "value": "2"}

    done = cluster.send("PATCH", path, [test, replace], kind=JSON_PATCH)
    refused = cluster.send("PATCH", path, [test, replace], kind=JSON_PATCH)

    assert (done.code, done.body["data"]) == (200, {"a": "2"})
    assert (refused.code, refused.body["reason"]) == (422, "Invalid")


def test_dry_run_writes_nothing(cluster: Cluster) -> None:
    path = cluster.path("configmaps")

    made = cluster.send("POST", path, CONFIG, dryRun="All")
    assert made.code == 201
    assert cluster.send("GET", f"{path}/settings").code == 404

    version = cluster.create("configmaps", CONFIG)["metadata"]["resourceVersion"]
    change = {"data": {"a": "9"}}
    promised = cluster.send("PATCH", f"{path}/settings", change, kind=MERGE, dryRun="All").body
    cluster.send("DELETE", f"{path}/settings", dryRun="All")
    assert cluster.get("configmaps", "settings")["data"] == {"a": "1"}
    # Its version is that of the object which it started from.
    assert (promised["data"], promised["metadata"]["resourceVersion"]) == ({"a": "9"}, version)


def test_deletion_whose_body_names_no_dry_run_is_real_whatever_its_query_says(
    cluster: Cluster,
) -> None:
    path = cluster.path("configmaps")
    cluster.send("POST", path, CONFIG)
    options = {"kind": "DeleteOptions", "apiVersion": "v1"}

    cluster.send("DELETE", f"{path}/settings", {**options, "dryRun": ["All"]})
    assert cluster.send("GET", f"{path}/settings").code == 200

    assert cluster.send("DELETE", f"{path}/settings", options, dryRun="All").code == 200
    assert cluster.send("GET", f"{path}/settings").code == 404


def test_scale_subresource_changes_replicas(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=0))
    path = cluster.path(DEPLOYMENTS, "web", "scale")

    before = cluster.send("GET", path).body
    after = cluster.send("PATCH", path, {"spec": {"replicas": 2}}, kind=MERGE).body

    assert (before["kind"], before["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert after["spec"] == {"replicas": 2}
    assert after["status"]["selector"] == "app=web"
    assert cluster.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 2


def test_new_items_of_a_strategic_patch_come_first(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=0))
    extra = {"name": "side", "image": "registry.practice/shop/cart:1.4"}
    patch = {"spec": {"template": {"spec": {"containers": [extra]}}}}

    answer = cluster.send("PATCH", cluster.path(DEPLOYMENTS, "web"), patch, kind=STRATEGIC)

    containers = answer.body["spec"]["template"]["spec"]["containers"]
    assert [container["name"] for container in containers] == ["side", "main"]


def test_uid_precondition_guards_deletion(cluster: Cluster) -> None:
    cluster.create("configmaps", CONFIG)
    options = {"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}}

    answer = cluster.send("DELETE", cluster.path("configmaps", "settings"), options)

    assert (answer.code, answer.body["reason"]) == (409, "Conflict")
    assert "the UID in the precondition (0000" in answer.body["message"]


def test_finalizer_holds_a_deleted_object_back(cluster: Cluster) -> None:
    metadata = {"name": "held", "finalizers": ["example.com/wait"]}
    cluster.create("configmaps", {"metadata": metadata})
    path = cluster.path("configmaps", "held")

    cluster.send("DELETE", path)
    assert "deletionTimestamp" in cluster.get("configmaps", "held")["metadata"]

    cluster.send("PATCH", path, {"metadata": {"finalizers": None}}, kind=MERGE)
    assert cluster.send("GET", path).code == 404


def test_delete_answers_with_a_status_that_names_the_object(cluster: Cluster) -> None:
    made = cluster.create("configmaps", CONFIG)

    answer = cluster.send("DELETE", cluster.path("configmaps", "settings"))

    assert (answer.code, answer.body["status"]) == (200, "Success")
    assert answer.body["details"]["uid"] == made["metadata"]["uid"]


def test_collection_is_deleted_by_selector(cluster: Cluster) -> None:
    for name in ("a", "b", "c"):
        metadata = {"name": name, "labels": {"keep": "yes" if name == "c" else "no"}}
        cluster.create("configmaps", {"metadata": metadata})

    cluster.send("DELETE", cluster.path("configmaps"), labelSelector="keep=no")

    names = cluster.names("configmaps", labelSelector="keep")
    assert names == ["c"]


def test_unassigned_pod_is_gone_at_once(cluster: Cluster) -> None:
    cluster.create("pods", a_pod(nodeSelector={"no": "such-node"}))

    answer = cluster.send("DELETE", cluster.path("pods", "one"))

    assert answer.body["kind"] == "Pod"
    assert cluster.send("GET", cluster.path("pods", "one")).code == 404


def test_assigned_pod_waits_for_its_kubelet(cluster: Cluster) -> None:
    cluster.create("pods", a_pod(nodeName="no-kubelet-here"))
    path = cluster.path("pods", "one")

    cluster.send("DELETE", path, {"gracePeriodSeconds": 7, "finalizers": []})
    marked = cluster.send("GET", path)
    cluster.send("DELETE", path, {"gracePeriodSeconds": 0})

    assert marked.code in {200, 404}
    if marked.code == 200:
        assert marked.body["metadata"]["deletionGracePeriodSeconds"] == 7
    assert cluster.send("GET", path).code == 404
