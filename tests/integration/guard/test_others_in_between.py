"""An undo knows what it is about where objects of one name come and go during a run.

Each sequence was once undone wrongly, and said to be proven.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import pytest

from orchestrator.domain.undo import changed_leaves
from tests.integration.guard.conducting import loose, until
from tests.integration.guard.inside import Inside, Object, a_guard_inside, an_api
from tests.integration.guard.places import a_deployment

pytestmark = pytest.mark.timeout(60)

CORE, APPS = "/api/v1/namespaces/shop", "/apis/apps/v1/namespaces/shop"
WORDS, SERVICE = f"{CORE}/configmaps/words", f"{CORE}/services/web"
SETS, POD = f"{APPS}/statefulsets", f"{CORE}/pods/db-0"
MERGE: Final = "application/merge-patch+json"


def words(value: str, **more: Any) -> Object:
    return {"metadata": {"name": "words"}, "data": {"a": value}, **more}


def selecting(app: str | None) -> Object:
    return {"spec": {"selector": {"app": app}}}


A_SERVICE: Final = {
    "metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}
}  # fmt: skip
A_SET: Final = a_deployment("db", 1)
LABELLED: Final = {"metadata": {"labels": {"app": "isolated"}}}


@dataclass(frozen=True, slots=True)
class Step:
    """One request, of the run or of somebody else."""

    who: str
    method: str
    path: str
    body: Object | None = None

    async def make(self, inside: Inside) -> None:
        ask = inside.ask if self.who == "run" else inside.do
        media = MERGE if self.method == "PATCH" else "application/json"
        status, answer = await ask(self.method, self.path, self.body, media)
        assert status < 300, answer


def changed(path: str, body: Object, who: str = "run") -> Step:
    return Step(who, "PATCH", path, body)


def deleted(path: str, who: str = "run") -> Step:
    return Step(who, "DELETE", path)


def made(path: str, body: Object, who: str = "run") -> Step:
    return Step(who, "POST", path.rpartition("/")[0], body)


FAULT, THEIRS = words("fault"), words("theirs")
CASES: Final[dict[str, tuple[str, Object | None, Sequence[Step], Object | None]]] = {
    "made anew as it was before the run": (
        SERVICE, A_SERVICE,
        [changed(SERVICE, selecting("nobody")), deleted(SERVICE), made(SERVICE, A_SERVICE)],
        A_SERVICE,
    ),
    "made anew for good": (
        WORDS, words("before"),
        [changed(WORDS, FAULT), deleted(WORDS), made(WORDS, words("before", immutable=True))],
        words("before"),
    ),
    "changed in another's of that name": (
        WORDS, words("before"),
        [changed(WORDS, FAULT), deleted(WORDS, "others"), made(WORDS, THEIRS, "others"),
         changed(WORDS, FAULT)],
        THEIRS,
    ),
    "changed in another's where the run's own was": (
        WORDS, None,
        [made(WORDS, words("ours")), deleted(WORDS, "others"), made(WORDS, THEIRS, "others"),
         changed(WORDS, FAULT)],
        THEIRS,
    ),
    "another's that the run took away": (
        WORDS, None,
        [made(WORDS, words("ours")), deleted(WORDS, "others"), made(WORDS, THEIRS, "others"),
         deleted(WORDS)],
        THEIRS,
    ),
    "another's, changed by the run, and taken away by them": (
        WORDS, words("before"),
        [changed(WORDS, FAULT), deleted(WORDS), made(WORDS, THEIRS, "others"),
         changed(WORDS, FAULT), deleted(WORDS, "others")],
        None,
    ),
    "made where others took away what the run had changed": (
        WORDS, words("before"),
        [changed(WORDS, FAULT), deleted(WORDS, "others"), made(WORDS, words("ours"))],
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_what_is_left_is_what_was_there_or_what_others_made(case: str) -> None:
    path, before, steps, left = CASES[case]
    async with an_api() as server, a_guard_inside(server, loose(**SHOP)) as inside:
        await inside.do("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        if before is not None:
            await made(path, before, "others").make(inside)
        for step in steps:
            await step.make(inside)

        restoration = await inside.undoing.undo()
        again = await inside.undoing.undo()

        status, now = await inside.do("GET", path)
        assert restoration.is_proven
        assert again.is_proven
        if left is None:
            assert status == 404
        else:
            assert shown(now) == shown(left)


def shown(document: Object) -> Any:
    return document.get("data") or document["spec"]["selector"]


SHOP: Final = {"namespaces": frozenset({"shop"}), "most_objects": 200}


@pytest.mark.parametrize("is_made", [False, True])
async def test_successor_of_a_pod_that_the_run_deleted_gets_its_labels_back(
    is_made: bool,
) -> None:
    async with an_api() as server, a_guard_inside(server, loose(**SHOP)) as inside:
        await inside.do("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        await made(f"{SETS}/db", A_SET, "run" if is_made else "others").make(inside)
        first = await there(inside)
        await deleted(POD).make(inside)
        successor = await there(inside, but=first["metadata"]["uid"])
        await changed(POD, LABELLED).make(inside)

        restoration = await inside.undoing.undo(wait=timedelta(seconds=10))

        assert restoration.is_proven
        if is_made:
            await until(lambda: gone(inside))
            return
        now = await there(inside)
        assert changed_leaves(successor["metadata"]["labels"], now["metadata"]["labels"]) == {}
        assert now["metadata"]["ownerReferences"]


async def there(inside: Inside, *, but: str = "") -> Object:
    """The pod of the set, once it is there with a controller, and not the one named."""
    found: list[Object] = []

    async def is_there() -> bool:
        status, pod = await inside.do("GET", POD)
        if status == 200 and "ownerReferences" in pod["metadata"]:
            found.append(pod)
        return bool(found) and found[-1]["metadata"]["uid"] != but

    await until(is_there)
    return found[-1]


async def gone(inside: Inside) -> bool:
    return (await inside.do("GET", POD))[0] == 404
