"""What a cloud lends to a service is not given back by a run."""

from typing import Any

import pytest

from orchestrator.domain.undo import Verb
from orchestrator.guard.outside import gives_up
from tests.unit.guard.test_rules import a_draft

BALANCED, PLAIN = ({"spec": {"type": kind}} for kind in ("LoadBalancer", "ClusterIP"))


def with_metadata(service: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {**service, "metadata": metadata}


@pytest.mark.parametrize(
    ("verb", "before", "after", "is_refused"),
    [
        (Verb.DELETE, BALANCED, None, True),
        (Verb.DELETE, PLAIN, None, False),
        (Verb.DELETE, {}, None, False),
        (Verb.CREATE, None, BALANCED, False),
        (Verb.CHANGE, BALANCED, {"spec": {"type": "LoadBalancer", "selector": {"a": "b"}}}, False),
        (Verb.CHANGE, BALANCED, with_metadata(BALANCED, labels={"a/b": "c"}), False),
        (Verb.CHANGE, BALANCED, with_metadata(BALANCED, annotations={"plain": "x"}), False),
        (Verb.CHANGE, BALANCED, with_metadata(BALANCED, annotations={"cloud/size": "x"}), True),
        (Verb.CHANGE, with_metadata(BALANCED, annotations={"cloud/size": "x"}), BALANCED, True),
        (Verb.CHANGE, PLAIN, with_metadata(PLAIN, annotations={"cloud/size": "x"}), False),
    ],
)
def test_a_service_with_an_address_of_a_cloud_keeps_it(
    verb: Verb, before: Any, after: Any, is_refused: bool
) -> None:
    denied = gives_up(a_draft(verb, before, after, kind="services"))

    assert (denied is not None) is is_refused
    assert denied is None or denied.rule == "irreversible"


def test_only_services_are_lent_anything() -> None:
    assert gives_up(a_draft(Verb.DELETE, BALANCED, None, kind="configmaps")) is None
