"""What a run took away is as it was, on both kinds of cluster, whatever it made in its place."""

from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.domain.changeable import changed_fields
from orchestrator.domain.remade import essentials
from orchestrator.guard.drafting import image
from tests.contract.cluster.asking import eventually
from tests.integration.guard.conducting import guard_at, loose
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.places import IMAGE, Object, Place, a_deployment, a_pod

pytestmark = pytest.mark.timeout(120)

DEPLOYMENTS, STATEFUL_SETS, JOBS = "apps/v1/deployments", "apps/v1/statefulsets", "batch/v1/jobs"
AT_ONCE: Final = {"gracePeriodSeconds": 0}
MERGE: Final = "application/merge-patch+json"


def a_service(name: str, **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


def a_set(name: str, **spec: Any) -> Object:
    found = a_deployment(name, 1)
    return {**found, "spec": {**found["spec"], "serviceName": name, **spec}}


def a_job(name: str) -> Object:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": IMAGE}]}
    return {"metadata": {"name": name}, "spec": {"template": {"spec": pod}}}


def selecting(name: str, app: str) -> Object:
    found = a_deployment(name, 1)
    found["spec"]["selector"] = {"matchLabels": {"app": app}}
    found["spec"]["template"]["metadata"]["labels"] = {"app": app}
    return found


def words(**more: Any) -> Object:
    return {"metadata": {"name": "words"}, "data": {"a": "b"}, **more}


CASES: Final[dict[str, tuple[str, Object, Object]]] = {
    "a service of the same file": ("services", a_service("same"), a_service("same")),
    "a service without an address": (
        "services", a_service("head"), a_service("head", clusterIP="None", selector={"a": "b"}),
    ),
    "a pod of the same file": ("pods", a_pod("same"), a_pod("same")),
    "a pod of another file": (
        "pods", a_pod("other-file"), a_pod("other-file", annotations={"a": "b"}) | {
            "spec": {"containers": [{"name": "main", "image": IMAGE, "args": ["--slow"]}]}},
    ),
    "a job of the same file": (JOBS, a_job("same"), a_job("same")),
    "a set of another service": (STATEFUL_SETS, a_set("set"), a_set("set", serviceName="b")),
    "a deployment of other pods": (
        DEPLOYMENTS, selecting("pods", "pods-a"), selecting("pods", "pods-b"),
    ),
    "a config map for good": ("configmaps", words(), words(immutable=True)),
}  # fmt: skip


def seen(place: Place, path: str) -> Object:
    """An object without what is new in each."""
    found = image(place.direct.send("GET", path).body)
    kept = {key: found["metadata"].get(key) for key in ("labels", "ownerReferences", "finalizers")}
    annotations = dict(found["metadata"].get("annotations", {}))
    annotations.pop("deployment.kubernetes.io/revision", None)
    kind = path.split("/")[-2]
    return dict(essentials(kind, found | {"metadata": kept | {"annotations": annotations}}))


def is_running(place: Place) -> bool:
    pods = place.direct.send("GET", place.path("pods")).body["items"]
    return all(pod["status"]["phase"] == "Running" for pod in pods)


async def test_what_was_made_in_its_place_gives_way_to_what_was_there(
    place: Place, database: Path
) -> None:
    paths = {
        told: place.path(kind, place.make(kind, made)["metadata"]["name"])
        for told, (kind, made, _) in CASES.items()
    }
    eventually(lambda: is_running(place))
    place.settle()
    before = {told: seen(place, path) for told, path in paths.items()}
    radius = loose(namespaces=frozenset({place.namespace}), irreversible=frozenset({"jobs"}))
    guarding = partial(guard_at, database, kubeconfig=place.kubeconfig, radius=radius)

    async with guarding() as guard:
        behind = await guard.begin()
        for told, path in paths.items():
            kind, _, again = CASES[told]
            assert (await behind.raw("DELETE", path, AT_ONCE))[0] == 200, told
            eventually(partial(place.gone, path))
            status, answer = await behind.raw("POST", place.path(kind), again)
            assert status == 201, (told, answer)
        guard.kill()
        await guard.ended()
    async with guarding(recovering=True) as guard:
        restoration = await guard.verify(60)
        assert restoration.is_proven, restoration
        assert restoration.kept == (), restoration

    after = {told: seen(place, path) for told, path in paths.items()}
    fields = {told: changed_fields(before[told], after[told]) for told in paths}
    assert {told: found for told, found in fields.items() if found} == {}


async def test_what_others_mended_in_our_service_stays_with_it(
    place: Place, guarding: StartGuard
) -> None:
    place.make("services", a_service("mended"))
    path = place.path("services", "mended")
    async with guarding() as guard:
        behind = await guard.begin()
        assert (await behind.raw("DELETE", path))[0] == 200
        assert (await behind.raw("POST", place.path("services"), a_service("mended")))[0] == 201
        label = {"metadata": {"labels": {"mended": "yes"}}}
        assert place.direct.send("PATCH", path, label, kind=MERGE).code == 200
        restoration = await guard.verify()

    assert restoration.is_proven
    assert {each.field for each in restoration.kept} == {"spec.clusterIP", "spec.clusterIPs"}
    assert place.direct.get("services", "mended")["metadata"]["labels"] == {"mended": "yes"}


def top(place: Place, pod: str, *between: str) -> str:
    """The uid of what owns a pod, through objects in between."""
    owner = place.direct.get("pods", pod)["metadata"]["ownerReferences"][0]
    for kind in between:
        owner = place.direct.get(kind, owner["name"])["metadata"]["ownerReferences"][0]
    return str(owner["uid"])


@pytest.mark.parametrize("kind", [DEPLOYMENTS, STATEFUL_SETS, "apps/v1/replicasets"])
async def test_what_was_left_to_itself_is_taken_in_again(
    place: Place, guarding: StartGuard, kind: str
) -> None:
    name = f"left-{kind.rpartition('/')[2]}"
    made = a_set(name) if kind == STATEFUL_SETS else a_deployment(name, 1)
    made["spec"]["replicas"] = 2
    place.make(kind, made)
    eventually(lambda: place.direct.get(kind, name)["status"].get("readyReplicas") == 2)
    before, path = place.pods(name), place.path(kind, name)
    async with guarding() as guard:
        behind = await guard.begin()
        assert (await behind.raw("DELETE", path, {"propagationPolicy": "Orphan"}))[0] == 200
        eventually(partial(place.gone, path))
        assert place.pods(name) == before
        restoration = await guard.verify()
        assert (restoration.is_proven, restoration.kept) == (True, ()), restoration

    assert place.pods(name) == before
    uid = place.direct.get(kind, name)["metadata"]["uid"]
    between = ["apps/v1/replicasets"] if kind == DEPLOYMENTS else []
    assert {top(place, pod, *between) for pod in before} == {uid}
