"""Who owned a field before a run owns it after the undo, on both kinds of cluster.

An owner who applies in the server, as a GitOps controller does, must not find itself in conflict
with a run that is over.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.domain.undo import UndoState
from tests.contract.cluster.asking import APPLY, JSON, JSON_PATCH, MERGE, STRATEGIC, eventually
from tests.integration.guard.conducting import Cluster, guard_at, loose, records
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.places import IMAGE, Object, Place

pytestmark = pytest.mark.timeout(60)

DEPLOYMENTS: Final = "apps/v1/deployments"
OTHER_IMAGE: Final = "registry.practice/shop/catalog:1.5"
Write = Callable[[Cluster, str, Object], Any]


def wanted(name: str, *, replicas: int = 1, image: str = IMAGE) -> Object:
    """What the owner applies."""
    labels = {"app": name, "part-of": "world"}
    container = {"name": "main", "image": image, "ports": [{"containerPort": 80}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def apply(place: Place, body: Object, **query: str) -> Any:
    path = place.path(DEPLOYMENTS, body["metadata"]["name"])
    return place.direct.send("PATCH", path, body, kind=APPLY, fieldManager="gitops", **query)


def owners(place: Place, path: str) -> list[Mapping[str, Any]]:
    """Who owns what; not when they wrote it, nor what controllers say of the status."""
    found = place.direct.send("GET", path).body["metadata"].get("managedFields", [])
    kept = [
        {key: value for key, value in each.items() if key != "time"}
        for each in found
        if each.get("subresource") != "status"
    ]
    return sorted(kept, key=str)


async def send(behind: Cluster, method: str, path: str, body: Any, kind: str = JSON) -> None:
    status, answer = await behind.raw(method, path, body, {"Content-Type": kind})
    assert status < 300, answer


def by(method: str, kind: str, body: Any, part: str = "") -> Write:
    async def write(behind: Cluster, path: str, _now: Object) -> None:
        said = body(_now) if callable(body) else body
        await send(behind, method, f"{path}{part}", said, kind)

    return write


def scale(replicas: int) -> Callable[[Object], Object]:
    def body(now: Object) -> Object:
        name, namespace = now["metadata"]["name"], now["metadata"]["namespace"]
        return {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"replicas": replicas},
        }

    return body


def replaced(now: Object) -> Object:
    metadata = now["metadata"]
    labels = {**metadata["labels"], "slow": "yes"}
    spec = {**now["spec"], "replicas": 2}
    return {**now, "spec": spec, "metadata": {**metadata, "labels": labels}}


def applied(now: Object) -> Object:
    return wanted(now["metadata"]["name"], replicas=2, image=OTHER_IMAGE)


TWO: Final = {"spec": {"replicas": 2}}
PATCHED: Final = {"metadata": {"labels": {"slow": "yes"}}, **TWO}
FORCED: Final = "?fieldManager=kubectl&force=true"
WRITES: Final[dict[str, Write]] = {
    "merge": by("PATCH", MERGE, PATCHED, "?fieldManager=hand"),
    "merge-unnamed": by("PATCH", MERGE, PATCHED),
    "strategic": by(
        "PATCH", STRATEGIC,
        {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": OTHER_IMAGE}]}}}},
        "?fieldManager=kubectl-set",
    ),
    "json": by("PATCH", JSON_PATCH, [{"op": "replace", "path": "/spec/replicas", "value": 2}]),
    "put": by("PUT", JSON, replaced),
    "applied": by("PATCH", APPLY, applied, FORCED),
    "applied-as-the-owner": by("PATCH", APPLY, applied, "?fieldManager=gitops&force=true"),
    "scale": by("PATCH", MERGE, TWO, "/scale?fieldManager=scaler"),
    "scale-unnamed": by("PATCH", MERGE, TWO, "/scale"),
    "scale-put": by("PUT", JSON, scale(2), "/scale"),
    "scale-applied": by("PATCH", APPLY, scale(2), f"/scale{FORCED}"),
}  # fmt: skip


@pytest.fixture
def owned(place: Place, request: pytest.FixtureRequest) -> str:
    """The path of a deployment that its owner applied, and whose controller is done with it."""
    name = f"o-{abs(hash(request.node.name)) % 10**8}"
    assert apply(place, wanted(name)).code == 201
    eventually(place.is_steady)
    return place.path(DEPLOYMENTS, name)


def check_not_in_conflict(place: Place, path: str) -> None:
    name = path.rsplit("/", 1)[-1]
    answer = apply(place, wanted(name, replicas=3, image=OTHER_IMAGE), dryRun="All")
    assert answer.code == 200, answer.body


@pytest.mark.parametrize("told", WRITES)
async def test_owner_has_its_fields_back(
    place: Place, guarding: StartGuard, owned: str, told: str
) -> None:
    before = owners(place, owned)
    async with guarding() as guard:
        behind = await guard.begin()
        await WRITES[told](behind, owned, place.direct.send("GET", owned).body)
        during = owners(place, owned)
        restoration = await guard.undo()

    assert told == "applied-as-the-owner" or during != before
    assert (restoration.pending, restoration.notes) == ((), ())
    assert owners(place, owned) == before
    check_not_in_conflict(place, owned)


async def test_many_writes_and_a_rollback_of_the_run_leave_owners_as_they_were(
    place: Place, guarding: StartGuard, owned: str
) -> None:
    before = owners(place, owned)
    async with guarding() as guard:
        behind = await guard.begin()
        for write in WRITES.values():
            await write(behind, owned, place.direct.send("GET", owned).body)
        await guard.do("roll_back")
        # Nothing is left to put back but who owns it.
        await send(behind, "PATCH", f"{owned}/scale", {"spec": {"replicas": 1}}, MERGE)
        restoration = await guard.undo()

    assert restoration.pending == ()
    assert owners(place, owned) == before
    check_not_in_conflict(place, owned)


async def test_owners_return_after_a_kill_before_or_after_fields_are_put_back(
    place: Place, database: Path, owned: str
) -> None:
    radius = loose(namespaces=frozenset({place.namespace}))
    guarding = partial(guard_at, database, kubeconfig=place.kubeconfig, radius=radius)
    before = owners(place, owned)
    async with guarding(dies_at="settle") as guard:
        behind = await guard.begin()
        with pytest.raises((OSError, IndexError, ValueError)):
            await behind.patch(f"{owned}?fieldManager=hand", PATCHED)
        await guard.ended()
    assert owners(place, owned) != before
    # The fields are put back, and the guard dies before the journal hears of it.
    async with guarding(recovering=True, dies_at="settle") as guard:
        await guard.say({"id": 1, "do": "undo"})
        await guard.ended()
    async with guarding(recovering=True) as guard:
        restoration = await guard.undo()

    assert (restoration.pending, restoration.notes) == ((), ())
    assert {each.state for each in await records(database)} == {UndoState.UNDONE}
    assert owners(place, owned) == before
    check_not_in_conflict(place, owned)


async def test_object_that_was_deleted_is_made_anew_with_its_owners(
    place: Place, guarding: StartGuard, owned: str
) -> None:
    before = owners(place, owned)
    async with guarding() as guard:
        behind = await guard.begin()
        assert (await behind.raw("DELETE", owned))[0] == 200
        eventually(lambda: place.gone(owned))
        restoration = await guard.undo()

    assert restoration.pending == ()
    assert owners(place, owned) == before
    check_not_in_conflict(place, owned)


async def test_what_others_write_meanwhile_stays_theirs(
    place: Place, guarding: StartGuard, owned: str
) -> None:
    async with guarding() as guard:
        behind = await guard.begin()
        await send(behind, "PATCH", owned, PATCHED, MERGE)
        body = {"metadata": {"annotations": {"seen": "1"}}, "spec": {"replicas": 3}}
        answer = place.direct.send("PATCH", owned, body, kind=MERGE, fieldManager="responder")
        assert answer.code == 200, answer.body
        restoration = await guard.undo()

    assert [each.field for each in restoration.kept] == ["spec.replicas"]
    theirs = {"f:metadata": {"f:annotations": {"f:seen": {}}}, "f:spec": {"f:replicas": {}}}
    found = {each["manager"]: each["fieldsV1"] for each in owners(place, owned)}
    seen = found["responder"]["f:metadata"]["f:annotations"]
    seen.pop(".", None)
    assert found["responder"] == theirs
    assert set(found) <= {"gitops", "responder", "kube-controller-manager"}
    assert "f:replicas" not in found["gitops"]["f:spec"]
    assert set(found["gitops"]["f:metadata"]["f:labels"]) == {"f:app", "f:part-of"}


async def test_object_that_its_owner_made_anew_is_left_alone(
    place: Place, guarding: StartGuard, owned: str
) -> None:
    async with guarding() as guard:
        behind = await guard.begin()
        assert (await behind.raw("DELETE", owned))[0] == 200
        eventually(lambda: place.gone(owned))
        body = wanted(owned.rsplit("/", 1)[-1])
        assert apply(place, body).code == 201
        before = owners(place, owned)
        restoration = await guard.undo()

    assert restoration.pending == ()
    assert owners(place, owned) == before


async def test_nodes_pods_and_maps_have_their_owners_back(
    place: Place, guarding: StartGuard
) -> None:
    node = "/api/v1/nodes/" + place.direct.send("GET", "/api/v1/nodes").body["items"][0][
        "metadata"]["name"]  # fmt: skip
    words = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "words"}}
    words |= {"data": {"a": "1", "b": "1"}}
    path = place.path("configmaps", "words")
    place.direct.send("PATCH", path, words, kind=APPLY, fieldManager="gitops")
    pod = place.path("pods", place.pods("web")[0])
    note = {"metadata": {"annotations": {"slow": "yes"}}}
    writes = {node: {"spec": {"unschedulable": True}}, path: {"data": {"a": "2"}}, pod: note}
    before = {each: owners(place, each) for each in writes}
    async with guarding() as guard:
        behind = await guard.begin()
        for each, patch in writes.items():
            await send(behind, "PATCH", each, patch, MERGE)
        restoration = await guard.undo()

    assert (restoration.pending, restoration.notes) == ((), ())
    assert {each: owners(place, each) for each in writes} == before
