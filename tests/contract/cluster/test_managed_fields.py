"""Who set which fields: what is recorded of each way of writing, and what apply makes of it."""

from typing import Any

import pytest

from tests.contract.cluster.asking import (
    APPLY,
    JSON,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    Answer,
    Cluster,
    Kubectl,
    Object,
    a_deployment,
    eventually,
)

DEPLOYMENTS = "apps/v1/deployments"


def apply(cluster: Cluster, resource: str, body: Any, manager: str, **query: str) -> Answer:
    path = cluster.path(resource, body["metadata"]["name"])
    return cluster.send("PATCH", path, body, kind=APPLY, fieldManager=manager, **query)


def merge(cluster: Cluster, resource: str, name: str, patch: Object, manager: str) -> Object:
    path = cluster.path(resource, *name.split("/"))
    answer = cluster.send("PATCH", path, patch, kind=MERGE, fieldManager=manager)
    assert answer.code == 200, answer.body
    found: Object = answer.body
    return found


def create(cluster: Cluster, resource: str, body: Object, manager: str = "maker") -> Object:
    answer = cluster.send("POST", cluster.path(resource), body, fieldManager=manager)
    assert answer.code == 201, answer.body
    found: Object = answer.body
    return found


def config(**data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def scaled(replicas: int) -> Object:
    """A configuration of the deployment `web` that says the number of pods and what it must."""
    template = a_deployment()["spec"]["template"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": template,
        },
    }


def owned(obj: Object, manager: str, operation: str = "Update", subresource: str = "") -> Any:
    """The fields that a manager owns, none if it owns none."""
    for entry in obj["metadata"].get("managedFields", []):
        found = entry["manager"], entry["operation"], entry.get("subresource", "")
        if found == (manager, operation, subresource):
            return entry["fieldsV1"]
    return None


def test_creating_is_recorded(cluster: Cluster) -> None:
    made = create(cluster, "configmaps", config(a="1"))

    (entry,) = made["metadata"]["managedFields"]
    assert entry.pop("time") == made["metadata"]["creationTimestamp"]
    assert entry == {
        "manager": "maker", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {".": {}, "f:a": {}}},
    }  # fmt: skip


def test_program_of_the_client_is_the_manager_unless_it_says_another(cluster: Cluster) -> None:
    made = cluster.create("configmaps", config(a="1"))

    (entry,) = made["metadata"]["managedFields"]
    # The client that asks sends the name and version of its library.
    assert entry["manager"] == "python-urllib3"


def test_fields_of_a_deployment_are_those_that_are_set_and_those_that_are_filled_in(
    cluster: Cluster,
) -> None:
    body = a_deployment(replicas=0)
    container = body["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "A", "value": "1"}]
    container["resources"] = {"requests": {"cpu": "10m"}}
    container["readinessProbe"] = {"httpGet": {"port": 8080}}
    body["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]

    made = create(cluster, DEPLOYMENTS, body)

    main: Object = {
        ".": {},
        "f:env": {".": {}, 'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}},
        "f:image": {},
        "f:imagePullPolicy": {},
        "f:name": {},
        "f:ports": {
            ".": {},
            'k:{"containerPort":8080,"protocol":"TCP"}': {
                ".": {}, "f:containerPort": {}, "f:protocol": {},
            },
        },
        "f:readinessProbe": {
            ".": {},
            "f:failureThreshold": {},
            "f:httpGet": {".": {}, "f:path": {}, "f:port": {}, "f:scheme": {}},
            "f:periodSeconds": {},
            "f:successThreshold": {},
            "f:timeoutSeconds": {},
        },
        "f:resources": {".": {}, "f:requests": {".": {}, "f:cpu": {}}},
        "f:terminationMessagePath": {},
        "f:terminationMessagePolicy": {},
    }  # fmt: skip
    assert owned(made, "maker") == {
        "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
        "f:spec": {
            "f:progressDeadlineSeconds": {},
            "f:replicas": {},
            "f:revisionHistoryLimit": {},
            "f:selector": {},
            "f:strategy": {
                "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}},
                "f:type": {},
            },
            "f:template": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:containers": {'k:{"name":"main"}': main},
                    "f:dnsPolicy": {},
                    "f:restartPolicy": {},
                    "f:schedulerName": {},
                    "f:securityContext": {},
                    "f:terminationGracePeriodSeconds": {},
                    "f:volumes": {
                        ".": {},
                        'k:{"name":"v"}': {".": {}, "f:emptyDir": {}, "f:name": {}},
                    },
                },
            },
        },
    }


def test_pods_of_a_replica_set_belong_to_the_controllers(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=1))
    eventually(lambda: cluster.names("pods"))

    (pod,) = cluster.send("GET", cluster.path("pods")).body["items"]

    owner = pod["metadata"]["ownerReferences"][0]["uid"]
    found = owned(pod, "kube-controller-manager")
    assert found["f:metadata"] == {
        "f:generateName": {},
        "f:labels": {".": {}, "f:app": {}, "f:pod-template-hash": {}},
        "f:ownerReferences": {".": {}, f'k:{{"uid":"{owner}"}}': {}},
    }
    assert set(found["f:spec"]) == {
        "f:containers", "f:dnsPolicy", "f:enableServiceLinks", "f:restartPolicy",
        "f:schedulerName", "f:securityContext", "f:terminationGracePeriodSeconds",
    }  # fmt: skip


def test_status_that_controllers_write_is_their_own(cluster: Cluster) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=1))

    def written() -> bool:
        deployment = cluster.get(DEPLOYMENTS, "web")
        entry = owned(deployment, "kube-controller-manager", "Update", "status") or {}
        return "f:observedGeneration" in entry.get("f:status", {})

    assert eventually(written)


def test_one_who_changes_a_field_owns_it_from_then_on(cluster: Cluster) -> None:
    create(cluster, "configmaps", config(a="1", b="1"))

    changed = merge(cluster, "configmaps", "c", {"data": {"b": "2"}}, "other")

    assert owned(changed, "maker") == {"f:data": {".": {}, "f:a": {}}}
    assert owned(changed, "other") == {"f:data": {"f:b": {}}}


def test_writing_the_same_value_again_changes_no_owner(cluster: Cluster) -> None:
    made = create(cluster, "configmaps", config(a="1"))

    same = merge(cluster, "configmaps", "c", {"data": {"a": "1"}}, "other")

    assert same["metadata"] == made["metadata"]


def test_field_that_goes_is_nobodys(cluster: Cluster) -> None:
    create(cluster, "configmaps", config(a="1", b="1"))

    changed = merge(cluster, "configmaps", "c", {"data": {"b": None}}, "other")

    assert owned(changed, "maker") == {"f:data": {".": {}, "f:a": {}}}
    assert owned(changed, "other") is None


def test_manager_that_lost_everything_is_no_longer_named(cluster: Cluster) -> None:
    create(cluster, "configmaps", {"metadata": {"name": "c"}}, "nobody")
    merge(cluster, "configmaps", "c", {"data": {"a": "1"}}, "first")
    merge(cluster, "configmaps", "c", {"data": None}, "second")

    found = cluster.get("configmaps", "c")

    assert "managedFields" not in found["metadata"]


def test_replacing_records_the_difference_alone(cluster: Cluster) -> None:
    made = create(cluster, "configmaps", config(a="1", b="1"))
    del made["metadata"]["managedFields"]
    path = cluster.path("configmaps", "c")

    body = cluster.send("PUT", path, made | {"data": {"a": "1", "b": "2"}}, fieldManager="p").body

    assert owned(body, "p") == {"f:data": {"f:b": {}}}
    assert owned(body, "maker") == {"f:data": {".": {}, "f:a": {}}}


def test_same_manager_adds_to_what_it_owns(cluster: Cluster) -> None:
    create(cluster, "configmaps", config(a="1"))

    changed = merge(cluster, "configmaps", "c", {"data": {"b": "1"}}, "maker")

    assert owned(changed, "maker") == {"f:data": {".": {}, "f:a": {}, "f:b": {}}}


def test_sets_are_owned_by_value(cluster: Cluster) -> None:
    body = config(a="1")
    body["metadata"]["finalizers"] = ["example.com/one"]
    made = create(cluster, "configmaps", body)
    finalizers = ["example.com/one", "example.com/two"]

    changed = merge(cluster, "configmaps", "c", {"metadata": {"finalizers": finalizers}}, "other")
    merge(cluster, "configmaps", "c", {"metadata": {"finalizers": None}}, "other")

    assert owned(made, "maker")["f:metadata"] == {
        "f:finalizers": {".": {}, 'v:"example.com/one"': {}}
    }
    assert owned(changed, "other") == {"f:metadata": {"f:finalizers": {'v:"example.com/two"': {}}}}


def test_scaling_is_recorded_with_its_subresource(cluster: Cluster) -> None:
    create(cluster, DEPLOYMENTS, a_deployment(replicas=0))

    merge(cluster, DEPLOYMENTS, "web/scale", {"spec": {"replicas": 1}}, "scaler")

    found = cluster.get(DEPLOYMENTS, "web")
    assert owned(found, "scaler", "Update", "scale") == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owned(found, "maker")["f:spec"]


def test_status_is_recorded_with_its_subresource(cluster: Cluster) -> None:
    create(cluster, "services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    patch = {"status": {"conditions": [
        {"type": "Odd", "status": "True", "reason": "R", "message": "",
         "lastTransitionTime": "2026-01-01T00:00:00Z"},
    ]}}  # fmt: skip

    changed = merge(cluster, "services", "s/status", patch, "teller")

    found = owned(changed, "teller", "Update", "status")
    assert set(found["f:status"]["f:conditions"]) == {".", 'k:{"type":"Odd"}'}


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        (MERGE, {"spec": {"replicas": 1}}),
        (STRATEGIC, {"spec": {"replicas": 1}}),
        (JSON_PATCH, [{"op": "replace", "path": "/spec/replicas", "value": 1}]),
    ],
)
def test_every_patch_is_an_update(cluster: Cluster, kind: str, patch: Any) -> None:
    create(cluster, DEPLOYMENTS, a_deployment(replicas=0))
    path = cluster.path(DEPLOYMENTS, "web")

    body = cluster.send("PATCH", path, patch, kind=kind, fieldManager="p", dryRun="All").body

    assert owned(body, "p") == {"f:spec": {"f:replicas": {}}}


def test_client_can_rewrite_who_owns_what(cluster: Cluster) -> None:
    made = create(cluster, "configmaps", config(a="1"))
    entry = made["metadata"]["managedFields"][0] | {"manager": "renamed"}
    patch = [{"op": "replace", "path": "/metadata/managedFields", "value": [entry]}]

    body = cluster.send("PATCH", cluster.path("configmaps", "c"), patch, kind=JSON_PATCH).body

    assert [item["manager"] for item in body["metadata"]["managedFields"]] == ["renamed"]


def test_client_can_forget_who_owns_what(cluster: Cluster) -> None:
    create(cluster, "configmaps", config(a="1"))

    body = merge(cluster, "configmaps", "c", {"metadata": {"managedFields": [{}]}}, "other")

    assert "managedFields" not in body["metadata"]


def send_owners(cluster: Cluster, path: str, owners: list[Object], **lock: str) -> Answer:
    patch = {"metadata": {"managedFields": owners, **lock}}
    return cluster.send("PATCH", path, patch, kind=MERGE, fieldManager="giver")


def test_owners_that_a_client_sends_are_taken_as_they_are(cluster: Cluster) -> None:
    before = apply(cluster, "configmaps", config(a="1", b="1"), "me").body["metadata"]
    merge(cluster, "configmaps", "c", {"data": {"a": "2"}}, "other")
    now = merge(cluster, "configmaps", "c", {"data": {"a": "1"}}, "other")["metadata"]
    path = cluster.path("configmaps", "c")

    lock = {"resourceVersion": now["resourceVersion"], "uid": now["uid"]}
    body = send_owners(cluster, path, before["managedFields"], **lock).body

    assert body["metadata"]["managedFields"] == before["managedFields"]
    assert apply(cluster, "configmaps", config(a="7", b="1"), "me").code == 200


def test_owners_that_a_client_sends_are_locked_to_a_version(cluster: Cluster) -> None:
    made = create(cluster, "configmaps", config(a="1"))["metadata"]
    merge(cluster, "configmaps", "c", {"data": {"a": "2"}}, "other")
    path = cluster.path("configmaps", "c")

    version = made["resourceVersion"]
    answer = send_owners(cluster, path, made["managedFields"], resourceVersion=version)

    assert (answer.code, answer.body["reason"]) == (409, "Conflict")


def test_owners_that_are_there_already_make_no_new_version(cluster: Cluster) -> None:
    made = create(cluster, "configmaps", config(a="1"))["metadata"]

    answer = send_owners(cluster, cluster.path("configmaps", "c"), made["managedFields"])

    assert answer.body["metadata"] == made


def test_owners_sent_beside_a_change_are_those_before_it(cluster: Cluster) -> None:
    made = apply(cluster, "configmaps", config(a="1", b="1"), "me").body["metadata"]
    merge(cluster, "configmaps", "c", {"data": {"a": "2"}}, "other")
    patch = {"data": {"a": "1"}, "metadata": {"managedFields": made["managedFields"]}}

    changed = merge(cluster, "configmaps", "c", patch, "giver")

    assert owned(changed, "me", "Apply") == {"f:data": {"f:b": {}}}
    assert owned(changed, "giver") == {"f:data": {"f:a": {}}}


def test_who_makes_an_object_owns_it_whoever_it_says_does(cluster: Cluster) -> None:
    made = apply(cluster, "configmaps", config(a="1"), "me").body["metadata"]
    cluster.send("DELETE", cluster.path("configmaps", "c"))
    body = config(a="1")
    body["metadata"]["managedFields"] = made["managedFields"]

    again = create(cluster, "configmaps", body)

    assert owned(again, "me", "Apply") is None
    assert owned(again, "maker") == {"f:data": {".": {}, "f:a": {}}}


def apply_scale(cluster: Cluster, replicas: int, **query: str) -> Answer:
    body = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}}
    path = cluster.path(DEPLOYMENTS, "web", "scale")
    body |= {"spec": {"replicas": replicas}}
    return cluster.send("PATCH", path, body, kind=APPLY, fieldManager="scaler", **query)


def test_scale_that_is_applied_is_in_conflict_with_who_applied_the_whole(cluster: Cluster) -> None:
    apply(cluster, DEPLOYMENTS, scaled(0), "me")

    refused = apply_scale(cluster, 1)
    forced = apply_scale(cluster, 1, force="true")

    assert (refused.code, refused.body["reason"]) == (409, "Conflict")
    assert refused.body["message"] == (
        'Apply failed with 1 conflict: conflict with "me": .spec.replicas'
    )
    assert (forced.code, forced.body["spec"]) == (200, {"replicas": 1})
    found = cluster.get(DEPLOYMENTS, "web")
    assert owned(found, "scaler", "Apply", "scale") == {"f:spec": {"f:replicas": {}}}
    assert "f:replicas" not in owned(found, "me", "Apply")["f:spec"]


def test_owner_by_scale_is_forgotten_by_who_sends_owners_of_the_whole(cluster: Cluster) -> None:
    made = apply(cluster, DEPLOYMENTS, scaled(0), "me").body["metadata"]
    path = cluster.path(DEPLOYMENTS, "web")
    merge(cluster, DEPLOYMENTS, "web/scale", {"spec": {"replicas": 1}}, "again")
    merge(cluster, DEPLOYMENTS, "web", {"metadata": {"labels": {"a": "b"}}}, "other")
    entries = {
        each["manager"]: each
        for each in cluster.get(DEPLOYMENTS, "web")["metadata"]["managedFields"]
    }

    answer = send_owners(cluster, path, made["managedFields"])

    assert entries["again"]["apiVersion"] == "apps/v1"
    assert owned(answer.body, "again", "Update", "scale") is None
    assert owned(answer.body, "me", "Apply") == made["managedFields"][0]["fieldsV1"]


def test_no_more_than_ten_updaters_are_told_apart(cluster: Cluster) -> None:
    create(cluster, "configmaps", config(a="1"), "m-0")
    found: Object = {}
    for number in range(1, 12):
        found = merge(cluster, "configmaps", "c", {"data": {f"k{number}": "1"}}, f"m-{number}")

    managers = [entry["manager"] for entry in found["metadata"]["managedFields"]]
    assert len(managers) == 10
    assert "ancient-changes" in managers


# Apply beside updates


def test_apply_conflicts_with_what_somebody_updated(cluster: Cluster) -> None:
    create(cluster, DEPLOYMENTS, a_deployment(replicas=0), "kubectl-create")
    merge(cluster, DEPLOYMENTS, "web", {"spec": {"replicas": 1}}, "kubectl-edit")

    answer = apply(cluster, DEPLOYMENTS, scaled(2), "me")

    assert (answer.code, answer.body["reason"]) == (409, "Conflict")
    assert answer.body["message"] == (
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas'
    )
    assert answer.body["details"] == {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "kubectl-edit" using apps/v1',
                "field": ".spec.replicas",
            }
        ]
    }


def test_conflict_names_the_subresource_that_was_used(cluster: Cluster) -> None:
    create(cluster, DEPLOYMENTS, a_deployment(replicas=0))
    merge(cluster, DEPLOYMENTS, "web/scale", {"spec": {"replicas": 1}}, "scaler")

    answer = apply(cluster, DEPLOYMENTS, scaled(2), "me")

    assert answer.body["message"] == (
        'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale" using '
        "apps/v1: .spec.replicas"
    )


def test_conflicts_are_listed_by_manager(cluster: Cluster) -> None:
    create(cluster, "configmaps", config(a="1", b="1"), "one")
    merge(cluster, "configmaps", "c", {"data": {"c": "1"}}, "two")

    answer = apply(cluster, "configmaps", config(a="2", b="2", c="2"), "me")

    assert answer.body["message"] == (
        'Apply failed with 3 conflicts: conflicts with "one" using v1:\n- .data.a\n- .data.b\n'
        'conflicts with "two" using v1:\n- .data.c'
    )


def test_conflict_in_a_list_names_the_item(cluster: Cluster) -> None:
    create(cluster, DEPLOYMENTS, a_deployment(replicas=0))
    wanted = scaled(0)
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.practice/other:1"

    answer = apply(cluster, DEPLOYMENTS, wanted, "me")

    assert answer.body["details"]["causes"][0]["field"] == (
        '.spec.template.spec.containers[name="main"].image'
    )


def test_force_takes_fields_over(cluster: Cluster) -> None:
    create(cluster, "configmaps", config(a="1", b="1"))

    body = apply(cluster, "configmaps", config(a="2"), "me", force="true").body

    assert body["data"] == {"a": "2", "b": "1"}
    assert owned(body, "me", "Apply") == {"f:data": {"f:a": {}}}
    assert owned(body, "maker") == {"f:data": {".": {}, "f:b": {}}}


def test_same_value_is_owned_by_both(cluster: Cluster) -> None:
    create(cluster, "configmaps", config(a="1"))

    body = apply(cluster, "configmaps", config(a="1"), "me").body

    assert owned(body, "maker") == {"f:data": {".": {}, "f:a": {}}}
    assert owned(body, "me", "Apply") == {"f:data": {"f:a": {}}}


def test_field_that_somebody_else_updated_stays_when_it_is_no_longer_applied(
    cluster: Cluster,
) -> None:
    create(cluster, "configmaps", config(a="1"))
    apply(cluster, "configmaps", config(a="1", b="1"), "me")

    body = apply(cluster, "configmaps", config(b="1"), "me").body

    assert body["data"] == {"a": "1", "b": "1"}
    assert owned(body, "me", "Apply") == {"f:data": {"f:b": {}}}


def test_update_takes_a_field_from_one_who_applied_it(cluster: Cluster) -> None:
    apply(cluster, "configmaps", config(a="1", b="1"), "me")

    changed = merge(cluster, "configmaps", "c", {"data": {"a": "2"}}, "other")
    again = apply(cluster, "configmaps", config(a="1", b="1"), "me")

    assert owned(changed, "me", "Apply") == {"f:data": {"f:b": {}}}
    assert again.code == 409
    assert 'conflict with "other" using v1: .data.a' in again.body["message"]


def test_container_that_is_no_longer_applied_goes(cluster: Cluster) -> None:
    two = scaled(0)
    extra = {"name": "side", "image": "registry.practice/b:1"}
    two["spec"]["template"]["spec"]["containers"] = [
        *two["spec"]["template"]["spec"]["containers"], extra
    ]  # fmt: skip
    assert apply(cluster, DEPLOYMENTS, two, "me").code == 201

    body = apply(cluster, DEPLOYMENTS, scaled(0), "me").body

    containers = body["spec"]["template"]["spec"]["containers"]
    assert [container["name"] for container in containers] == ["main"]


def test_struct_that_is_no_longer_applied_goes_as_a_whole(cluster: Cluster) -> None:
    probed = scaled(0)
    container = dict(probed["spec"]["template"]["spec"]["containers"][0])
    container["livenessProbe"] = {"httpGet": {"port": 8080}, "periodSeconds": 7}
    probed["spec"]["template"] = {
        **probed["spec"]["template"], "spec": {"containers": [container]},
    }  # fmt: skip
    apply(cluster, DEPLOYMENTS, probed, "me")

    body = apply(cluster, DEPLOYMENTS, scaled(0), "me").body

    (left,) = body["spec"]["template"]["spec"]["containers"]
    assert "livenessProbe" not in left


def test_applying_the_same_again_changes_nothing(cluster: Cluster) -> None:
    first = apply(cluster, "configmaps", config(a="1"), "me").body

    second = apply(cluster, "configmaps", config(a="1"), "me").body

    assert second["metadata"] == first["metadata"]


def test_status_can_be_applied(cluster: Cluster) -> None:
    create(cluster, "services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    ingress = {"ip": "192.0.2.1"}
    body = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "status": {"loadBalancer": {"ingress": [ingress]}},
    }  # fmt: skip

    answer = cluster.send(
        "PATCH", cluster.path("services", "s", "status"), body, kind=APPLY, fieldManager="me",
        dryRun="All",
    )  # fmt: skip

    assert answer.code in {200, 422}, answer.body
    if answer.code == 200:
        assert owned(answer.body, "me", "Apply", "status") == {
            "f:status": {"f:loadBalancer": {"f:ingress": {}}}
        }


def test_kubectl_says_whose_field_it_is(kubectl: Kubectl, cluster: Cluster) -> None:
    kubectl("create", "configmap", "c", "--from-literal=a=1")
    manifest = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '2'}}"

    refused = kubectl.attempt("apply", "--server-side", "-f", "-", stdin=manifest)

    assert refused.returncode == 1
    assert 'conflict with "kubectl-create" using v1: .data.a' in refused.stderr
    forced = kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
    assert "serverside-applied" in forced
    assert cluster.get("configmaps", "c")["data"] == {"a": "2"}


def test_kubectl_goes_over_from_applying_by_itself_to_applying_in_the_server(
    kubectl: Kubectl, cluster: Cluster
) -> None:
    first = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '1', b: '1'}}"
    second = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: '2'}}"
    kubectl("apply", "-f", "-", stdin=first)

    kubectl("apply", "--server-side", "-f", "-", stdin=second)

    found = cluster.get("configmaps", "c")
    assert found["data"] == {"a": "2"}
    managers = [entry["manager"] for entry in found["metadata"]["managedFields"]]
    assert "kubectl" in managers
    assert "kubectl-client-side-apply" not in managers


def test_manager_kubectl_is_not_in_conflict_with_what_it_applied_by_itself(
    cluster: Cluster,
) -> None:
    body = config(a="1", b="1")
    text = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"a":"1"}}'
    note = {"kubectl.kubernetes.io/last-applied-configuration": text}
    body["metadata"]["annotations"] = note
    create(cluster, "configmaps", body, "kubectl-client-side-apply")

    taken = apply(cluster, "configmaps", config(a="2"), "kubectl")
    refused = apply(cluster, "configmaps", config(a="2", b="2"), "kubectl")

    assert taken.code == 200, taken.body
    kept = taken.body["metadata"]["annotations"]
    assert '"data":{"a":"2"}' in next(iter(kept.values()))
    assert refused.code == 409
    assert ".data.b" in refused.body["message"]


def test_managed_fields_are_hidden_by_kubectl_unless_asked_for(
    kubectl: Kubectl, cluster: Cluster
) -> None:
    create(cluster, "configmaps", config(a="1"))

    assert "managedFields" not in kubectl("get", "cm", "c", "-o", "yaml")
    assert "managedFields" in kubectl("get", "cm", "c", "-o", "yaml", "--show-managed-fields")


@pytest.mark.parametrize(
    ("manager", "code"), [("x" * 128, 201), ("x" * 129, 422), ("new\nline", 422)]
)
def test_name_of_a_manager_is_short_and_printable(
    cluster: Cluster, manager: str, code: int
) -> None:
    path = cluster.path("configmaps")

    answer = cluster.send("POST", path, config(a="1"), kind=JSON, fieldManager=manager)

    assert answer.code == code, answer.body


def test_manager_may_apply_without_any_of_the_metadata_that_it_applied_before(
    cluster: Cluster,
) -> None:
    create(cluster, "configmaps", config(a="1"))
    labelled = config(a="1")
    labelled["metadata"]["labels"] = {"l": "1"}
    apply(cluster, "configmaps", labelled, "m", force="true")

    answer = apply(cluster, "configmaps", config(a="2"), "m", force="true")

    assert answer.code == 200, answer.body
    assert answer.body["data"] == {"a": "2"}
    assert "labels" not in answer.body["metadata"]
