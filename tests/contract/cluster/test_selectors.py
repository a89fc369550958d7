"""Selectors as text, and patches of the wrong type: the faults that a server finds in them."""

import pytest

from tests.contract.cluster.asking import STRATEGIC, Cluster, Object, a_deployment

DEPLOYMENTS = "apps/v1/deployments"
BINARY = "in, notin, =, ==, !=, gt, lt"
VALUE = "a valid label must be an empty string or consist of alphanumeric characters"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app", ["a", "b"]),
        ("!app", ["c"]),
        ("app=a", ["a"]),
        (" app == a ,tier", ["a"]),
        ("app!=a", ["b", "c"]),
        ("app in (a, b),tier", ["a"]),
        ("app notin (a)", ["b", "c"]),
        ("app in (,a)", ["a"]),
        ("tier=", []),
        ("tier>1", ["a"]),
        ("tier<1", []),
        ("in in (in)", []),
        (" ", ["a", "b", "c"]),
    ],
)
def test_selector_selects(cluster: Cluster, text: str, expected: list[str]) -> None:
    for name, labels in (("a", {"app": "a", "tier": "2"}), ("b", {"app": "b"}), ("c", {})):
        cluster.create("configmaps", {"metadata": {"name": name, "labels": labels}})

    found = cluster.names("configmaps", labelSelector=text)

    # Every namespace gets one of the cluster's own.
    assert [name for name in found if name != "kube-root-ca.crt"] == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("not a selector", f"unable to parse requirement: found 'a', expected: {BINARY}"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b,", "unable to parse requirement: found '', expected: ',', or identifier"),
        ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a=(b)", "unable to parse requirement: found '(', expected: identifier"),
        ("! =", "unable to parse requirement: found '=', expected: identifier"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a=-b", f'unable to parse requirement: values[0][a]: Invalid value: "-b": {VALUE}'),
        ("a in (-b,c,-d)", 'requirement: [values[0][a]: Invalid value: "-b": '),
        ("a>x", "values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an"),
        ("-a=b", 'requirement: <nil>: Invalid value: "-a": name part must consist of'),
        ("x/y/z", 'requirement: <nil>: Invalid value: "x/y/z": a valid label key must consist of'),
    ],
)
def test_what_is_no_selector_is_refused(cluster: Cluster, text: str, fault: str) -> None:
    answer = cluster.send("GET", cluster.path("configmaps"), labelSelector=text)

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert fault in answer.body["message"]


@pytest.mark.parametrize(
    ("spec", "value", "fault"),
    [
        ({"replicas": "two"}, "map[replicas:two]", "unrecognized type: int32"),
        ({"replicas": True}, "map[replicas:true]", "unrecognized type: int32"),
        ({"replicas": 1.5}, "map[replicas:1.5]", "cannot convert float64 to int32"),
        ({"replicas": [1, 2]}, "map[replicas:[1 2]]", "unrecognized type: int32"),
        ({"selector": "x"}, "map[selector:x]", "cannot restore struct from: string"),
        ({"strategy": [1]}, "map[strategy:[1]]", "cannot restore struct from: slice"),
        (
            {"selector": {"matchLabels": "x"}},
            "map[selector:map[matchLabels:x]]",
            "cannot restore map from string",
        ),
        (
            {"selector": {"matchLabels": {"app": 1}}},
            "map[selector:map[matchLabels:map[app:1]]]",
            "cannot convert int64 to string",
        ),
        (
            {"paused": None, "replicas": "x"},
            "map[paused:<nil> replicas:x]",
            "unrecognized type: int32",
        ),
    ],
)
def test_patch_of_the_wrong_type_is_told_as_it_came(
    cluster: Cluster, spec: Object, value: str, fault: str
) -> None:
    cluster.create(DEPLOYMENTS, a_deployment(replicas=0))

    answer = cluster.send("PATCH", cluster.path(DEPLOYMENTS, "web"), {"spec": spec}, kind=STRATEGIC)

    assert answer.code == 422
    assert (
        answer.body["message"]
        == f' "" is invalid: patch: Invalid value: "map[spec:{value}]": {fault}'
    )


@pytest.mark.parametrize(
    ("resource", "body", "field"),
    [
        ("configmaps", {"data": {}}, "data"),
        ("services", {"spec": {"ports": [{"port": 80}], "selector": {}}}, "selector"),
        ("services", {"spec": {"ports": [{"port": 80}], "externalIPs": []}}, "externalIPs"),
    ],
)
def test_field_that_holds_nothing_is_forgotten(
    cluster: Cluster, resource: str, body: Object, field: str
) -> None:
    made = cluster.create(resource, {"metadata": {"name": "a", "labels": {}}, **body})

    assert "labels" not in made["metadata"]
    assert field not in made.get("spec", made)
