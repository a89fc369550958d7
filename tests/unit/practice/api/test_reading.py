"""Selectors, types, protobuf, ages: how the server reads and writes text."""

from typing import Any

import pytest

from orchestrator.practice.api.columns.ages import human
from orchestrator.practice.api.quantities import quantity
from orchestrator.practice.api.schema import Findings, TypeMismatch, conform
from orchestrator.practice.api.selector_texts import parse
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.statuses import ApiError
from orchestrator.practice.api.wire import Garbled, decode


def text(number: int, value: bytes) -> bytes:
    """A field of a protobuf message that holds text or another message."""
    assert len(value) < 128
    return bytes([number << 3 | 2, len(value)]) + value


def enveloped(kind: bytes, raw: bytes) -> bytes:
    """A body as clients of Kubernetes send it."""
    head = text(1, b"v1") + text(2, kind)
    return b"k8s\x00" + text(1, head) + text(2, raw)


def test_protobuf_is_read_by_field_number() -> None:
    metadata = text(1, b"c")
    pair = text(1, b"key") + text(2, b"value")

    obj = decode(enveloped(b"ConfigMap", text(1, metadata) + text(2, pair)), "core.v1.ConfigMap")

    assert obj == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"key": "value"},
    }


def test_zero_of_a_pointer_is_kept_and_zero_of_a_value_is_not() -> None:
    # replicas, field 1 of a deployment's spec, is a pointer; minReadySeconds, field 5, is none.
    raw = text(2, bytes([1 << 3, 0, 5 << 3, 0]))

    obj = decode(enveloped(b"Deployment", raw), "apps.v1.Deployment")

    assert obj["spec"] == {"replicas": 0}


@pytest.mark.parametrize(
    "raw",
    [b"", b"json", b"k8s\x00\x0a\x05ab", b"k8s\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"],
)
def test_bytes_that_are_no_message_are_garbled(raw: bytes) -> None:
    with pytest.raises(Garbled):
        decode(raw, "core.v1.ConfigMap")


def test_nulls_and_unknown_fields_are_dropped_and_the_latter_reported() -> None:
    findings = Findings()
    pod = {"spec": {"containers": [{"name": "a", "imagee": "b"}], "nodeName": None}, "x": 1}

    read = conform(pod, "core.v1.Pod", findings)

    assert read == {"spec": {"containers": [{"name": "a"}]}}
    assert findings.unknown == [
        'unknown field "spec.containers[0].imagee"',
        'unknown field "x"',
    ]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"replicas": "1"}, "cannot unmarshal string into Go struct field"),
        ({"replicas": 2**31}, "of type int32"),
        ({"replicas": True}, "cannot unmarshal bool"),
        ({"paused": 1}, "DeploymentSpec.spec.paused of type bool"),
        ([], "cannot unmarshal array"),
    ],
)
def test_wrong_types_are_named(spec: Any, said: str) -> None:
    with pytest.raises(TypeMismatch, match=said):
        conform({"spec": spec}, "apps.v1.Deployment")


def test_selector_object_and_selector_text_agree() -> None:
    selector = of_object(
        {
            "matchLabels": {"a": "1"},
            "matchExpressions": [
                {"key": "b", "operator": "NotIn", "values": ["x"]},
                {"key": "c", "operator": "Exists"},
            ],
        }
    )
    same = parse("a=1,b notin (x),c")

    for labels in ({"a": "1", "c": ""}, {"a": "1", "b": "x", "c": ""}, {"a": "2"}, {}):
        assert selector.holds(labels) is same.holds(labels)


def test_number_in_a_selector_is_compared() -> None:
    assert parse("cores > 3").holds({"cores": "4"})
    assert not parse("cores > 3").holds({"cores": "many"})
    with pytest.raises(ApiError):
        parse("cores > few")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0s"), (119, "119s"), (120, "2m"), (185, "3m5s"), (600, "10m"), (10_800, "3h"),
        (11_100, "3h5m"), (29_000, "8h"), (172_800, "2d"), (180_000, "2d2h"), (700_000, "8d"),
        (63_072_000, "2y"), (-5, "<invalid>"),
    ],
)  # fmt: skip
def test_ages_are_short(seconds: int, said: str) -> None:
    assert human(seconds) == said


@pytest.mark.parametrize(
    ("said", "number"),
    [("100m", 0.1), ("2", 2), ("1Gi", 2**30), ("1k", 1000), ("1e3", 1000), ("5E", 5e18)],
)
def test_quantities_are_numbers(said: str, number: float) -> None:
    assert quantity(said) == pytest.approx(number)
