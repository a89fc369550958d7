"""What an object stands for outside of the cluster, such as an address that a cloud lends it.

Whoever lends it takes it back when the object goes, and gives another one to the next. Only
services are looked at; of volumes no run may write any, and what finalizers free is for `rules`.
"""

from typing import Final

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.undo import Document, Path, Verb
from orchestrator.guard.drafting import Draft

_BALANCED: Final = "LoadBalancer"
_ANNOTATIONS: Final = ("metadata", "annotations")


def gives_up(draft: Draft) -> Denied | None:
    """Why a write may not be made because of what is lent; None when it may."""
    if draft.before is None or draft.ref.kind != "services" or not _is_balanced(draft.before):
        return None
    if draft.verb is Verb.DELETE:
        return _denied(
            f"a service of type {_BALANCED} that is made anew gets another address;"
            " change its selector instead"
        )
    if any(map(_is_read, draft.changes)):
        return _denied(f"annotations of a service of type {_BALANCED} may have its address changed")
    return None


def _is_read(path: Path) -> bool:
    """Whether a cloud may make another balancer for a field; which ones it reads only it knows."""
    return path[:2] == _ANNOTATIONS and "/" in (path[2] if len(path) > 2 else "/")


def _is_balanced(document: Document) -> bool:
    return bool((document.get("spec") or {}).get("type") == _BALANCED)


def _denied(reason: str) -> Denied:
    return Denied(rule="irreversible", reason=reason)
