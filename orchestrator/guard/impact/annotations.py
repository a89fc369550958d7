"""The annotations by which controllers are told more about an object than its fields say.

One with a prefix is read by somebody: on an ingress it may add another host, and on a service
some give it a name or a way in. It leaves annotations without a prefix alone.
"""

from collections.abc import Mapping
from typing import Any, Final

from orchestrator.domain.undo import ABSENT, Document
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import untold

_KEPT_BY_CLIENTS: Final = "kubectl.kubernetes.io/"


_ENTRANCES: Final = ("dns.", "getambassador.io/", "konghq.com/", "traefik.", "haproxy")
"""What is in the name of an annotation that gives a service a name or a way in from outside.

Source: the documentation of ExternalDNS, Emissary-ingress, Kong, Traefik and HAProxy.
"""


def check_annotations(draft: Draft, around: Surroundings) -> None:
    """Refuse a write that tells a controller something new, or takes back what it was told."""
    if draft.after is None:
        return
    before, after = _annotations(draft.before), _annotations(draft.after)
    for key in sorted(before.keys() | after.keys()):
        value = after.get(key, ABSENT)
        if value == before.get(key, ABSENT) or not _is_told(draft.ref.kind, key):
            continue
        if value != around.was(draft, ("metadata", "annotations", key)):
            reason = f"what its controller would do for the annotation {key} cannot be told"
            raise untold(draft.ref.key, reason)


def _is_told(kind: str, key: str) -> bool:
    """Whether a controller may make something of an annotation that concerns others."""
    if "/" not in key or key.startswith(_KEPT_BY_CLIENTS):
        return False
    return kind == "ingresses" or any(each in key for each in _ENTRANCES)


def _annotations(document: Document | None) -> Mapping[str, Any]:
    return ((document or {}).get("metadata") or {}).get("annotations") or {}
