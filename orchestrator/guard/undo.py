"""Puts back what a run changed, from the journal alone.

Safe to repeat, safe from any process, safe twice at once: every step is decided anew from the
object as it is, and locked to it. It does not look at anything that the journal does not hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import anyio

from orchestrator.domain.deciding import Await, PutBack, Recreate, Remove, Settled, decide
from orchestrator.domain.errors import ChaosDayError
from orchestrator.domain.identity import RunId
from orchestrator.domain.net_effect import NetEffect, has_controller, marks_of, net_effects
from orchestrator.domain.undo import (
    IRREVERSIBLE,
    Difference,
    Document,
    Path,
    Restoration,
    UndoRecord,
    UndoState,
    Verb,
)
from orchestrator.guard.barring import Barring, barriers_in
from orchestrator.guard.bodies import Media
from orchestrator.guard.kinds import OWNERS
from orchestrator.guard.naming import mark_of
from orchestrator.guard.returning import Returning
from orchestrator.guard.upstream import Reply, Upstream
from orchestrator.ports import UndoJournal

_SIZE: Final = ("resources",)
_LABELS: Final[Path] = ("metadata", "labels")
_MOST_TRIES: Final = 20
_AT_ONCE: Final = 8
_LOOK_AGAIN: Final = timedelta(milliseconds=50)
_NOTHING: Final = Reply(status=200, body=b"{}")
"""What there is to hear where nothing had to be asked."""
_WAIT: Final = timedelta(seconds=5)
"""How long an undo waits for the cluster to finish deleting something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one object: pending is empty when nothing of ours is left."""

    kept: tuple[Difference, ...] = ()
    pending: str = ""


class Undoing:
    """Puts back the changes of one run."""

    def __init__(self, *, run: RunId, upstream: Upstream, journal: UndoJournal) -> None:
        self._run = run
        self._upstream = upstream
        self._journal = journal
        self._barring = Barring(upstream)
        self._us = mark_of(run)
        self._returning = Returning(upstream=upstream, barring=self._barring, us=self._us)
        self._notes: dict[str, str] = {}

    async def undo(self, *, wait: timedelta = _WAIT) -> Restoration:
        """Put everything back that still is as we made it.

        Raises: ClusterUnavailable: the cluster does not answer; ask again.
        """
        records = await self._journal.records(self._run)
        self._barring.note(records)
        effects = net_effects(records)
        outcomes: dict[str, Outcome] = {}
        barriers = barriers_in(effects)
        await self._put_all_back(barriers, outcomes, wait)
        strayed = _strayed_from_ours(effects)
        await self._put_all_back(strayed, outcomes, wait)
        await self._until_taken_back(strayed, wait)
        rest = [each for each in effects if each.ref.path not in outcomes]
        await self._put_all_back(rest, outcomes, wait)
        return await self._restoration([outcomes[effect.ref.path] for effect in effects])

    async def _put_all_back(
        self, effects: Sequence[NetEffect], outcomes: dict[str, Outcome], wait: timedelta
    ) -> None:
        """Put each of them back; what came of it is added to the outcomes."""
        failed: list[ChaosDayError] = []
        limit = anyio.CapacityLimiter(_AT_ONCE)

        async def put_back(effect: NetEffect) -> None:
            async with limit:
                try:
                    outcomes[effect.ref.path] = await self._put_back(effect, wait)
                except ChaosDayError as error:
                    failed.append(error)
                except (AttributeError, LookupError, TypeError, ValueError) as error:
                    # One odd object must not keep all others from being put back.
                    outcomes[effect.ref.path] = Outcome(pending=f"{effect.ref.key}: {error!r}")

        async with anyio.create_task_group() as tasks:
            for effect in effects:
                tasks.start_soon(put_back, effect)
        if failed:
            raise failed[0]

    async def _until_taken_back(self, pods: Sequence[NetEffect], wait: timedelta) -> None:
        """Wait until each pod has a controller again, or is gone; not for ever."""
        with anyio.move_on_after(wait.total_seconds()):
            for effect in pods:
                now = await self._upstream.read(effect.ref.path)
                while now is not None and not has_controller(now):
                    await anyio.sleep(_LOOK_AGAIN.total_seconds())
                    now = await self._upstream.read(effect.ref.path)

    async def _restoration(self, outcomes: Sequence[Outcome]) -> Restoration:
        records = await self._journal.records(self._run)
        open_keys = {each.ref.key for each in records if each.state is not UndoState.UNDONE}
        undone = dict.fromkeys(each.ref.key for each in records if _was_undone(each))
        return Restoration(
            undone=tuple(key for key in undone if key not in open_keys),
            kept=tuple(difference for each in outcomes for difference in each.kept),
            pending=tuple(each.pending for each in outcomes if each.pending),
            notes=tuple(self._notes.values()),
        )

    async def _put_back(self, effect: NetEffect, wait: timedelta) -> Outcome:
        problem = "it changes all the time"
        seen: set[str] = set()
        earlier: Document | None = None
        with anyio.move_on_after(wait.total_seconds()):
            for _ in range(_MOST_TRIES):
                now = await self._look(effect, seen)
                decision = decide(effect, now)
                while isinstance(decision, Await):
                    problem = decision.what
                    await anyio.sleep(_LOOK_AGAIN.total_seconds())
                    now = await self._look(effect, seen)
                    decision = decide(effect, now)
                if isinstance(decision, Settled):
                    in_doubt = now is not None and effect.is_in_doubt
                    reply = await self._break_lock(effect, now or {}) if in_doubt else _NOTHING
                    if reply.is_success and effect.may_go_on(now, seen=seen):
                        # The records stay as they are, so that whoever asks again looks again.
                        return Outcome(kept=decision.kept)
                    if reply.is_success:
                        now = await self._upstream.read(effect.ref.path) if in_doubt else now
                        note = await self._returning.give_back(effect, now, earlier)
                        if note:
                            self._notes[effect.ref.path] = note
                        return await self._settled(effect, decision, is_sure=in_doubt)
                else:
                    reply = await self._act(effect, decision, now)
                    if earlier is None and reply.is_success:
                        earlier = now
                if reply.status == 422 and effect.origin is not None and not effect.is_refused:
                    # What was made in its place is to go first; the server knows best.
                    effect = replace(effect, is_refused=True)
                    continue
                if not reply.is_success and reply.status not in {404, 409}:
                    return await self._failed(effect, reply)
        problem = self._barring.said_about(effect.ref.path) or problem
        return Outcome(pending=f"{effect.ref.key}: {problem}")

    async def _look(self, effect: NetEffect, seen: set[str]) -> Document | None:
        """The object as it is now; by which marks it is known is added to what was seen."""
        now = await self._upstream.read(effect.ref.path)
        seen |= marks_of(now)
        return now

    async def _act(
        self, effect: NetEffect, decision: PutBack | Remove | Recreate, now: Document | None
    ) -> Reply:
        about = path = effect.ref.path
        query = {"fieldManager": self._us}
        match decision:
            case PutBack(patch=patch):
                if sized := resized(patch, now or {}, kind=effect.ref.kind):
                    path, patch = f"{path}/resize", sized
                body = _locked(patch, now or {})
                media = Media.MERGE_PATCH
                return await self._barring.send(
                    "PATCH", path, about=about, query=query, body=body, media=media
                )
            case Remove(uid=uid):
                body = _removal(effect, uid)
                return await self._barring.send("DELETE", path, about=about, body=body)
            case Recreate(document=document):
                path = path.rpartition("/")[0]
                return await self._barring.send(
                    "POST", path, about=about, query=query, body=document
                )

    async def _break_lock(self, effect: NetEffect, now: Document) -> Reply:
        """See to it that a write whose answer never came can no longer be made.

        It is locked to a version that we looked at, so a new version refuses it for good. The
        annotation that makes the new version is named after the run and taken off at once, also
        by whoever repeats this.
        """
        mark, query = self._us, {"fieldManager": self._us}
        path, media = effect.ref.path, Media.MERGE_PATCH
        touch = _locked({"metadata": {"annotations": {mark: "1"}}}, now)
        reply = await self._barring.send(
            "PATCH", path, about=path, query=query, body=touch, media=media
        )
        if not reply.is_success:
            return reply
        untouch = {"metadata": {"annotations": {mark: None}}}
        return await self._barring.send(
            "PATCH", path, about=path, query=query, body=untouch, media=media
        )

    async def _settled(self, effect: NetEffect, decision: Settled, *, is_sure: bool) -> Outcome:
        state = UndoState.KEPT if decision.kept else UndoState.UNDONE
        await self._note(effect, state, "; ".join(map(str, decision.kept)), is_sure=is_sure)
        return Outcome(kept=decision.kept)

    async def _failed(self, effect: NetEffect, reply: Reply) -> Outcome:
        await self._note(effect, UndoState.FAILED, reply.message())
        return Outcome(pending=f"{effect.ref.key}: cannot be put back ({reply.message()})")

    async def _note(
        self, effect: NetEffect, state: UndoState, note: str, *, is_sure: bool = False
    ) -> None:
        for record in effect.records:
            # An intent stays one while it is not put back: whether it was made is not known,
            # unless we saw to it that it no longer can be.
            in_doubt = record.state is UndoState.INTENT and not is_sure
            is_open = in_doubt and state is not UndoState.UNDONE
            told = IRREVERSIBLE if record.verb is Verb.EXEC else note
            noted = replace(record, state=record.state if is_open else state, note=told)
            if noted != record:
                await self._journal.settle(noted)


def resized(patch: Mapping[str, Any], now: Document, *, kind: str) -> dict[str, Any]:
    """The part of a patch that a pod takes only through its resize subresource; empty when none.

    The rest follows when what is left to do is decided anew.
    """
    if kind != "pods":
        return {}
    wanted = {each["name"]: each for each in patch.get("spec", {}).get("containers") or ()}
    containers = (now.get("spec") or {}).get("containers") or ()
    if not any(_differ(wanted.get(each["name"]), each) for each in containers):
        return {}
    sizes = [
        {**each, **{name: wanted[each["name"]].get(name, {}) for name in _SIZE}}
        if each["name"] in wanted
        else each
        for each in containers
    ]
    return {"spec": {"containers": sizes}}


def _differ(wanted: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    return wanted is not None and any(
        (wanted.get(name) or {}) != (now.get(name) or {}) for name in _SIZE
    )


def _locked(patch: Mapping[str, Any], now: Document) -> dict[str, Any]:
    """The patch, good only for the version of the object that it was decided from."""
    metadata = now.get("metadata") or {}
    lock = {"resourceVersion": metadata.get("resourceVersion"), "uid": metadata.get("uid")}
    return {**patch, "metadata": {**patch.get("metadata", {}), **lock}}


def _removal(effect: NetEffect, uid: str) -> dict[str, Any]:
    # A workload that is gone leaves its pods behind for a while, and those are ours as well.
    waits = effect.ref.kind in OWNERS
    return {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "preconditions": {"uid": uid},
        "propagationPolicy": "Foreground" if waits else "Background",
    }


def _strayed_from_ours(effects: Sequence[NetEffect]) -> list[NetEffect]:
    """The pods that may have been led away from a workload which this run made.

    They go with it, once its controller has taken them back; without one they would stay.
    """
    namespaces = {
        each.ref.namespace
        for each in effects
        if not each.existed and each.ref.kind in OWNERS and each.created
    }
    return [
        each
        for each in effects
        if each.ref.kind == "pods"
        and each.ref.namespace in namespaces
        and each.has_controller
        and any(path[:2] == _LABELS for path in each.changes)
    ]


def _was_undone(record: UndoRecord) -> bool:
    # A write that was never made has a note that says so.
    return record.state is UndoState.UNDONE and not record.note
