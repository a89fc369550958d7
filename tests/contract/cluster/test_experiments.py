"""The catalogue's own actions and probes, called as a run does."""

import pytest

from tests.contract.cluster.asking import (
    STRATEGIC,
    Cluster,
    Object,
    a_deployment,
    a_service,
    eventually,
)
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import (
    DEPLOYMENTS,
    broken,
    idle,
    running,
    waiting,
)

BREAK_IMAGE = "experiments.actions.images.inject_bad_image"
MEND_IMAGE = "experiments.actions.images.undo_bad_image"
BREAK_SELECTOR = "experiments.actions.services.inject_broken_selector"
MEND_SELECTOR = "experiments.actions.services.undo_broken_selector"
PROBES = "experiments.probes.kubernetes."
IMAGE = "registry.practice/shop/catalog:1.4"
SUFFIX = "-b7e19d4"


def image(cluster: Cluster) -> str:
    """The image that the deployment rolls out."""
    template = cluster.get(DEPLOYMENTS, "web")["spec"]["template"]
    return str(template["spec"]["containers"][0]["image"])


def selector(cluster: Cluster) -> Object:
    """What the service selects by."""
    found: Object = cluster.get("services", "web")["spec"]["selector"]
    return found


def test_bad_image_comes_and_goes_however_often_it_is_asked_for(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    cluster.create(DEPLOYMENTS, idle("Deployment"))
    named = {"name": "web", "namespace": cluster.namespace}

    assert chaosk8s(BREAK_IMAGE, **named)["changed"] is True
    assert chaosk8s(BREAK_IMAGE, **named)["changed"] is False
    assert image(cluster) == IMAGE + SUFFIX

    assert chaosk8s(MEND_IMAGE, **named)["changed"] is True
    assert chaosk8s(MEND_IMAGE, **named)["changed"] is False
    assert image(cluster) == IMAGE


def test_image_that_others_rolled_out_is_left_as_it_is(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    cluster.create(DEPLOYMENTS, idle("Deployment"))
    named = {"name": "web", "namespace": cluster.namespace}
    chaosk8s(BREAK_IMAGE, **named)
    other = {"name": "main", "image": "registry.practice/shop/catalog:1.5"}
    change = {"spec": {"template": {"spec": {"containers": [other]}}}}
    cluster.send("PATCH", cluster.path(DEPLOYMENTS, "web"), change, kind=STRATEGIC)

    assert chaosk8s(MEND_IMAGE, **named)["changed"] is False

    assert image(cluster) == other["image"]


def test_bad_image_of_no_deployment_fails_and_its_undo_does_not(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    named = {"name": "web", "namespace": cluster.namespace}

    outcome = chaosk8s.attempt(BREAK_IMAGE, **named)
    assert outcome.fails_with("ActivityFailed", 'deployments.apps "web" not found'), outcome
    assert chaosk8s(MEND_IMAGE, **named)["changed"] is False

    cluster.create(DEPLOYMENTS, idle("Deployment"))
    outcome = chaosk8s.attempt(BREAK_IMAGE, container="none", **named)
    assert outcome.fails_with("ActivityFailed", "has no container 'none'"), outcome


def test_selector_is_broken_and_mended_however_often_it_is_asked_for(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    running(cluster)
    cluster.create("services", a_service())
    named = {"name": "web", "namespace": cluster.namespace}
    ready = {"service": "web", "namespace": cluster.namespace}
    eventually(lambda: chaosk8s(f"{PROBES}ready_endpoints", **ready) == 1)

    assert chaosk8s(BREAK_SELECTOR, **named)["changed"] is True
    assert chaosk8s(BREAK_SELECTOR, **named)["changed"] is False
    assert selector(cluster) == {"app": "web", "rev": "b7e19d4"}
    eventually(lambda: chaosk8s(f"{PROBES}ready_endpoints", **ready) == 0)

    assert chaosk8s(MEND_SELECTOR, **named)["changed"] is True
    assert chaosk8s(MEND_SELECTOR, **named)["changed"] is False
    assert selector(cluster) == {"app": "web"}
    both = {"deployment": "web", **ready}
    said = "1 replicas wanted, 1 endpoints ready"
    eventually(lambda: chaosk8s(f"{PROBES}replicas_and_endpoints", **both) == said)


def test_selector_that_can_not_be_broken_is_refused(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    named = {"name": "web", "namespace": cluster.namespace}
    outcome = chaosk8s.attempt(BREAK_SELECTOR, **named)
    assert outcome.fails_with("ActivityFailed", 'services "web" not found'), outcome
    assert chaosk8s(MEND_SELECTOR, **named)["changed"] is False

    cluster.create("services", a_service(selector={}))
    outcome = chaosk8s.attempt(BREAK_SELECTOR, **named)
    assert outcome.fails_with("ActivityFailed", "has no selector that could be broken"), outcome


def test_pods_that_are_gone_are_counted(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    waiting(cluster, "a", "b", "c")
    chosen = {"label_selector": "app=web", "namespace": cluster.namespace}
    before = chaosk8s(f"{PROBES}pod_uids", **chosen)
    assert len(before) == 3

    chaosk8s("pod.actions.terminate_pods", label_selector="app=web", ns=cluster.namespace)
    waiting(cluster, "a")

    assert chaosk8s(f"{PROBES}pods_gone", before=before, **chosen) == 1


def test_replicas_wanted_are_those_of_the_spec(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    named = {"name": "web", "namespace": cluster.namespace}
    outcome = chaosk8s.attempt(f"{PROBES}replicas_wanted", **named)
    assert outcome.error, outcome

    cluster.create(DEPLOYMENTS, idle("Deployment"))
    assert chaosk8s(f"{PROBES}replicas_wanted", **named) == 0


def test_pods_that_cannot_pull_are_counted(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    cluster.create(DEPLOYMENTS, broken(a_deployment(replicas=2)))
    chosen = {"label_selector": "app=web", "namespace": cluster.namespace}

    eventually(lambda: chaosk8s(f"{PROBES}pods_that_cannot_pull", **chosen) == 2)

    other = {"image_ends_with": SUFFIX, **chosen}
    assert chaosk8s(f"{PROBES}pods_that_cannot_pull", **other) == 0


@pytest.mark.parametrize(
    ("condition", "expected"), [("Progressing", "True"), ("Available", "True")]
)
def test_condition_of_an_object_is_told(
    cluster: Cluster, chaosk8s: Chaosk8s, condition: str, expected: str
) -> None:
    running(cluster)
    named = {"kind": "deployments.apps", "name": "web", "namespace": cluster.namespace}

    found = chaosk8s(f"{PROBES}condition_status", condition=condition, **named)

    assert found == expected
