"""The volumes of a StatefulSet, which must be neither lost nor left behind by a write to it.

A set makes a claim for each of its pods, and whether that goes again is a policy of its own. It
does not read what the volumes hold.
"""

from typing import Any, Final

from orchestrator.domain.undo import ABSENT, Path, value_at
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import spec_of, target_of
from orchestrator.guard.refusals import NotLetThrough

_REPLICAS: Final[Path] = ("spec", "replicas")
_TEMPLATES: Final[Path] = ("spec", "volumeClaimTemplates")
_DELETED, _SCALED = "whenDeleted", "whenScaled"


async def check_claims(draft: Draft, around: Surroundings) -> None:
    """Refuse a write that deletes volumes of others, or makes some that stay."""
    is_own = around.is_own(draft)
    if draft.after is None:
        if not is_own and _goes(draft, _DELETED):
            raise _refused(draft, f"its volumes would be deleted with its pods ({_DELETED})")
        return
    before, after, was = _size(draft.before), _size(draft.after), _size_before(draft, around)
    if after < before and after < was and not is_own and _goes(draft, _SCALED):
        raise _refused(draft, f"its volumes would be deleted with its pods ({_SCALED})")
    if after > max(before, was):
        await _check_more(draft, around, _DELETED if is_own or draft.before is None else _SCALED)


def _size_before(draft: Draft, around: Surroundings) -> int:
    """How many pods with those volumes it had before the run, which took some or all of them."""
    templates = around.was(draft, _TEMPLATES)
    if templates is ABSENT or _names(templates) != _names(value_at(draft.after or {}, _TEMPLATES)):
        return 0
    found = around.was(draft, _REPLICAS)
    return 1 if found is ABSENT else int(found)


async def _check_more(draft: Draft, around: Surroundings, when: str) -> None:
    """Refuse more pods unless their volumes are new and go when they go."""
    names = _names(value_at(draft.after or {}, _TEMPLATES))
    if not names:
        return
    if not _goes(draft, when):
        raise _refused(
            draft,
            "the volumes that it makes would stay behind; its"
            f" persistentVolumeClaimRetentionPolicy.{when} is not Delete",
        )
    claims = f"/api/v1/namespaces/{draft.ref.namespace}/persistentvolumeclaims"
    for claim in await around.items(claims):
        if any(_is_of(f"{name}-{draft.ref.name}-", claim, draft) for name in names):
            key = target_of("persistentvolumeclaims", claim).key
            reason = f"{key} would become one of its own, and be deleted with them"
            raise _refused(draft, reason)


def _is_of(prefix: str, claim: Any, draft: Draft) -> bool:
    """Whether a claim would be that of a pod which the set does not have yet."""
    name = str(claim["metadata"]["name"])
    number = name.removeprefix(prefix)
    if not name.startswith(prefix) or not number.isdecimal():
        return False
    start = (spec_of(draft.after).get("ordinals") or {}).get("start") or 0
    return int(number) >= start + _size(draft.before)


def _names(templates: Any) -> list[str]:
    return [each["metadata"]["name"] for each in templates] if templates is not ABSENT else []


def _goes(draft: Draft, when: str) -> bool:
    policy = spec_of(draft.document).get("persistentVolumeClaimRetentionPolicy") or {}
    return bool(policy.get(when) == "Delete")


def _size(document: Any) -> int:
    if document is None:
        return 0
    found = spec_of(document).get("replicas")
    return 1 if found is None else int(found)


def _refused(draft: Draft, reason: str) -> NotLetThrough:
    return NotLetThrough(target=draft.ref.key, rule="irreversible", reason=reason)
