"""Which cluster a run is in, as two guards that never met can compare it.

It does not ask the cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

ANCHOR: Final = "/api/v1/namespaces/kube-system"
"""The object whose uid tells clusters apart: each has it, made once and never deleted."""

_KEY: Final = "cluster"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterIdentity:
    """The uid of the cluster's namespace kube-system, and the address of its API server.

    Shape: uid is empty where the account may not read it; then the address decides.
    """

    uid: str
    server: str

    def is_same_as(self, other: "ClusterIdentity") -> bool:
        """Whether both are one cluster, as far as can be known."""
        if self.uid and other.uid:
            return self.uid == other.uid
        return self.server == other.server

    def __str__(self) -> str:
        return f"{self.server} ({f'kube-system {self.uid}' if self.uid else 'of unknown uid'})"


def identity_of(*, uid: str, server: str) -> ClusterIdentity:
    """The identity of a cluster at an address, of which credentials are left out."""
    parts = urlsplit(server)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    return ClusterIdentity(uid=uid, server=bare.geturl().rstrip("/"))


def identity_to(identity: ClusterIdentity) -> Mapping[str, Any]:
    """The part of a baseline that names the cluster."""
    return {_KEY: {"uid": identity.uid, "server": identity.server}}


def identity_from(baseline: Mapping[str, Any] | None) -> ClusterIdentity | None:
    """The cluster that a baseline names; None for one of a time when that was not noted."""
    found = (baseline or {}).get(_KEY)
    if not isinstance(found, Mapping):
        return None
    return ClusterIdentity(uid=str(found.get("uid") or ""), server=str(found.get("server") or ""))


def elsewhere(approved: ClusterIdentity | None, now: ClusterIdentity | None) -> str:
    """Why an approval does not hold in a cluster; empty when it does, or nobody can tell."""
    if approved is None or now is None or now.is_same_as(approved):
        return ""
    return f"its approved preview is of the cluster {approved}, and this is {now}"


def may_be_same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two baselines may be of one cluster; so they are where one does not say."""
    first, second = identity_from(one), identity_from(other)
    return first is None or second is None or first.is_same_as(second)
