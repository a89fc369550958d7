"""A broken selector comes and goes, and spares what others do to it."""

from collections.abc import Callable
from typing import Any

import pytest
from chaoslib.exceptions import ActivityFailed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.actions.services import KEY, VALUE, inject_broken_selector, undo_broken_selector
from tests.unit.experiments.one_object import OneObject

PATH = "/api/v1/namespaces/shop/services/catalog"
Serve = Callable[[OneObject], OneObject]


def a_service(selector: dict[str, str] | None) -> OneObject:
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "catalog", "namespace": "shop"},
        "spec": {"ports": [{"port": 80}]},
    }
    if selector is not None:
        body["spec"]["selector"] = selector
    return OneObject(path=PATH, body=body)


def test_injecting_adds_one_key_and_undoing_takes_it_away(serve: Serve) -> None:
    kept = serve(a_service({"app": "catalog"}))

    injected = inject_broken_selector("catalog", "shop")
    assert kept.body["spec"]["selector"] == {"app": "catalog", KEY: VALUE}

    undone = undo_broken_selector("catalog", "shop")
    assert kept.body["spec"]["selector"] == {"app": "catalog"}
    assert injected == {
        "service": "catalog",
        "changed": True,
        "selector": {"app": "catalog", KEY: VALUE},
    }
    assert undone == {"service": "catalog", "changed": True, "selector": {"app": "catalog"}}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=st.lists(st.sampled_from([inject_broken_selector, undo_broken_selector]), max_size=4))
def test_any_order_of_injecting_and_undoing_ends_undone(
    serve: Serve, moves: list[Callable[..., Any]]
) -> None:
    kept = serve(a_service({"app": "catalog", "a/b~c": "1"}))

    for move in [*moves, undo_broken_selector]:
        move("catalog", "shop")

    assert kept.body["spec"]["selector"] == {"app": "catalog", "a/b~c": "1"}


def test_injecting_twice_writes_once(serve: Serve) -> None:
    kept = serve(a_service({"app": "catalog"}))

    inject_broken_selector("catalog", "shop")
    again = inject_broken_selector("catalog", "shop")

    assert (again["changed"], len(kept.patches)) == (False, 1)


def test_undoing_leaves_a_value_that_others_put_there(serve: Serve) -> None:
    kept = serve(a_service({"app": "catalog", KEY: "theirs"}))

    undone = undo_broken_selector("catalog", "shop")

    assert undone == {
        "service": "catalog",
        "changed": False,
        "selector": {"app": "catalog", KEY: "theirs"},
    }
    assert kept.patches == []


def test_undoing_leaves_a_selector_that_is_mended_in_between(serve: Serve) -> None:
    kept = serve(a_service({"app": "catalog", KEY: VALUE}))
    kept.meanwhile = [lambda body: body["spec"].update(selector={"app": "catalog", "tier": "web"})]

    undone = undo_broken_selector("catalog", "shop")

    assert undone["changed"] is False
    assert kept.body["spec"]["selector"] == {"app": "catalog", "tier": "web"}


def test_injecting_keeps_a_key_that_others_add_in_between(serve: Serve) -> None:
    kept = serve(a_service({"app": "catalog"}))
    kept.meanwhile = [lambda body: body["spec"]["selector"].update(tier="web")]

    injected = inject_broken_selector("catalog", "shop")

    assert injected["selector"] == {"app": "catalog", "tier": "web", KEY: VALUE}
    assert kept.body["spec"]["selector"] == injected["selector"]


def test_key_with_a_slash_is_addressed_as_one_key(serve: Serve) -> None:
    kept = serve(a_service({"app": "catalog"}))

    inject_broken_selector("catalog", "shop", key="shop.example/track", value="blue")
    assert kept.body["spec"]["selector"] == {"app": "catalog", "shop.example/track": "blue"}

    undo_broken_selector("catalog", "shop", key="shop.example/track", value="blue")
    assert kept.body["spec"]["selector"] == {"app": "catalog"}


def test_key_that_is_taken_is_refused(serve: Serve) -> None:
    serve(a_service({"app": "catalog", KEY: "theirs"}))

    with pytest.raises(ActivityFailed, match=f"has {KEY}=theirs already; name another key"):
        inject_broken_selector("catalog", "shop")


@pytest.mark.parametrize("selector", [None, {}])
def test_service_without_selector_is_refused(serve: Serve, selector: dict[str, str] | None) -> None:
    serve(a_service(selector))

    with pytest.raises(ActivityFailed, match="shop/catalog has no selector"):
        inject_broken_selector("catalog", "shop")


def test_service_that_is_gone_needs_no_undoing(serve: Serve) -> None:
    serve(a_service(None)).body = None

    undone = undo_broken_selector("catalog", "shop")

    assert undone == {"service": "catalog", "changed": False, "selector": None}
    with pytest.raises(ActivityFailed, match="cannot change Service shop/catalog: 404"):
        inject_broken_selector("catalog", "shop")


def test_cluster_that_goes_on_refusing_ends_in_an_error(serve: Serve) -> None:
    kept = serve(a_service({"app": "catalog"}))
    kept.meanwhile = [_wave] * 9

    with pytest.raises(ActivityFailed, match="refused the change 5 times: patch"):
        inject_broken_selector("catalog", "shop")


def _wave(body: Any) -> None:
    selector = body["spec"]["selector"]
    selector["turn"] = selector.get("turn", "") + "x"
