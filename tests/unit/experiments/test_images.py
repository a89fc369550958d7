"""A bad image comes and goes, and spares what others roll out."""

from collections.abc import Callable
from typing import Any

import pytest
from chaoslib.exceptions import ActivityFailed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.actions.images import SUFFIX, inject_bad_image, undo_bad_image
from tests.unit.experiments.one_object import OneObject

PATH = "/apis/apps/v1/namespaces/shop/deployments/stock"
Serve = Callable[[OneObject], OneObject]


def a_deployment(**images: str) -> OneObject:
    containers = [{"name": name, "image": image} for name, image in images.items()]
    labels = {"app": "stock"}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "stock", "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }
    return OneObject(path=PATH, body=body)


def images_of(kept: OneObject) -> dict[str, str]:
    containers = kept.body["spec"]["template"]["spec"]["containers"]
    return {container["name"]: container["image"] for container in containers}


@pytest.mark.parametrize("image", ["shop/stock:1.4", "stock", "host:5000/stock"])
def test_injecting_adds_the_suffix_and_undoing_takes_it_off(serve: Serve, image: str) -> None:
    kept = serve(a_deployment(stock=image, sidecar="proxy:2"))

    injected = inject_bad_image("stock", "shop")
    assert images_of(kept) == {"stock": image + SUFFIX, "sidecar": "proxy:2"}

    undone = undo_bad_image("stock", "shop")
    assert images_of(kept) == {"stock": image, "sidecar": "proxy:2"}
    assert injected == {
        "deployment": "stock",
        "container": "stock",
        "changed": True,
        "image": image + SUFFIX,
    }
    assert undone == {**injected, "image": image}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=st.lists(st.sampled_from([inject_bad_image, undo_bad_image]), max_size=4))
def test_any_order_of_injecting_and_undoing_ends_undone(
    serve: Serve, moves: list[Callable[..., Any]]
) -> None:
    kept = serve(a_deployment(stock="shop/stock:1.4"))

    for move in [*moves, undo_bad_image]:
        move("stock", "shop")

    assert images_of(kept) == {"stock": "shop/stock:1.4"}


def test_named_container_is_the_one_that_is_struck(serve: Serve) -> None:
    kept = serve(a_deployment(stock="shop/stock:1.4", sidecar="proxy:2"))

    inject_bad_image("stock", "shop", container="sidecar", suffix="-x")
    assert images_of(kept) == {"stock": "shop/stock:1.4", "sidecar": "proxy:2-x"}

    undo_bad_image("stock", "shop", container="sidecar", suffix="-x")
    assert images_of(kept) == {"stock": "shop/stock:1.4", "sidecar": "proxy:2"}


def test_undoing_leaves_a_fix_that_is_rolled_out_in_between(serve: Serve) -> None:
    kept = serve(a_deployment(stock="shop/stock:1.4" + SUFFIX))

    def fix(body: Any) -> None:
        body["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/stock:1.5"

    kept.meanwhile = [fix]

    undone = undo_bad_image("stock", "shop")

    assert (undone["changed"], undone["image"]) == (False, "shop/stock:1.5")
    assert images_of(kept) == {"stock": "shop/stock:1.5"}


def test_container_that_moves_in_between_is_found_again(serve: Serve) -> None:
    kept = serve(a_deployment(stock="shop/stock:1.4", sidecar="proxy:2"))

    def put_first(body: Any) -> None:
        body["spec"]["template"]["spec"]["containers"].reverse()

    kept.meanwhile = [put_first]

    inject_bad_image("stock", "shop", container="stock")

    assert images_of(kept) == {"sidecar": "proxy:2", "stock": "shop/stock:1.4" + SUFFIX}


def test_image_pinned_by_digest_is_refused(serve: Serve) -> None:
    serve(a_deployment(stock=f"shop/stock:1.4@sha256:{'0' * 64}"))

    with pytest.raises(ActivityFailed, match="pinned by digest"):
        inject_bad_image("stock", "shop")


def test_container_that_is_not_there_is_refused_with_those_that_are(serve: Serve) -> None:
    serve(a_deployment(stock="shop/stock:1.4", sidecar="proxy:2"))

    with pytest.raises(ActivityFailed, match="no container 'web'; it has: stock, sidecar"):
        inject_bad_image("stock", "shop", container="web")


def test_deployment_that_is_gone_needs_no_undoing(serve: Serve) -> None:
    serve(a_deployment()).body = None

    undone = undo_bad_image("stock", "shop")

    assert undone == {"deployment": "stock", "container": None, "changed": False, "image": None}
    with pytest.raises(ActivityFailed, match="cannot change Deployment shop/stock: 404"):
        inject_bad_image("stock", "shop")
