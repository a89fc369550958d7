"""What is left to do about one object that a run wrote to.

    decide(effect, now) ──> Settled | PutBack | Remove | Recreate | Await

Decided from the journal and the object as it is now, so that it comes to the same wherever and
however often it is asked. It does not speak to the cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from orchestrator.domain.net_effect import NetEffect, is_leaving, merged, uid_of
from orchestrator.domain.remade import (
    anew,
    is_mark,
    is_patched,
    leaves_between,
)
from orchestrator.domain.undo import (
    ABSENT,
    Difference,
    Document,
    Path,
    Restoring,
    putting_back,
)

_NEW_EACH_TIME: Final = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Nothing of ours is left; what others changed stays."""

    kept: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """Fields still hold our values: a merge patch puts them back."""

    patch: Mapping[str, Any]
    kept: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """An object of ours is there: delete it by its uid."""

    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recreate:
    """An object that we deleted is gone: make it anew."""

    document: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Await:
    """The cluster is at it; there is nothing to write yet."""

    what: str


Decision: TypeAlias = Settled | PutBack | Remove | Recreate | Await


def decide(effect: NetEffect, now: Document | None) -> Decision:
    """What is left to do about one object, given what is there now; None when nothing is."""
    if not effect.existed or _stands_in(effect, now):
        return _about_created(effect, now)
    if effect.origin is not None:
        return _about_remade(effect, effect.origin, now)
    if effect.deleted is None:
        return _about_changed(effect, now)
    return _about_deleted(effect, effect.deleted, now)


def _stands_in(effect: NetEffect, now: Document | None) -> bool:
    """Whether we made an object where others had taken one away that we had changed."""
    is_anew = effect.deleted is None and effect.origin is None
    return is_anew and now is not None and uid_of(now) != effect.uid and effect.made(now)


def _about_created(effect: NetEffect, now: Document | None) -> Decision:
    if now is None or not effect.made(now):
        return Settled()
    if is_leaving(now):
        return Await(what="is being deleted")
    return Remove(uid=uid_of(now))


def _about_changed(effect: NetEffect, now: Document | None) -> Decision:
    if now is not None and uid_of(now) == effect.uid:
        restoring = _putting_back(effect, now)
        if restoring.patch and not is_leaving(now):
            return PutBack(patch=restoring.patch, kept=restoring.kept)
        return Settled(kept=restoring.kept)
    # With its object, our change is gone as well.
    if effect.has_controller or not effect.changes:
        return Settled()
    state = "deleted" if now is None else "another object of that name"
    return Settled(kept=(_gone(effect, state),))


def _putting_back(effect: NetEffect, now: Document) -> Restoring:
    return putting_back(key=effect.ref.key, changes=effect.changes, added=effect.added, now=now)


def _about_remade(effect: NetEffect, origin: Document, now: Document | None) -> Decision:
    """What is left to do about an object in whose place we made another.

    While that one stands, a patch makes it what was there before, or it has to go first.
    """
    if now is None or not effect.made(now) or is_leaving(now):
        # A pod is made of what its node and admission gave it, so never of parts of two.
        is_mixed = effect.deleted is not None and effect.ref.kind != "pods"
        return _about_deleted(effect, (effect.deleted if is_mixed else None) or origin, now)
    in_place = replace(effect, uid=uid_of(now))
    lasting = _lasting(effect, origin, now) if effect.is_refused else {}
    if not lasting:
        return _about_changed(in_place, now)
    if not _is_others(effect, now):
        return Remove(uid=uid_of(now))
    patched = {path: change for path, change in effect.changes.items() if path not in lasting}
    restoring = _putting_back(replace(in_place, changes=patched), now)
    kept = (*restoring.kept, *(_stays(effect, path, *pair) for path, pair in lasting.items()))
    return PutBack(patch=restoring.patch, kept=kept) if restoring.patch else Settled(kept=kept)


def _lasting(effect: NetEffect, origin: Document, now: Document) -> Mapping[Path, tuple[Any, Any]]:
    """The fields of an object of ours that no patch makes what they were, as they were and are."""
    leaves = leaves_between(effect.ref.kind, _as_before(effect, origin), now)
    return {
        path: pair for path, pair in leaves.items() if not is_patched(effect.ref.kind, path, now)
    }


def _is_others(effect: NetEffect, now: Document) -> bool:
    """Whether others changed an object of ours, which would be lost with it."""
    for path, (_, current) in leaves_between(effect.ref.kind, effect.latest or {}, now).items():
        change = effect.changes.get(path)
        is_known = change is not None and current in (change.was, *change.ours)
        if not is_known and not is_mark(path) and is_patched(effect.ref.kind, path, now):
            return True
    return False


def _stays(effect: NetEffect, path: Path, was: Any, current: Any) -> Difference:
    return Difference(
        object=effect.ref.key,
        field=".".join(path),
        before=repr(was),
        ours=repr(current),
        now=f"{current!r}, in an object that others have changed",
    )


def _about_deleted(effect: NetEffect, deleted: Document, now: Document | None) -> Decision:
    if now is None:
        return _about_gone(effect, deleted)
    is_made, is_same = effect.made(now), uid_of(now) == uid_of(deleted)
    if (is_made or is_same) and not is_leaving(now):
        # What we made in its place is put back like what we changed: its answer never came.
        return _about_changed(replace(effect, uid=uid_of(now)), now)
    if effect.has_controller and not effect.returns:
        return Settled()
    if is_made or is_same:
        return Await(what="is being deleted before it is made anew")
    if effect.has_controller:
        return Settled()
    return Settled(kept=_kept_of_another(effect, _as_before(effect, deleted), now))


def _about_gone(effect: NetEffect, deleted: Document) -> Decision:
    if effect.returns:
        return Await(what="its controller has not made it anew")
    if effect.has_controller:
        return Settled()
    return Recreate(document=_as_before(effect, deleted))


def _kept_of_another(effect: NetEffect, wanted: Document, now: Document) -> tuple[Difference, ...]:
    """What an object that took the place of the one we deleted has otherwise than that one.

    Only what the deleted one had counts: a server adds defaults of its own.
    """
    differing = leaves_between(effect.ref.kind, wanted, now)
    return tuple(
        Difference(
            object=effect.ref.key,
            field=".".join(path),
            before=repr(was),
            ours="deleted",
            now=repr(current),
        )
        for path, (was, current) in differing.items()
        if was is not ABSENT
    )


def _as_before(effect: NetEffect, deleted: Document) -> Document:
    """The deleted object as it is to be made anew, with our own changes taken back."""
    whole = merged(deleted, _putting_back(effect, deleted).patch)
    metadata = {k: v for k, v in whole["metadata"].items() if k not in _NEW_EACH_TIME}
    again = {**whole, "metadata": metadata}
    again.pop("status", None)
    return anew(effect.ref.kind, again)


def _gone(effect: NetEffect, state: str) -> Difference:
    return Difference(
        object=effect.ref.key,
        field=", ".join(".".join(path) for path in effect.changes),
        before=", ".join(repr(change.was) for change in effect.changes.values()),
        ours=", ".join(repr(change.ours[-1]) for change in effect.changes.values()),
        now=state,
    )
