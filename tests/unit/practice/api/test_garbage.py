"""Whatever is sent, the server answers with a Status of its own and never fails."""

import copy
import json
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.practice.api.calling import Server

SPACE = "/namespaces/default"
TEMPLATE = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {
        "containers": [
            {
                "name": "a", "image": "a:1", "env": [{"name": "A", "value": "1"}],
                "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}],
                "resources": {"requests": {"cpu": "1m"}, "limits": {"cpu": "2m"}},
                "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            }
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "nodeSelector": {"a": "b"},
    },
}  # fmt: skip
SELECTOR = {
    "matchLabels": {"app": "a"},
    "matchExpressions": [{"key": "b", "operator": "In", "values": ["c"]}],
}
STRATEGY = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "1%"}}
OBJECTS: dict[str, dict[str, Any]] = {
    f"/api/v1{SPACE}/pods": TEMPLATE,
    f"/apis/apps/v1{SPACE}/deployments": {
        "spec": {"selector": SELECTOR, "template": TEMPLATE, "strategy": STRATEGY, "replicas": 1}
    },
    f"/apis/apps/v1{SPACE}/replicasets": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    f"/api/v1{SPACE}/services": {
        "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}], "type": "NodePort"}
    },
    f"/api/v1{SPACE}/endpoints": {
        "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]
    },
    f"/apis/discovery.k8s.io/v1{SPACE}/endpointslices": {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
        "ports": [{"port": 80}],
    },
    f"/apis/policy/v1{SPACE}/poddisruptionbudgets": {
        "spec": {"minAvailable": "50%", "selector": SELECTOR}
    },
    f"/api/v1{SPACE}/events": {
        "involvedObject": {"kind": "Pod", "namespace": "default"}, "series": {"count": 2},
    },
    f"/apis/events.k8s.io/v1{SPACE}/events": {"regarding": {"namespace": "default"}, "note": "n"},
    f"/api/v1{SPACE}/configmaps": {"data": {"a": "b"}, "binaryData": {"c": "YQ=="}},
    f"/api/v1{SPACE}/secrets": {"data": {"a": "YQ=="}, "stringData": {"b": "c"}},
    f"/apis/coordination.k8s.io/v1{SPACE}/leases": {
        "spec": {"renewTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 1}
    },
    "/api/v1/nodes": {
        "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    },
    "/api/v1/namespaces": {"spec": {"finalizers": ["kubernetes"]}},
}  # fmt: skip
METADATA = {
    "name": "x",
    "labels": {"app": "a"},
    "annotations": {"a": "b"},
    "finalizers": ["example.com/x"],
    "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}],
}
ODD_ITEMS = st.one_of(
    st.none(), st.text(max_size=3), st.dictionaries(st.text(max_size=2), st.none(), max_size=1)
)
ODD_TEXTS = ["", "0", "-1", "100%", "1Gi", "{}", "2026-01-01T00:00:00Z"]
ODD_KEYS = st.sampled_from(["name", "key", "type", "$patch", "x"])
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70000),
    st.floats(allow_nan=False, width=32),
    st.text(max_size=6),
    st.sampled_from(ODD_TEXTS),
    st.lists(ODD_ITEMS, max_size=2),
    st.dictionaries(ODD_KEYS, st.text(max_size=3), max_size=2),
    st.just(2**70),
)
PATCHES = (
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/json-patch+json",
)
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def places(obj: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in an object."""
    inner = (
        obj.items() if isinstance(obj, dict) else enumerate(obj) if isinstance(obj, list) else ()
    )
    found = [(*path, key) for key, _ in inner]
    inner = (
        obj.items() if isinstance(obj, dict) else enumerate(obj) if isinstance(obj, list) else ()
    )
    return found + [place for key, value in inner for place in places(value, (*path, key))]


def spoilt(obj: Any, place: tuple[Any, ...], value: Any) -> Any:
    """The object with one value replaced."""
    obj = copy.deepcopy(obj)
    target = obj
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return obj


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_spoilt_object_never_makes_the_server_fail(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(OBJECTS)))
    whole = {"metadata": METADATA, **OBJECTS[path]}
    place = data.draw(st.sampled_from(places(whole)))
    body = spoilt(whole, place, data.draw(VALUES))

    async def send() -> list[int]:
        server = Server()
        good = {**OBJECTS[path], "metadata": {"name": "y"}}
        codes = [(await server.call("POST", path, body))[0]]
        codes.append((await server.call("POST", path, good))[0])
        for kind in PATCHES[:3]:
            query = {"fieldManager": "m"} if "apply" in kind else {}
            patch = {**body, "metadata": {**_mapping(body.get("metadata")), "name": "y"}}
            codes.append((await server.call("PATCH", f"{path}/y", patch, kind=kind, **query))[0])
        codes.append((await server.call("PUT", f"{path}/y", body))[0])
        codes.append((await server.call("GET", path))[0])
        codes.append((await server.call("DELETE", path))[0])
        return codes

    assert all(code < 500 for code in anyio.run(send))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "op": st.sampled_from(["add", "remove", "replace", "test", "move", "copy", "hm"]),
                "path": st.sampled_from(
                    ["", "/", "/data", "/data/a", "/data/-", "/metadata/name", "/x/y", "a", "/kind"]
                ),
                "from": st.sampled_from(["", "/data", "/data/a", "/nope", "x"]),
                "value": VALUES,
            },
        ),
        max_size=4,
    )
)
def test_strange_json_patch_never_makes_the_server_fail(operations: list[Any]) -> None:
    async def send() -> int:
        server = Server()
        path = f"/api/v1{SPACE}/configmaps"
        await server.call("POST", path, {"metadata": {"name": "c"}, "data": {"a": "b"}})
        code, _ = await server.call("PATCH", f"{path}/c", operations, kind=PATCHES[3])
        return code

    assert anyio.run(send) < 500


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(sorted(OBJECTS)))
def test_garbled_protobuf_is_a_bad_request(raw: bytes, path: str) -> None:
    async def send() -> int:
        body = b"k8s\x00" + raw
        kind = "application/vnd.kubernetes.protobuf"
        return (await Server().call("POST", path, body, kind=kind))[0]

    assert anyio.run(send) in {201, 400, 404, 422}


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_strange_selectors_never_make_the_server_fail(labels: str, fields: str) -> None:
    async def send() -> int:
        query = {"labelSelector": labels, "fieldSelector": fields}
        return (await Server().call("GET", f"/api/v1{SPACE}/pods", **query))[0]

    assert anyio.run(send) in {200, 400}


@given(st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_strange_paths_never_make_the_server_fail(path: str) -> None:
    async def send() -> int:
        return (await Server().call("GET", f"/api/v1/{path}"))[0]

    assert anyio.run(send) < 500


def test_body_of_another_object_is_refused_by_name() -> None:
    async def send() -> tuple[int, Any]:
        server = Server()
        path = f"/api/v1{SPACE}/configmaps"
        await server.call("POST", path, {"metadata": {"name": "c"}})
        return await server.call("PUT", f"{path}/c", {"metadata": {"name": "d"}})

    code, status = anyio.run(send)

    assert code == 400
    assert json.dumps(status).count("does not match the name on the URL (c)") == 1
