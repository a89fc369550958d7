"""What may be done to objects of a kind, in the words of a plan.

It does not know which kinds a run may write; the blast radius does.
"""

from collections.abc import Iterable, Mapping, Set
from enum import StrEnum
from typing import Final

from orchestrator.domain.undo import Path, Verb


class WriteVerb(StrEnum):
    """What a plan may let a run do to objects of a kind."""

    CREATE = "create"
    CHANGE = "change"
    """Any change but that of `spec.replicas`."""
    SCALE = "scale"
    """A change of `spec.replicas`, by whichever request."""
    DELETE = "delete"
    EVICT = "evict"
    EXEC = "exec"


REPLICAS: Final[Path] = ("spec", "replicas")

ALL_VERBS: Final = frozenset(WriteVerb)

_USUAL: Final = frozenset({WriteVerb.CREATE, WriteVerb.CHANGE, WriteVerb.DELETE})
_OF_KIND: Final[Mapping[str, frozenset[WriteVerb]]] = {
    "pods": _USUAL | {WriteVerb.EVICT, WriteVerb.EXEC},
    "deployments": _USUAL | {WriteVerb.SCALE},
    "statefulsets": _USUAL | {WriteVerb.SCALE},
    "replicasets": _USUAL | {WriteVerb.SCALE},
    "nodes": frozenset({WriteVerb.CHANGE}),
}


def verbs_of(kind: str) -> frozenset[WriteVerb]:
    """Whatever can be done to objects of a kind."""
    return _OF_KIND.get(kind, _USUAL)


def in_order(verbs: Iterable[WriteVerb]) -> tuple[WriteVerb, ...]:
    """Verbs as they are listed for people."""
    found = set(verbs)
    return tuple(verb for verb in WriteVerb if verb in found)


def done_by(verb: str, changed: Set[Path]) -> frozenset[WriteVerb]:
    """What a write does: a change of the replicas and of more is both.

    Shape: verb as in the journal; changed are the paths of the fields that change.
    Raises: ValueError: nobody knows such a verb.
    """
    if verb != Verb.CHANGE:
        return frozenset({WriteVerb(verb)})
    if changed == {REPLICAS}:
        return frozenset({WriteVerb.SCALE})
    if REPLICAS in changed:
        return frozenset({WriteVerb.SCALE, WriteVerb.CHANGE})
    return frozenset({WriteVerb.CHANGE})
