"""What is written and put back in every way and at every moment, on both kinds of cluster.

The guard is a process, and so is the cluster; what is compared is read without the guard.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from orchestrator.domain.run import Phase
from orchestrator.domain.undo import Restoration, UndoState
from tests.contract.cluster.asking import APPLY, JSON_PATCH, MERGE, STRATEGIC
from tests.integration.guard.conducting import (
    ANOTHER_RUN,
    Cluster,
    Guard,
    guard_at,
    loose,
    records,
)
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.furnished import rule
from tests.integration.guard.places import IMAGE, Object, Place

pytestmark = pytest.mark.timeout(120)

DEPLOYMENTS: Final = "apps/v1/deployments"
BROKEN: Final = IMAGE.replace(":1.4", ":broken")
Request = tuple[str, str, Any, str]


@pytest.fixture
def web(place: Place) -> Iterator[str]:
    """The path of web, which is as before after the test, down to its labels."""
    before = whole(place)
    yield place.path(DEPLOYMENTS, "web")
    place.settle()
    assert whole(place) == before


def whole(place: Place) -> Object:
    """All that people may have written of web and of the config maps beside it."""
    found = place.direct.get(DEPLOYMENTS, "web")
    metadata = found["metadata"]
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key != "deployment.kubernetes.io/revision"
    }
    maps = place.direct.send("GET", place.path("configmaps")).body["items"]
    return {
        "spec": found["spec"],
        "labels": metadata["labels"],
        "annotations": annotations,
        "maps": {each["metadata"]["name"]: each.get("data") for each in maps},
    }


async def put_back(guard: Guard) -> Restoration:
    await guard.undo()
    restoration = await guard.verify(30)
    assert restoration.is_proven, restoration
    return restoration


# Every way of writing

STEPS: Final = [
    {"op": "test", "path": "/spec/replicas", "value": 4},
    {"op": "replace", "path": "/spec/replicas", "value": 2},
    {"op": "remove", "path": "/metadata/labels/part-of"},
    {"op": "add", "path": "/metadata/labels/seen", "value": "yes"},
    {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": BROKEN},
]
TEMPLATE: Final = {"spec": {"containers": [{"name": "main", "image": BROKEN}]}}
APPLIED: Final = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"seen": "yes"}},
    "spec": {"replicas": 2},
}
PATCHES: Final[dict[str, tuple[str, Any, str]]] = {
    "JSON patch": ("", STEPS, JSON_PATCH),
    "merge patch": ("", {"spec": {"replicas": 2}, "metadata": {"labels": {"seen": "x"}}}, MERGE),
    "strategic patch of a list": ("", {"spec": {"replicas": 2, "template": TEMPLATE}}, STRATEGIC),
    "server-side apply": ("?fieldManager=me&force=true", APPLIED, APPLY),
    "merge patch of the scale": ("/scale", {"spec": {"replicas": 2}}, MERGE),
    "JSON patch of the scale": ("/scale", STEPS[1:2], JSON_PATCH),
}


@pytest.mark.parametrize("name", sorted(PATCHES))
async def test_patch_of_every_kind_is_put_back(
    guarding: StartGuard, place: Place, web: str, name: str
) -> None:
    part, body, media = PATCHES[name]
    async with guarding() as guard:
        behind = await guard.begin()
        status, answer = await behind.patch(f"{web}{part}", body, media)
        assert status == 200, answer
        assert place.direct.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 2

        restoration = await put_back(guard)

    assert restoration.undone == (f"deployments/{place.namespace}/web",)
    assert restoration.kept == ()


@pytest.mark.parametrize("part", ["", "/scale"])
async def test_put_is_put_back(guarding: StartGuard, place: Place, web: str, part: str) -> None:
    async with guarding() as guard:
        behind = await guard.begin()
        wanted = await behind.read(f"{web}{part}")
        wanted["spec"]["replicas"] = 2
        if not part:
            wanted["metadata"]["labels"] = wanted["metadata"]["labels"] | {"seen": "yes"}
            wanted["spec"]["template"]["spec"]["containers"][0]["image"] = BROKEN
            # The Deployment's own controller writes its status at any time.
            wanted["metadata"].pop("resourceVersion")
        status, answer = await behind.raw("PUT", f"{web}{part}", wanted)
        assert status == 200, answer
        assert place.direct.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 2

        assert (await put_back(guard)).kept == ()


# Others


async def test_conflict_with_a_third_party_is_kept_and_told_by_field(
    guarding: StartGuard, place: Place
) -> None:
    web = place.path(DEPLOYMENTS, "web")
    ours = {"spec": {"replicas": 2, "minReadySeconds": 1}, "metadata": {"labels": {"seen": "x"}}}
    before = whole(place)
    async with guarding() as guard:
        behind = await guard.begin()
        assert (await behind.patch(web, ours))[0] == 200
        theirs = place.direct.send("PATCH", web, {"spec": {"replicas": 3}}, kind=MERGE)
        assert theirs.code == 200

        restoration = await put_back(guard)

    kept = restoration.kept[0]
    told = (kept.object, kept.field, kept.before, kept.ours, kept.now)
    assert told == (f"deployments/{place.namespace}/web", "spec.replicas", "4", "2", "3")
    now = whole(place)
    assert now["spec"] == before["spec"] | {"replicas": 3}
    assert now["labels"] == before["labels"]
    place.direct.send("PATCH", web, {"spec": {"replicas": 4}}, kind=MERGE)
    await anyio.to_thread.run_sync(place.settle)


@contextmanager
def a_busy_writer(place: Place, path: str) -> Iterator[list[int]]:
    """Somebody who annotates an object every few milliseconds; holds the number of times."""
    over, turns = threading.Event(), [0]

    def write() -> None:
        while not over.wait(0.003):
            body = {"metadata": {"annotations": {"theirs": str(turns[0] + 1)}}}
            if place.direct.send("PATCH", path, body, kind=MERGE).code == 200:
                turns[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield turns
    finally:
        over.set()
        thread.join()


async def test_two_hundred_patches_beside_a_busy_writer_all_succeed_and_are_put_back(
    guarding: StartGuard, place: Place, database: Path
) -> None:
    path = place.path("configmaps", "busy")
    place.make("configmaps", {"metadata": {"name": "busy"}, "data": {"turn": "0"}})
    async with guarding() as guard:
        behind = await guard.begin()
        with a_busy_writer(place, path) as theirs:
            patches = [behind.patch(path, {"data": {"turn": str(n)}}) for n in range(1, 201)]
            statuses = [(await each)[0] for each in patches]
            await put_back(guard)

    assert statuses == [200] * 200
    assert theirs[0] > 50, "the other writer was hardly there"
    # Each image of before is the one of after the write before it, whatever others wrote between.
    images = [each.before["data"]["turn"] for each in await records(database) if each.before]
    assert images == [str(number) for number in range(200)]
    now = place.direct.get("configmaps", "busy")
    assert now["data"] == {"turn": "0"}
    assert now["metadata"]["annotations"]["theirs"] == str(theirs[0])
    place.remove(path)


# Dying

WRITES: Final[dict[str, Request]] = {
    "change": ("PATCH", "apps/v1/deployments web", {"spec": {"replicas": 2}}, MERGE),
    "creation": ("POST", "configmaps", {"metadata": {"name": "made"}, "data": {"a": "b"}}, ""),
    "deletion": ("DELETE", "configmaps kept", None, ""),
    "deletion of a workload": ("DELETE", "apps/v1/deployments web", None, ""),
}


@pytest.fixture
def kept(place: Place) -> Iterator[None]:
    place.make("configmaps", {"metadata": {"name": "kept"}, "data": {"k": "v"}})
    yield
    place.remove(place.path("configmaps", "kept"))


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("dies_at", ["intend", "settle"])
@pytest.mark.parametrize("name", sorted(WRITES))
async def test_guard_that_dies_on_the_way_of_a_write_is_made_good_by_the_next(
    place: Place, database: Path, name: str, dies_at: str
) -> None:
    method, resource, body, media = WRITES[name]
    path = place.path(*resource.split())
    start = partial(
        guard_at,
        database,
        kubeconfig=place.kubeconfig,
        radius=loose(namespaces=frozenset({place.namespace})),
    )
    before = whole(place)
    async with start(dies_at=dies_at) as guard:
        behind = await guard.begin()
        with pytest.raises((OSError, IndexError, ValueError)):
            await behind.raw(method, path, body, {"Content-Type": media} if media else {})
        await guard.ended()
    assert [each.state for each in await records(database)] == [UndoState.INTENT]

    for _ in range(2):
        async with start(recovering=True) as guard:
            assert (await put_back(guard)).kept == ()
        await anyio.to_thread.run_sync(place.settle)
        assert whole(place) == before


# Two runs


async def test_object_that_a_run_has_written_is_refused_to_another_until_it_is_put_back(
    guarding: StartGuard, place: Place, web: str, database: Path
) -> None:
    begin_both(database)
    body = {"spec": {"replicas": 3}}
    radius = loose(namespaces=frozenset({place.namespace}))
    another = guard_at(database, kubeconfig=place.kubeconfig, radius=radius, run=ANOTHER_RUN)
    async with guarding() as one, another as two:
        ours: Cluster = await one.begin()
        theirs: Cluster = await two.begin()
        assert (await ours.patch(web, {"spec": {"replicas": 2}}))[0] == 200
        too_early = await theirs.patch(web, body)
        elsewhere = await theirs.patch(place.path("services", "web"), a_selector("nobody"))
        await put_back(one)
        status, answer = await theirs.patch(web, body)
        await put_back(two)

    assert rule(too_early) == "other_run", json.dumps(too_early[1])
    assert elsewhere[0] == 200
    assert status == 200, answer
    assert place.direct.get("services", "web")["spec"]["selector"] == {"app": "web"}


def a_selector(name: str) -> Object:
    return {"spec": {"selector": {"app": name}}}


def begin_both(database: Path) -> None:
    """As if the conductors of both runs had let their methods loose."""
    with sqlite3.connect(database) as connection:
        connection.execute("update runs set phase = ?", (Phase.INJECTING,))
    connection.close()
