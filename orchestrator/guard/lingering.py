"""How long what a write takes away may stay: a pod that goes slowly cannot be put back in time.

A pod that is made anew waits until the one of its name is gone, and who restores the run waits
with it. It does not look at finalizers, which hold an object for as long as somebody likes.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.undo import Document, Verb
from orchestrator.guard.drafting import Draft

_USUAL: Final = 30
"""Units: seconds. What a pod takes at most that says nothing about it."""
_NAMED: Final = "statefulsets"
"""A kind whose pods have names of their own, so that one waits for the other."""


def lingers(draft: Draft, remaining: timedelta) -> Denied | None:
    """Why a write may not be made because of how long its pods take to go; None when it may."""
    if draft.verb is Verb.EXEC:
        return None
    return _takes_away(draft, remaining) or _slows_down(draft)


def _takes_away(draft: Draft, remaining: timedelta) -> Denied | None:
    if not _goes(draft):
        return None
    own = _grace_of(draft.before)
    takes = _asked(draft, own)
    if takes > own:
        return _denied(
            f"gracePeriodSeconds {takes} is more than the {own} s of its own;"
            " leave it out, or ask for less"
        )
    most = max(remaining.total_seconds(), _USUAL)
    if takes > most:
        return _denied(
            f"its pods take up to {takes} s to go, and {most:.0f} s are left to the run;"
            " begin earlier, or let the run last longer"
        )
    return None


def _goes(draft: Draft) -> bool:
    """Whether a write takes pods away that others wait for."""
    if draft.verb in {Verb.DELETE, Verb.EVICT}:
        return True
    if draft.ref.kind != _NAMED or draft.verb is not Verb.CHANGE:
        return False
    is_smaller = _replicas(draft.before) > _replicas(draft.after)
    return is_smaller or any(path[:2] == ("spec", "template") for path in draft.changes)


def _replicas(document: Document | None) -> int:
    found = ((document or {}).get("spec") or {}).get("replicas")
    return 1 if found is None else int(found)


def _asked(draft: Draft, own: int) -> int:
    """For how long a deletion lets its object go on."""
    body: Mapping[str, Any] = draft.call.body if draft.verb is not Verb.CHANGE else {}
    options = body.get("deleteOptions") or {} if draft.verb is Verb.EVICT else body
    return int(options.get("gracePeriodSeconds", own))


def _slows_down(draft: Draft) -> Denied | None:
    """Pods that a run makes are its own to take away, and so are those that it changes."""
    if draft.after is None:
        return None
    before, after = max(_grace_of(draft.before), _USUAL), _grace_of(draft.after)
    if after <= before:
        return None
    return _denied(f"terminationGracePeriodSeconds {after} is more than {before}; leave it at that")


def _denied(reason: str) -> Denied:
    return Denied(rule="grace", reason=reason)


def _grace_of(document: Document | None) -> int:
    """How long a pod, or each pod made from an object, may take to go.

    Units: seconds.
    """
    spec = (document or {}).get("spec") or {}
    spec = (spec.get("jobTemplate") or {}).get("spec") or spec
    pod = (spec.get("template") or {}).get("spec") or spec
    found = pod.get("terminationGracePeriodSeconds")
    return _USUAL if found is None else int(found)
