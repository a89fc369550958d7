"""Sizes of replica sets in the middle of rollouts and scalings."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.practice.controllers.arithmetic import (
    MAX,
    available_shrinking,
    bounds_of,
    new_size,
    proportional_sizes,
    room_to_shrink,
    share_of,
    unhealthy_shrinking,
)

Object = dict[str, Any]
SHARES = st.one_of(st.integers(0, 8), st.integers(0, 100).map(lambda share: f"{share}%"))


def deployment(replicas: int, surge: Any = "25%", unavailable: Any = "25%") -> Object:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        }
    }


def replica_set(name: str, size: int, available: int, most: int = 0) -> Object:
    metadata: Object = {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    if most:
        metadata["annotations"] = {MAX: str(most)}
    return {
        "metadata": metadata,
        "spec": {"replicas": size},
        "status": {"replicas": size, "availableReplicas": available},
    }


def test_surge_is_rounded_up_and_unavailable_down() -> None:
    assert share_of("25%", 10, up=True) == 3
    assert share_of("25%", 10, up=False) == 2
    assert share_of(4, 10, up=True) == 4


def test_rollout_that_may_neither_grow_nor_shrink_may_miss_one() -> None:
    assert bounds_of(deployment(3, surge=0, unavailable="10%")).unavailable == 1


@given(st.integers(1, 30), SHARES, SHARES, st.data())
def test_rollout_never_leaves_its_bounds_and_always_ends(
    replicas: int, surge: Any, unavailable: Any, data: st.DataObject
) -> None:
    wanted = deployment(replicas, surge, unavailable)
    bounds = bounds_of(wanted)
    old, new = replica_set("old", replicas, replicas), replica_set("new", 0, 0)
    floor = replicas - bounds.unavailable

    for _ in range(4 * replicas + 8):
        size = new_size(wanted, [old, new], new["spec"]["replicas"])
        if size != new["spec"]["replicas"]:
            new["spec"]["replicas"] = size
        else:
            room = room_to_shrink(wanted, [old, new], new)
            if room > 0:
                sizes = unhealthy_shrinking([old], room)
                sizes = available_shrinking(wanted, [old, new], [old], sizes)
                old["spec"]["replicas"] = sizes.get("old", old["spec"]["replicas"])
        available = sum(
            min(item["status"]["availableReplicas"], item["spec"]["replicas"])
            for item in (old, new)
        )
        assert old["spec"]["replicas"] + new["spec"]["replicas"] <= replicas + bounds.surge
        assert available >= floor
        if data.draw(st.booleans()) or new["spec"]["replicas"] == size:
            for item in (old, new):
                item["status"]["availableReplicas"] = item["spec"]["replicas"]

    assert (old["spec"]["replicas"], new["spec"]["replicas"]) == (0, replicas)


@given(st.integers(1, 40), st.integers(1, 20), st.integers(1, 20))
def test_scaling_within_a_rollout_gives_out_exactly_what_is_allowed(
    replicas: int, one: int, two: int
) -> None:
    wanted = deployment(replicas)
    sets = [replica_set("a", one, one, most=one + two), replica_set("b", two, two, most=one + two)]

    sizes = proportional_sizes(wanted, sets)

    assert sum(sizes.values()) == replicas + bounds_of(wanted).surge
    assert all(size >= 0 for size in sizes.values())
