"""A path has one reading, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.guard.paths import (
    PARAMETERS,
    Discovery,
    Route,
    parse_path,
    parse_query,
    with_query,
)
from orchestrator.guard.refusals import NotLetThrough


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", Route(version="v1", resource="pods")),
        (
            "/api/v1/namespaces/shop/pods/cart-1/log",
            Route(version="v1", namespace="shop", resource="pods", name="cart-1", part="log"),
        ),
        ("/api/v1/namespaces", Route(version="v1", resource="namespaces")),
        ("/api/v1/namespaces/shop", Route(version="v1", resource="namespaces", name="shop")),
        (
            "/api/v1/namespaces/shop/finalize",
            Route(version="v1", resource="namespaces", name="shop", part="finalize"),
        ),
        (
            "/apis/apps/v1/namespaces/shop/deployments/cart/scale",
            Route(
                group="apps",
                version="v1",
                namespace="shop",
                resource="deployments",
                name="cart",
                part="scale",
            ),
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
            Route(
                group="rbac.authorization.k8s.io",
                version="v1",
                resource="clusterroles",
                name="system:node",
            ),
        ),
        ("/api", Discovery(path="/api")),
        ("/api/", Discovery(path="/api")),
        ("/api/v1/", Discovery(path="/api/v1")),
        ("/apis/apps/v1", Discovery(path="/apis/apps/v1")),
        ("/openapi/v3/apis/apps/v1", Discovery(path="/openapi/v3/apis/apps/v1")),
        ("/version/", Discovery(path="/version")),
        ("/readyz", Discovery(path="/readyz")),
    ],
)
def test_path_is_read_in_its_one_way(path: str, expected: Route | Discovery) -> None:
    assert parse_path(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "",
        "api/v1/pods",
        "http://elsewhere/api/v1/pods",
        "//api/v1/pods",
        "/api/v1//pods",
        "/api/v1/pods/",
        "/api/v1/namespaces/shop/pods/",
        "/api/v1/namespaces//pods",
        "/api/v1/namespaces/shop/pods/..",
        "/zz/../../kube-system/secrets",
        "/api/v1/namespaces/zz/../kube-system/secrets",
        "/api/v1/namespaces/zz%2F..%2Fkube-system/secrets",
        "/api/v1/namespaces/%2e%2e/secrets",
        "/api/v1/namespaces/shop/pods/%252e%252e",
        "/api/v1/namespaces/shop/pods/a%00b",
        "/api/v1/namespaces/shop/pods/a%0d%0ab",
        "/api/v1/namespaces/shop/pods/a b",
        "/api/v1/namespaces/shop/pods/a\\b",
        "/api/v1/namespaces/shop/pods/%ff",
        "/api/v1/namespaces/shop/pods/é",
        "/api/v1/namespaces/shop/pods/a;b",
        "/api/v1/watch/namespaces/shop/secrets",
        "/apis/apps/v1/watch/deployments",
        "/api/v1/proxy/namespaces/shop/pods/x",
        "/api/v1/namespaces/shop/pods/x/proxy/healthz",
        "/api/v2/pods",
        "/apis/apps/latest/deployments",
        "/apis/apps/v1beta1x/deployments",
        "/logs/kubelet.log",
        "/metrics",
        "/debug/pprof",
        "/readyz/etcd",
        "/.well-known/openid-configuration",
        "/openapi/v3/../../api/v1/secrets",
    ],
)
def test_path_with_a_second_reading_or_to_nowhere_known_is_refused(path: str) -> None:
    with pytest.raises(NotLetThrough) as caught:
        parse_path(path)

    assert caught.value.rule == "path"


@given(st.text(st.characters(max_codepoint=300), max_size=40))
def test_whatever_is_let_through_is_canonical(text: str) -> None:
    try:
        found = parse_path(f"/api/v1/{text}")
    except NotLetThrough:
        return

    assert parse_path(found.path) == found
    assert not {"", ".", ".."} & set(found.path[1:].split("/"))
    assert "%" not in found.path


@pytest.mark.parametrize(
    "query",
    [
        "limit=1&limit=2",
        "limit=1&%6cimit=2",
        "dryRun=All&dryRun=",
        "command=sh",
        "ignoreStoreReadErrorWithClusterBreakingPotential=true",
        "limit=1;watch=true",
        "x",
    ],
)
def test_query_with_a_second_reading_is_refused(query: str) -> None:
    with pytest.raises(NotLetThrough) as caught:
        parse_query(query)

    assert caught.value.rule == "query"


@pytest.mark.parametrize(
    "parameter",
    [
        *("container", "follow", "previous", "sinceSeconds", "sinceTime", "tailLines"),
        *("limitBytes", "timestamps", "stream", "pretty"),
    ],
)
def test_whatever_kubernetes_documents_of_the_log_of_a_pod_may_be_asked(parameter: str) -> None:
    assert parse_query(f"{parameter}=1") == {parameter: "1"}


@given(st.dictionaries(st.sampled_from(sorted(PARAMETERS)), st.text(max_size=10)))
def test_query_arrives_as_it_was_read(query: dict[str, str]) -> None:
    _, _, sent = with_query("/api", query).partition("?")

    assert parse_query(sent) == query
