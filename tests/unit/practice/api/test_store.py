"""The store: versions, what watchers are told, indexes, and names that can be repeated."""

from typing import Any

import anyio
import pytest

from orchestrator.practice.api.bootstrap import new_store
from orchestrator.practice.api.deleting import Deletion, delete, options_causes
from orchestrator.practice.api.served.core import CONFIG_MAP, NAMESPACE, POD
from orchestrator.practice.api.store import HISTORY, OVERRUN, Happened, Store
from orchestrator.practice.api.writing import create, current, update

Object = dict[str, Any]


def a_config(store: Store, name: str = "c", **data: str) -> Object:
    return create(
        store, CONFIG_MAP, {"metadata": {"name": name}, "data": data}, namespace="default"
    )


async def test_watcher_sees_every_version_in_order() -> None:
    store = new_store()
    subscription = store.subscribe(CONFIG_MAP, store.version)

    made = a_config(store, a="1")
    changed = update(store, CONFIG_MAP, made, {**made, "data": {"a": "2"}})
    delete(store, CONFIG_MAP, changed, Deletion())
    changes = await subscription.changes()

    assert [change.happened for change in changes] == [
        Happened.ADDED,
        Happened.MODIFIED,
        Happened.DELETED,
    ]
    assert [change.version for change in changes] == sorted({c.version for c in changes})


async def test_watcher_that_never_reads_is_cut_off() -> None:
    store = new_store()
    subscription = store.subscribe(CONFIG_MAP, store.version)
    a_config(store)

    change = store.shelf(CONFIG_MAP).history[-1]
    for _ in range(OVERRUN):
        subscription.push(change)

    assert subscription.is_overrun
    assert await subscription.changes() == []


def test_history_forgets_and_says_from_where_it_knows() -> None:
    store = new_store()
    shelf = store.shelf(CONFIG_MAP)
    obj = a_config(store)
    before = shelf.floor

    for number in range(HISTORY + 1):
        obj = update(store, CONFIG_MAP, obj, {**obj, "data": {"n": str(number)}})

    assert len(shelf.history) == HISTORY
    assert before < shelf.floor < shelf.history[0].version


def test_stored_object_is_never_changed_in_place() -> None:
    store = new_store()
    first = a_config(store, a="1")
    kept = repr(first)

    update(store, CONFIG_MAP, first, {**first, "data": {"a": "2"}})

    assert repr(first) == kept
    assert current(store, CONFIG_MAP, "default", "c")["data"] == {"a": "2"}


def test_pods_are_found_by_label_as_long_as_they_carry_it() -> None:
    store = new_store()
    spec = {"containers": [{"name": "a", "image": "a:1"}]}
    body = {"metadata": {"name": "p", "labels": {"app": "a"}}, "spec": spec}
    pod = create(store, POD, body, namespace="default")

    moved = {**pod, "metadata": {**pod["metadata"], "labels": {"app": "b"}}}
    update(store, POD, pod, moved)

    assert store.labelled(POD, "default", "app", "a") == []
    (found,) = store.labelled(POD, "default", "app", "b")
    assert found["metadata"]["name"] == "p"


def test_names_follow_the_seed_and_uids_are_of_no_other_cluster() -> None:
    one, two, other = new_store(seed=7), new_store(seed=7), new_store(seed=8)

    assert one.suffix() == two.suffix() != other.suffix()
    found = [current(each, NAMESPACE, "", "kube-system") for each in (one, two, other)]
    assert len({each["metadata"]["uid"] for each in found}) == 3


async def test_closed_store_wakes_its_watchers() -> None:
    store = new_store()
    subscription = store.subscribe(CONFIG_MAP, store.version)

    store.close()

    with anyio.fail_after(1):
        assert await subscription.changes() == []
    assert store.is_closed


@pytest.mark.parametrize("policy", ["Sideways", "background"])
def test_unknown_propagation_policy_is_refused(policy: str) -> None:
    (cause,) = options_causes({"propagationPolicy": policy})

    assert cause.message.startswith(f'Unsupported value: "{policy}"')
