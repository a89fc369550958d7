"""Gives fields back to their former owners in the cluster, once they are as they were.

An API server records whoever writes a field as its owner, and the owner before would find itself
in conflict. What fails here is told, and stands in the way of nothing: the fields are as before.
"""

from datetime import timedelta
from typing import Final

import anyio

from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.giving_back import entries_wanted, is_of
from orchestrator.domain.net_effect import NetEffect, is_leaving, uid_of
from orchestrator.domain.ownership import Entry
from orchestrator.domain.undo import Document, UndoState
from orchestrator.guard.barring import Barring
from orchestrator.guard.bodies import Media
from orchestrator.guard.locking import version_of
from orchestrator.guard.upstream import Upstream

_MOST_TRIES: Final = 10
_PATIENCE: Final = timedelta(seconds=2)
_NOT_LEFT: Final = frozenset({UndoState.UNDONE, UndoState.KEPT})
_RESET: Final[tuple[Entry, ...]] = ({},)
"""What an API server takes for no owners at all."""


class Returning:
    """Gives back the fields of the objects of one run."""

    def __init__(self, *, upstream: Upstream, barring: Barring, us: str) -> None:
        self._upstream = upstream
        self._barring = barring
        self._us = us

    async def give_back(
        self, effect: NetEffect, now: Document | None, earlier: Document | None
    ) -> str:
        """Give the fields of one object back; returns why that failed, empty when it did not.

        Shape: now is the object once its fields are put back; earlier is what it was right
        before, None when nothing had to be put back.
        """
        if now is None or not self._is_meant(effect, now):
            return ""
        problem = "the cluster takes too long"
        # What an undo may take in all is for the fields, which are put back already.
        with anyio.move_on_after(_PATIENCE.total_seconds(), shield=True):
            try:
                problem = await self._try(effect, now, earlier)
            except ClusterUnavailable as error:
                problem = str(error)
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                problem = f"its owners cannot be read ({error!r})"
        if not problem:
            return ""
        return f"{effect.ref.key}: fields are not given back to their owners ({problem})"

    def _is_meant(self, effect: NetEffect, now: Document) -> bool:
        """Whether it is an object of others that we wrote to, or made anew, and left to settle."""
        is_settled = all(each.state in _NOT_LEFT for each in effect.records)
        if is_settled or not effect.existed or is_leaving(now):
            return False
        return uid_of(now) == effect.uid or effect.made(now) or is_of(self._us, now)

    async def _try(self, effect: NetEffect, now: Document, earlier: Document | None) -> str:
        found: Document | None = now
        for _ in range(_MOST_TRIES):
            if found is None or uid_of(found) != uid_of(now):
                return ""
            entries = entries_wanted(effect.records, found, earlier=earlier, us=self._us)
            if entries is None:
                return ""
            lock = {"resourceVersion": version_of(found), "uid": uid_of(found)}
            body = {"metadata": {**lock, "managedFields": [*(entries or _RESET)]}}
            reply = await self._barring.send(
                "PATCH",
                effect.ref.path,
                about=effect.ref.path,
                query={"fieldManager": self._us},
                body=body,
                media=Media.MERGE_PATCH,
            )
            if reply.is_success:
                return ""
            if reply.status not in {404, 409}:
                return reply.message()
            found = await self._upstream.read(effect.ref.path)
        return "it changes all the time"
