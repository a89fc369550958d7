"""What a request wants is read in one way, whichever way it was said."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.guard.bodies import Media, media_of, parse_body
from orchestrator.guard.calls import Action, Call, check_readable, classify, command_of
from orchestrator.guard.headers import check_headers
from orchestrator.guard.paths import Route, parse_path
from orchestrator.guard.refusals import NotLetThrough
from tests.builders import a_radius

POD = "/api/v1/namespaces/shop/pods/cart-1"


def a_call(
    method: str, path: str, body: Any = None, media: Media = Media.JSON, **query: str
) -> Call:
    route = parse_path(path)
    assert isinstance(route, Route)
    return classify(method, route, query, media, body)


def refused(method: str, path: str, body: Any = None, **query: str) -> str:
    with pytest.raises(NotLetThrough) as caught:
        a_call(method, path, body, Media.JSON, **query)
    return caught.value.rule


def test_options_of_a_deletion_are_the_same_from_body_and_query() -> None:
    by_query = a_call("DELETE", POD, gracePeriodSeconds="0", propagationPolicy="Orphan")
    by_body = a_call("DELETE", POD, {"gracePeriodSeconds": 0, "propagationPolicy": "Orphan"})

    assert by_query.body == by_body.body
    assert by_query.query == {}


def test_dry_run_in_the_query_holds_although_there_is_a_body() -> None:
    call = a_call("DELETE", POD, {"gracePeriodSeconds": 0}, dryRun="All")

    assert call.is_dry
    assert call.body["dryRun"] == ["All"]


def test_options_that_contradict_each_other_are_refused() -> None:
    assert refused("DELETE", POD, {"gracePeriodSeconds": 5}, gracePeriodSeconds="0") == "body"
    assert refused("DELETE", POD, {"dryRun": []}, dryRun="All") == "body"


@pytest.mark.parametrize("value", ["all", "None", "", "All,All"])
def test_dry_run_is_plainly_all_or_refused(value: str) -> None:
    assert refused("POST", "/api/v1/namespaces/shop/configmaps", {}, dryRun=value) == "query"


def test_options_that_are_not_known_are_refused() -> None:
    assert (
        refused("DELETE", POD, {"ignoreStoreReadErrorWithClusterBreakingPotential": True}) == "body"
    )


def test_a_deletion_may_say_what_its_options_are() -> None:
    said = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}

    assert a_call("DELETE", POD, said).body == said


@pytest.mark.parametrize("part", ["", "/status", "/log", "/resize"])
def test_what_shows_an_object_may_be_read(part: str) -> None:
    route = parse_path(f"{POD}{part}")
    assert isinstance(route, Route)

    check_readable(route, a_radius())


@pytest.mark.parametrize("resource", ["deployments", "widgets"])
def test_only_a_pods_resize_is_known_to_show_no_more_than_the_object(resource: str) -> None:
    route = replace(POD_ROUTE, resource=resource, group="example.com", part="resize")

    with pytest.raises(NotLetThrough) as caught:
        check_readable(route, a_radius())

    assert caught.value.rule == "parts"


@pytest.mark.parametrize("part", ["exec", "attach", "portforward", "proxy"])
def test_what_is_more_than_reading_is_refused(part: str) -> None:
    route = replace(POD_ROUTE, part=part)

    with pytest.raises(NotLetThrough) as caught:
        check_readable(route, a_radius())

    assert caught.value.rule == "parts"


@pytest.mark.parametrize(
    ("reads_secrets", "namespace", "is_open"),
    [(True, "shop", True), (True, "other", False), (False, "shop", False), (True, "", False)],
)
def test_secrets_are_read_only_in_the_namespaces_of_a_plan_that_says_so(
    reads_secrets: bool, namespace: str, is_open: bool
) -> None:
    route = Route(version="v1", resource="secrets", namespace=namespace, name="")
    radius = a_radius(reads_secrets=reads_secrets)

    if is_open:
        check_readable(route, radius)
    else:
        with pytest.raises(NotLetThrough) as caught:
            check_readable(route, radius)
        assert caught.value.rule == "secrets"


POD_ROUTE = Route(version="v1", resource="pods", namespace="shop", name="cart-1", part="exec")


def test_a_command_is_its_words_in_order_and_its_options() -> None:
    pairs = [("command", "sh"), ("container", "one"), ("command", "-c"), ("stdout", "true")]

    call = command_of(POD_ROUTE, pairs)

    assert call.action is Action.EXEC
    assert call.body == {"command": ["sh", "-c"], "container": "one", "stdout": "true"}


@pytest.mark.parametrize(
    ("route", "pairs"),
    [(POD_ROUTE, [("container", "one")]), (replace(POD_ROUTE, name=""), [("command", "sh")])],
)
def test_a_command_names_its_pod_and_its_words(route: Route, pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(NotLetThrough) as caught:
        command_of(route, pairs)

    assert caught.value.rule == "query"


@pytest.mark.parametrize("seconds", [-1, 1.5, "30", True, [], {}])
def test_the_grace_of_a_deletion_is_a_whole_number(seconds: object) -> None:
    assert refused("DELETE", POD, {"gracePeriodSeconds": seconds}) == "body"
    body = {"metadata": {"name": "cart-1"}, "deleteOptions": {"gracePeriodSeconds": seconds}}
    assert refused("POST", f"{POD}/eviction", body) == "body"


def test_the_grace_in_the_query_is_no_way_around() -> None:
    assert refused("DELETE", POD, gracePeriodSeconds="-1") == "body"
    assert refused("DELETE", POD, gracePeriodSeconds="") == "query"


OWNERS = [{"manager": "us", "operation": "Update"}]


@pytest.mark.parametrize("given", [[{}], [], OWNERS, "x"])
@pytest.mark.parametrize(
    ("method", "media"),
    [
        ("PUT", Media.JSON),
        ("PATCH", Media.MERGE_PATCH),
        ("PATCH", Media.STRATEGIC_PATCH),
        ("PATCH", Media.APPLY_PATCH),
    ],
)
def test_who_owns_which_field_stays_the_servers_to_say(
    method: str, media: Media, given: object
) -> None:
    """It would change beside what is looked at, and nothing would put it back."""
    metadata = {"managedFields": given, "$setElementOrder/managedFields": [], "labels": {"a": "b"}}

    call = a_call(method, POD, {"metadata": metadata, "spec": {}}, media)

    assert call.body == {"metadata": {"labels": {"a": "b"}}, "spec": {}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/metadata/managedFields/0", "value": {}},
        {"op": "move", "from": "/metadata/managedFields", "path": "/metadata/labels/a"},
        {"op": "copy", "from": "/metadata/labels", "path": "/metadata/managedFields/0"},
        {"op": "replace", "path": "/metadata", "value": {"managedFields": [{}]}},
        {"op": "remove", "path": "/metadata"},
        {"op": "copy", "from": "/spec", "path": "/metadata"},
        {"op": "replace", "path": "", "value": {"metadata": {"managedFields": [{}]}}},
        "remove",
    ],
)
def test_who_owns_which_field_is_not_changed_by_a_json_patch(operation: object) -> None:
    fine = {"op": "add", "path": "/metadata/labels/managedFields", "value": "x"}
    assert a_call("PATCH", POD, [fine], Media.JSON_PATCH).body == [fine]

    with pytest.raises(NotLetThrough) as caught:
        a_call("PATCH", POD, [fine, operation], Media.JSON_PATCH)

    assert caught.value.rule == "body"


def test_owners_that_a_json_patch_sets_are_left_out() -> None:
    """`kubectl apply --server-side` renames them so, after a client-side one."""
    fine = {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    owners = [
        {"op": "replace", "path": "/metadata/managedFields", "value": [{}]},
        {"op": "remove", "path": "/metadata/managedFields"},
        {"op": "replace", "path": "/metadata/managedFields/0", "value": {}},
    ]

    assert a_call("PATCH", POD, [*owners, fine], Media.JSON_PATCH).body == [fine]


def test_eviction_names_the_pod_of_its_path() -> None:
    body = {"metadata": {"name": "cart-1"}}
    assert a_call("POST", f"{POD}/eviction", body).action is Action.EVICT
    assert refused("POST", f"{POD}/eviction", {"metadata": {"name": "other"}}) == "body"
    assert refused("POST", f"{POD}/eviction", None) == "body"


def test_patch_needs_the_media_of_a_patch_and_a_put_does_not() -> None:
    path = "/apis/apps/v1/namespaces/shop/deployments/cart"

    assert a_call("PATCH", path, {}, Media.MERGE_PATCH).action is Action.CHANGE
    assert refused("PATCH", path, {}) == "body"
    with pytest.raises(NotLetThrough):
        a_call("PUT", path, {}, Media.MERGE_PATCH)


@pytest.mark.parametrize(
    ("method", "path", "rule"),
    [
        ("DELETE", "/api/v1/namespaces/shop", "irreversible"),
        ("DELETE", "/api/v1/nodes/one", "irreversible"),
        ("POST", "/api/v1/nodes", "irreversible"),
        ("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x", "irreversible"),
        ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/x", "privileges"),
        ("POST", "/api/v1/namespaces/shop/secrets", "kinds"),
        ("POST", "/apis/chaos-mesh.org/v1alpha1/namespaces/shop/awschaos", "kinds"),
        ("POST", "/apis/other/v1/namespaces/shop/pods", "kinds"),
        ("POST", f"{POD}/exec", "parts"),
        ("POST", f"{POD}/attach", "parts"),
        ("POST", f"{POD}/portforward", "parts"),
        ("PATCH", f"{POD}/ephemeralcontainers", "parts"),
        ("PUT", f"{POD}/status", "parts"),
        ("DELETE", f"{POD}/status", "parts"),
        ("POST", POD, "method"),
        ("PUT", "/api/v1/namespaces/shop/pods", "method"),
        ("DELETE", "/api/v1/pods", "kinds"),
    ],
)
def test_what_no_run_may_want_is_refused_by_a_rule_with_a_name(
    method: str, path: str, rule: str
) -> None:
    assert refused(method, path, {}) == rule


def test_body_without_a_type_is_json() -> None:
    assert media_of("", target="x") is Media.JSON
    assert media_of("application/json; charset=utf-8", target="x") is Media.JSON


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b'"x"', b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff", b"[" * 100_000]
)
def test_body_with_a_second_reading_is_refused(raw: bytes) -> None:
    with pytest.raises(NotLetThrough) as caught:
        parse_body(raw, Media.JSON, target="x")

    assert caught.value.rule == "body"


@pytest.mark.parametrize(
    "name",
    [
        "Impersonate-User",
        "impersonate-extra-scopes",
        "X-Remote-Group",
        "X-HTTP-Method-Override",
        "X-Original-URL",
        "Upgrade",
    ],
)
def test_header_that_changes_the_meaning_is_refused(name: str) -> None:
    with pytest.raises(NotLetThrough) as caught:
        check_headers({"Accept": "application/json", name: "x"}, target="x")

    assert caught.value.rule == "headers"


def test_usual_headers_pass() -> None:
    check_headers({"Accept": "*/*", "Kubectl-Command": "kubectl get"}, target="x")
