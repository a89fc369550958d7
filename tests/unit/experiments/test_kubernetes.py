"""Proofs see what the cluster says, and take its silences as the cluster means them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chaoslib.exceptions import ActivityFailed

from experiments.probes.kubernetes import (
    condition_status,
    pod_uids,
    pods_gone,
    pods_that_cannot_pull,
    ready_endpoints,
    replicas_wanted,
)
from tests.unit.experiments.one_object import OneObject

Serve = Callable[[OneObject], OneObject]
PODS = "/api/v1/namespaces/shop/pods"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"


def pods(*items: dict[str, Any]) -> OneObject:
    return OneObject(path=PODS, body={"kind": "PodList", "apiVersion": "v1", "items": list(items)})


def a_pod(uid: str, *, image: str = "stock:1.4", waiting: str | None = None) -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    container = {"name": "stock", "image": image}
    status = {**container, "imageID": "", "ready": False, "restartCount": 0, "state": state}
    return {
        "metadata": {"name": uid, "uid": uid},
        "spec": {"containers": [container]},
        "status": {"containerStatuses": [status]},
    }


def slices(*endpoints: list[dict[str, Any]] | None) -> OneObject:
    items = [
        {"addressType": "IPv4", "metadata": {"name": f"catalog-{index}"}, "endpoints": each}
        for index, each in enumerate(endpoints)
    ]
    body = {"kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "items": items}
    return OneObject(path=SLICES, body=body)


def an_endpoint(conditions: dict[str, Any] | None) -> dict[str, Any]:
    return {"addresses": ["10.244.1.5"], "conditions": conditions}


def test_pod_that_was_there_and_is_no_more_is_gone(serve: Serve) -> None:
    kept = serve(pods(a_pod("b"), a_pod("a")))
    before = pod_uids("app=stock", "shop")
    assert before == ["a", "b"]
    assert pods_gone(before, "app=stock", "shop") == 0

    kept.body["items"] = [a_pod("c"), a_pod("a")]

    assert pods_gone(before, "app=stock", "shop") == 1


def test_pods_are_chosen_by_their_labels_and_read_as_the_kubeconfig_says(serve: Serve) -> None:
    kept = serve(pods(a_pod("a")))
    kubeconfig = Path(os.environ["KUBECONFIG"])
    document = json.loads(kubeconfig.read_text("utf-8"))
    document["users"][0]["user"] = {"token": "of-an-agent"}
    kubeconfig.write_text(json.dumps(document), "utf-8")

    pod_uids("app in (stock,cart)", "shop")

    assert kept.read == [
        (f"{PODS}?labelSelector=app%20in%20%28stock%2Ccart%29", "Bearer of-an-agent")
    ]


def test_proof_without_anything_to_compare_with_proves_nothing(serve: Serve) -> None:
    serve(pods())

    with pytest.raises(ActivityFailed, match="no list of uids to compare with"):
        pods_gone("${pods_before}", "app=stock", "shop")


@pytest.mark.parametrize(
    ("endpoints", "ready"),
    [
        ([], 0),
        ([None], 0),
        ([[]], 0),
        ([[an_endpoint({"ready": True}), an_endpoint({"ready": False})]], 1),
        ([[an_endpoint(None)], [an_endpoint({})], [an_endpoint({"serving": True})]], 3),
    ],
)
def test_endpoint_is_ready_unless_it_says_otherwise(
    serve: Serve, endpoints: list[Any], ready: int
) -> None:
    serve(slices(*endpoints))

    assert ready_endpoints("catalog", "shop") == ready


@pytest.mark.parametrize(
    ("pod", "count"),
    [
        (a_pod("a", image="stock:1.4-x", waiting="ImagePullBackOff"), 1),
        (a_pod("a", image="stock:1.4-x", waiting="ErrImagePull"), 1),
        (a_pod("a", image="stock:1.4-x", waiting="ContainerCreating"), 0),
        (a_pod("a", image="stock:1.4-x"), 0),
        (a_pod("a", image="stock:1.5", waiting="ImagePullBackOff"), 0),
        ({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "stock"}]}}, 0),
    ],
)
def test_pod_cannot_pull_when_it_waits_for_the_injected_image(
    serve: Serve, pod: dict[str, Any], count: int
) -> None:
    serve(pods(pod, a_pod("b")))

    assert pods_that_cannot_pull("app=stock", "shop", image_ends_with="-x") == count


@pytest.mark.parametrize(("spec", "wanted"), [({}, 1), ({"replicas": 0}, 0), ({"replicas": 3}, 3)])
def test_deployment_that_says_nothing_wants_one_replica(
    serve: Serve, spec: dict[str, Any], wanted: int
) -> None:
    selector = {"selector": {"matchLabels": {"app": "stock"}}, "template": {}}
    body = {"metadata": {"name": "stock"}, "spec": {**selector, **spec}}
    serve(OneObject(path="/apis/apps/v1/namespaces/shop/deployments/stock", body=body))

    assert replicas_wanted("stock", "shop") == wanted


def a_node(*conditions: dict[str, Any]) -> OneObject:
    body = {"kind": "Node", "metadata": {"name": "a"}, "status": {"conditions": list(conditions)}}
    return OneObject(path="/api/v1/nodes/a", body=body)


def test_condition_of_an_object_has_the_status_that_the_cluster_says(serve: Serve) -> None:
    serve(a_node({"type": "Ready", "status": "False"}, {"type": "Other", "status": "True"}))

    assert condition_status("nodes", "a", "Ready") == "False"


@pytest.mark.parametrize(
    ("name", "condition", "said"),
    [("a", "Missing", "no condition Missing; it has: Ready"), ("b", "Ready", "404")],
)
def test_condition_that_is_not_there_is_a_failure(
    serve: Serve, name: str, condition: str, said: str
) -> None:
    serve(a_node({"type": "Ready", "status": "True"}))

    with pytest.raises(ActivityFailed, match=said):
        condition_status("nodes", name, condition)
