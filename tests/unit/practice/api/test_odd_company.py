"""Whatever object is accepted, the controllers go on with those beside it."""

import copy
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.practice.api.bootstrap import new_store
from orchestrator.practice.api.served.core import POD
from orchestrator.practice.api.store import Change
from orchestrator.practice.controllers import run_controllers
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key
from tests.unit.practice.api.calling import Server
from tests.unit.practice.api.test_garbage import OBJECTS as SIMPLE
from tests.unit.practice.api.test_garbage import SPACE, places
from tests.unit.practice.api.test_garbage_of_more_kinds import DEFINITION, DEFINITIONS, failures
from tests.unit.practice.api.test_garbage_of_more_kinds import OBJECTS as MORE

OBJECTS = {**SIMPLE, **MORE}
PODS = f"/api/v1{SPACE}/pods"
COMPANY = (
    f"/apis/apps/v1{SPACE}/deployments", f"/apis/apps/v1{SPACE}/statefulsets",
    f"/apis/policy/v1{SPACE}/poddisruptionbudgets", f"/api/v1{SPACE}/services",
    f"/api/v1{SPACE}/persistentvolumeclaims", "/api/v1/nodes", PODS,
)  # fmt: skip
A_POD = {"metadata": {"name": "some", "labels": {"app": "a"}}, "spec": {"containers": [
    {"name": "a", "image": "a:1"}]}}  # fmt: skip


def without(obj: dict[str, Any], gone: list[tuple[Any, ...]]) -> dict[str, Any]:
    """The object without some of its fields."""
    left = copy.deepcopy(obj)
    for place in sorted(gone, key=repr):
        here: Any = left
        try:
            for key in place[:-1]:
                here = here[key]
            del here[place[-1]]
        except (LookupError, TypeError):
            continue
    return left


async def in_company(path: str, odd: dict[str, Any]) -> list[int]:
    """How the server answers to an object, and to others that come to it and go."""
    server = Server()
    if "example.com" in path:
        named = {**DEFINITION, "metadata": {"name": "widgets.example.com"}}
        await server.call("POST", DEFINITIONS, named)
    codes = [(await server.call("POST", path, odd))[0]]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_controllers, server.store)
        for each in COMPANY:
            made = {"metadata": {"name": "some", "labels": {"app": "a"}}, **OBJECTS[each]}
            codes.append((await server.call("POST", each, made if each != PODS else A_POD))[0])
        await anyio.sleep(0.01)
        labels = {"metadata": {"labels": {"app": "b"}}}
        kind = "application/merge-patch+json"
        codes.append((await server.call("PATCH", f"{PODS}/some", labels, kind=kind))[0])
        codes.append((await server.call("DELETE", f"{PODS}/some"))[0])
        await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    return codes


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_object_that_says_little_leaves_the_controllers_working(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(OBJECTS)))
    spots = [place for place in places(OBJECTS[path]) if isinstance(place[-1], str)]
    gone = data.draw(st.lists(st.sampled_from(spots), max_size=4, unique=True))
    name = "widgets.example.com" if path == DEFINITIONS else "odd"
    odd = {"metadata": {"name": name}, **without(OBJECTS[path], gone)}

    with failures() as failed:
        codes = anyio.run(in_company, path, odd)

    assert failed == []
    assert max(codes) < 500


async def fails_over_one(seen: list[Key]) -> None:
    """A loop that cannot tell what one object concerns, until it has seen the other."""
    store, done = new_store(seed=1), anyio.Event()

    def keys(change: Change) -> list[Key]:
        if change.stored.object["metadata"]["name"] == "odd":
            raise KeyError("spec")
        return list(own_key(change))

    def note(key: Key) -> None:
        seen.append(key)
        done.set()

    server = Server(store)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ControlLoop(store, "a controller", {POD: keys}, note).run)
        for name in ("odd", "even"):
            body = {**A_POD, "metadata": {"name": name}}
            assert (await server.call("POST", PODS, body))[0] == 201
        with anyio.fail_after(5):
            await done.wait()
        tasks.cancel_scope.cancel()


def test_loop_that_fails_over_one_object_says_so_and_sees_the_next() -> None:
    seen: list[Key] = []

    with failures() as failed:
        anyio.run(fails_over_one, seen)

    assert seen == [("default", "even")]
    assert [text for text in failed if "default/odd" in text] == failed != []
