"""What rollbacks make anew is what the run deleted, and nothing else; on both kinds of cluster.

The next action of a method that is being stopped may make something else under the same name.
"""

from typing import Any, Final

import pytest

from orchestrator.domain.net_effect import merged
from tests.integration.guard.conducting import Guard
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.places import Object, Place, a_deployment, a_pod

pytestmark = pytest.mark.timeout(120)

DEPLOYMENTS: Final = "apps/v1/deployments"
APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
OTHER: Final = "registry.practice/shop/catalog:1.5"


def words(name: str) -> Object:
    return {"metadata": {"name": name}, "data": {"a": "before"}}


def a_service(name: str) -> Object:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]}}


def pods_of(image: str) -> Object:
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}


CASES: Final[dict[str, tuple[str, Object, Object, str]]] = {
    "words": ("configmaps", words("a"), {}, ""),
    "words-applied": ("configmaps", words("b"), {"metadata": {"annotations": {APPLIED: "x"}}}, ""),
    "other-words": ("configmaps", words("c"), {"data": {"a": "after"}}, "data.a"),
    "more-words": ("configmaps", words("d"), {"data": {"b": "more"}}, "data.b"),
    "no-words": ("configmaps", words("e"), {"data": None}, "data"),
    "a-label": ("configmaps", words("f"), {"metadata": {"labels": {"a": "b"}}}, "metadata.labels"),
    "an-owner": (
        "configmaps",
        words("g"),
        {"metadata": {"ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "none", "uid": "none"}
        ]}},
        "metadata.ownerReferences",
    ),
    "workload": (DEPLOYMENTS, a_deployment("j", 1), {}, ""),
    "larger-workload": (DEPLOYMENTS, a_deployment("k", 1), {"spec": {"replicas": 2}}, "replicas"),
    "other-workload": (DEPLOYMENTS, a_deployment("l", 1), pods_of(OTHER), "containers"),
    "pod": ("pods", a_pod("m"), {}, ""),
    "other-pod": ("pods", a_pod("n"), {"spec": {"hostname": "other"}}, "spec.hostname"),
    # The one that was deleted had an address, which another would not have.
    "service": ("services", a_service("o"), {}, "spec.clusterIP"),
}  # fmt: skip
"""By what is told of it: the kind, an object, how it is made anew, and what is refused of that."""


async def proven(guard: Guard) -> None:
    await guard.undo()
    restoration = await guard.verify(12)
    assert restoration.is_proven, restoration
    assert restoration.kept == (), restoration


async def test_rollbacks_make_anew_what_was_there_and_nothing_else(
    place: Place, guarding: StartGuard
) -> None:
    paths = {
        told: place.path(kind, place.make(kind, made)["metadata"]["name"])
        for told, (kind, made, _, _) in CASES.items()
    }
    place.settle()
    answers: dict[str, tuple[int, Any]] = {}
    async with guarding(most_objects=200) as guard:
        behind = await guard.begin()
        for path in paths.values():
            body = {"gracePeriodSeconds": 0} if "/pods/" in path else None
            status, answer = await behind.raw("DELETE", path, body)
            assert status == 200, (path, answer["message"])
        await guard.do("restrain")
        for told, (kind, made, change, _) in CASES.items():
            answers[told] = await behind.raw("POST", place.path(kind), merged(made, change))

        await proven(guard)

    for told, (*_, refused) in CASES.items():
        status, answer = answers[told]
        message = str(answer.get("message", ""))
        assert status == (403 if refused else 201), (told, message)
        assert refused in message
        assert not refused or answer["details"]["causes"][0]["field"] == "rollback"
    assert not any(place.gone(path) for path in paths.values())


async def test_rollbacks_make_anew_what_was_there_before_the_run_changed_it(
    place: Place, guarding: StartGuard
) -> None:
    path = place.path("configmaps", place.make("configmaps", words("z"))["metadata"]["name"])
    changed = words("z") | {"data": {"a": "broken"}}
    async with guarding() as guard:
        behind = await guard.begin()
        assert (await behind.patch(path, {"data": {"a": "broken"}}))[0] == 200
        assert (await behind.raw("DELETE", path))[0] == 200
        await guard.do("restrain")

        assert (await behind.raw("POST", place.path("configmaps"), changed))[0] == 403
        assert (await behind.raw("POST", place.path("configmaps"), words("z")))[0] == 201

        await proven(guard)

    assert place.direct.get("configmaps", "z")["data"] == {"a": "before"}
