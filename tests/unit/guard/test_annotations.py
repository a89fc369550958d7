"""An annotation that gives a service a name or a way in is nothing that a run may write."""

from typing import Any

import pytest

from orchestrator.domain.undo import Verb
from orchestrator.guard.impact.annotations import check_annotations
from orchestrator.guard.refusals import NotLetThrough
from tests.unit.guard.small_cluster import SmallCluster, an_object
from tests.unit.guard.test_rules import a_draft

HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"


def annotated(key: str, value: str = "x") -> dict[str, Any]:
    return an_object(annotations={key: value})


def is_refused(before: Any, after: Any, kind: str = "services") -> bool:
    verb = Verb.CHANGE if before and after else Verb.CREATE if after else Verb.DELETE
    try:
        check_annotations(a_draft(verb, before, after, kind=kind), SmallCluster().around())
    except NotLetThrough as error:
        return error.rule == "expansion"
    return False


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (HOSTNAME, True),
        ("getambassador.io/config", True),
        ("konghq.com/plugins", True),
        ("traefik.ingress.kubernetes.io/service.sticky", True),
        ("haproxy.org/server-ssl", True),
        ("team.example/owner", False),
        ("plain", False),
        ("kubectl.kubernetes.io/restartedAt", False),
    ],
)
def test_a_service_is_given_no_name_and_no_way_in(key: str, *, expected: bool) -> None:
    assert is_refused(None, annotated(key)) is expected
    assert is_refused(an_object(), annotated(key)) is expected
    assert is_refused(annotated(key), an_object()) is expected
    assert is_refused(annotated(key), annotated(key, "y")) is expected


def test_what_a_service_has_already_it_keeps_and_takes_along() -> None:
    assert not is_refused(annotated(HOSTNAME), annotated(HOSTNAME))
    assert not is_refused(annotated(HOSTNAME), None)


@pytest.mark.parametrize(("key", "expected"), [("team.example/owner", True), ("plain", False)])
def test_an_ingress_is_told_nothing_at_all(key: str, *, expected: bool) -> None:
    assert is_refused(None, annotated(key), kind="ingresses") is expected
