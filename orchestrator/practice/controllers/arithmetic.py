"""How many replicas each replica set of a deployment should have.

Pure arithmetic; `deployments` carries it out.
Source: the rules of Kubernetes' rolling updates and proportional scaling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

Object = dict[str, Any]
DESIRED: Final = "deployment.kubernetes.io/desired-replicas"
MAX: Final = "deployment.kubernetes.io/max-replicas"


def share_of(value: int | str, total: int, *, up: bool) -> int:
    """A count, or a percentage of a total rounded up or down."""
    if isinstance(value, int):
        return value
    scaled = int(value.removesuffix("%")) * total
    return -(-scaled // 100) if up else scaled // 100


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many pods a rollout may have on top, and how many may be missing."""

    surge: int
    unavailable: int


def bounds_of(deployment: Object) -> Bounds:
    """The bounds of a deployment's rolling update; none are missing while nothing rolls."""
    spec = deployment["spec"]
    rolling = spec["strategy"].get("rollingUpdate")
    if spec["strategy"]["type"] != "RollingUpdate" or not spec["replicas"]:
        return Bounds(0, 0)
    surge = share_of(rolling["maxSurge"], spec["replicas"], up=True)
    unavailable = share_of(rolling["maxUnavailable"], spec["replicas"], up=False)
    if not surge and not unavailable:
        unavailable = 1
    return Bounds(surge, min(unavailable, spec["replicas"]))


def wanted_of(replica_set: Object) -> int:
    """How many replicas a replica set is asked for."""
    return int(replica_set["spec"]["replicas"])


def status_of(replica_set: Object, key: str) -> int:
    """A count in a replica set's status."""
    return int(replica_set.get("status", {}).get(key, 0))


def new_size(deployment: Object, everything: Sequence[Object], newest_size: int) -> int:
    """How large the newest replica set may be now."""
    replicas = int(deployment["spec"]["replicas"])
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        return replicas
    most = replicas + bounds_of(deployment).surge
    total = sum(map(wanted_of, everything))
    if total >= most:
        return newest_size
    return newest_size + min(most - total, replicas - newest_size)


def room_to_shrink(deployment: Object, everything: Sequence[Object], newest: Object) -> int:
    """By how much the older replica sets may shrink at most now."""
    floor = int(deployment["spec"]["replicas"]) - bounds_of(deployment).unavailable
    coming = wanted_of(newest) - status_of(newest, "availableReplicas")
    return sum(map(wanted_of, everything)) - floor - coming


def unhealthy_shrinking(older: Sequence[Object], room: int) -> dict[str, int]:
    """New sizes after the pods that are not available go.

    Shape: by name of the replica set, only those that shrink.
    """
    sizes: dict[str, int] = {}
    for replica_set in older:
        wanted = wanted_of(replica_set)
        gone = min(room, wanted - status_of(replica_set, "availableReplicas"))
        if wanted and gone > 0:
            sizes[replica_set["metadata"]["name"]] = wanted - gone
            room -= gone
    return sizes


def available_shrinking(
    deployment: Object, everything: Sequence[Object], older: Sequence[Object], sizes: dict[str, int]
) -> dict[str, int]:
    """New sizes after as many available pods go as the bounds allow, on top of earlier sizes."""
    floor = int(deployment["spec"]["replicas"]) - bounds_of(deployment).unavailable
    # A set that was told to shrink may still report the pods that are about to go.
    available = sum(
        min(status_of(item, "availableReplicas"), wanted_of(item)) for item in everything
    )
    room = available - floor
    sizes = dict(sizes)
    for replica_set in older:
        name = replica_set["metadata"]["name"]
        wanted = sizes.get(name, wanted_of(replica_set))
        gone = min(room, wanted)
        if wanted and gone > 0:
            sizes[name] = wanted - gone
            room -= gone
    return sizes


def proportional_sizes(deployment: Object, active: Sequence[Object]) -> dict[str, int]:
    """New sizes when a deployment is scaled in the middle of a rollout.

    Shape: by name, one for each active replica set; the largest takes what rounding leaves.
    """
    replicas = int(deployment["spec"]["replicas"])
    allowed = replicas + bounds_of(deployment).surge if replicas else 0
    to_add = allowed - sum(map(wanted_of, active))
    ordered = sorted(active, key=lambda item: _by_size(item, growing=to_add > 0))
    sizes: dict[str, int] = {}
    added = 0
    for replica_set in ordered:
        share = _proportion(replica_set, deployment, to_add, added) if to_add else 0
        sizes[replica_set["metadata"]["name"]] = wanted_of(replica_set) + share
        added += share
    if ordered and to_add != added:
        first = ordered[0]["metadata"]["name"]
        sizes[first] = max(0, sizes[first] + to_add - added)
    return sizes


def _by_size(replica_set: Object, *, growing: bool) -> tuple[int, float | str]:
    born = replica_set["metadata"]["creationTimestamp"]
    newest_first = -float(born.translate({ord(sign): None for sign in "-:TZ"}))
    return -wanted_of(replica_set), newest_first if growing else -newest_first


def _proportion(replica_set: Object, deployment: Object, to_add: int, added: int) -> int:
    wanted = wanted_of(replica_set)
    if not wanted or to_add == added:
        return 0
    fraction = _fraction(replica_set, deployment)
    allowed = to_add - added
    return min(fraction, allowed) if to_add > 0 else max(fraction, allowed)


def _fraction(replica_set: Object, deployment: Object) -> int:
    replicas, wanted = int(deployment["spec"]["replicas"]), wanted_of(replica_set)
    if not replicas:
        return -wanted
    noted = replica_set["metadata"].get("annotations", {}).get(MAX, "")
    most = int(noted) if noted.isdigit() else int(deployment.get("status", {}).get("replicas", 0))
    if not most:
        return 0
    size = wanted * (replicas + bounds_of(deployment).surge) / most
    return int(size + 0.5) - wanted
