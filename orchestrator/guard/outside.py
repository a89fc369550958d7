"""What an object stands for outside of the cluster, such as an address that a cloud lends it.

Whoever lends it takes it back when the object goes, and gives another one to the next. Only
services and ingresses are looked at; of volumes no run may write any.
"""

from collections.abc import Mapping
from typing import Any, Final

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.undo import Document, Path, Verb
from orchestrator.guard.drafting import Draft

_LENT: Final = frozenset({"services", "ingresses"})
_BALANCED: Final = "LoadBalancer"
_WITHIN: Final = frozenset({"foregroundDeletion", "orphan"})
"""Finalizers of the cluster's own garbage collector."""
_ANNOTATIONS: Final = ("metadata", "annotations")


def gives_up(draft: Draft) -> Denied | None:
    """Why a write may not be made because of what is lent; None when it may."""
    if draft.before is None or draft.ref.kind not in _LENT:
        return None
    if draft.verb is Verb.DELETE:
        return _deleted(draft.before)
    is_balanced = _is_balanced(draft.before) and draft.verb is Verb.CHANGE
    if is_balanced and any(map(_is_read, draft.changes)):
        return _denied(f"annotations of a service of type {_BALANCED} may have its address changed")
    return None


def _deleted(before: Document) -> Denied | None:
    if _is_balanced(before):
        return _denied(
            f"a service of type {_BALANCED} that is made anew gets another address;"
            " change its selector instead"
        )
    metadata: Mapping[str, Any] = before.get("metadata") or {}
    if foreign := sorted(set(metadata.get("finalizers") or ()) - _WITHIN):
        return _denied(f"when it is deleted {foreign[0]} frees what it has outside of the cluster")
    return None


def _is_read(path: Path) -> bool:
    """Whether a cloud may make another balancer for a field; which ones it reads only it knows."""
    return path[:2] == _ANNOTATIONS and "/" in (path[2] if len(path) > 2 else "/")


def _is_balanced(document: Document) -> bool:
    return bool((document.get("spec") or {}).get("type") == _BALANCED)


def _denied(reason: str) -> Denied:
    return Denied(rule="irreversible", reason=reason)
