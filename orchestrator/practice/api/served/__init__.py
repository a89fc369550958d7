"""The kinds that the practice cluster serves, one entry each.

To serve another kind, add its entry to a module here and to `KINDS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.served.apps import DEPLOYMENT, REPLICA_SET
from orchestrator.practice.api.served.core import (
    CONFIG_MAP,
    ENDPOINTS,
    EVENT,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
)
from orchestrator.practice.api.served.others import (
    DISRUPTION_BUDGET,
    ENDPOINT_SLICE,
    LEASE,
    NEW_EVENT,
)

KINDS: Final[tuple[Kind, ...]] = (
    CONFIG_MAP,
    ENDPOINTS,
    EVENT,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    SERVICE_ACCOUNT,
    SERVICE,
    DEPLOYMENT,
    REPLICA_SET,
    LEASE,
    ENDPOINT_SLICE,
    NEW_EVENT,
    DISRUPTION_BUDGET,
)
_BY_PATH: Final = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
_BY_STORAGE: Final = {kind.storage: kind for kind in reversed(KINDS) if not kind.stored_as}
_BY_TYPE: Final = {(kind.api_version, kind.name): kind for kind in KINDS}


def kind_at(group: str, version: str, plural: str) -> Kind | None:
    """The kind served under a path."""
    return _BY_PATH.get((group, version, plural))


def kind_of(api_version: str, name: str) -> Kind | None:
    """The kind that objects of a type have."""
    return _BY_TYPE.get((api_version, name))


def kind_stored_as(storage: str) -> Kind:
    """The kind of the objects on a shelf."""
    return _BY_STORAGE[storage]


def stored_kinds() -> Iterable[Kind]:
    """Every kind that has a shelf of its own."""
    return _BY_STORAGE.values()


def groups() -> dict[str, list[str]]:
    """The API groups and their versions, the core group left out."""
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        versions = found.setdefault(kind.group, [])
        if kind.version not in versions:
            versions.append(kind.version)
    found.pop("", None)
    return found
