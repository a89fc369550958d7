"""Writes of an undo that what the run itself made still keeps from being made.

An API server goes on for a while with webhooks and policies that are deleted. It does not try
again what others refuse.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import anyio

from orchestrator.domain.net_effect import NetEffect
from orchestrator.domain.undo import UndoRecord
from orchestrator.guard.bodies import Media
from orchestrator.guard.kinds import BARRIERS
from orchestrator.guard.paths import Query
from orchestrator.guard.upstream import Reply, Upstream

_TRY_AGAIN: Final = timedelta(milliseconds=50)
_REFUSALS: Final = ("failed calling webhook", "admission webhook", "ValidatingAdmissionPolicy")
"""How an API server says that a webhook or a policy refuses a write, or does not answer."""


def barriers_in(effects: Iterable[NetEffect]) -> Sequence[NetEffect]:
    """Those of the run's objects that may refuse what puts the others back."""
    return [each for each in effects if each.ref.kind in BARRIERS]


class Barring:
    """Sends writes, again and again while a barrier of the run's own may refuse them."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._is_own = False
        self._said: dict[str, str] = {}

    def note(self, records: Iterable[UndoRecord]) -> None:
        """Take note of what the run made, also of what is gone already."""
        self._is_own = any(each.ref.kind in BARRIERS and each.was_made for each in records)

    def said_about(self, path: str) -> str:
        """What was said last against writes to an object; empty when nothing was."""
        return self._said.get(path, "")

    async def send(
        self,
        method: str,
        path: str,
        *,
        about: str,
        body: Any,
        media: Media = Media.JSON,
        query: Query | None = None,
    ) -> Reply:
        """Make a write, of the object at the path about. Raises: ClusterUnavailable."""
        while True:
            reply = await self._upstream.send(method, path, query=query, body=body, media=media)
            if not (self._is_own and _is_refusal(reply)):
                self._said.pop(about, None)
                return reply
            self._said[about] = f"still refused ({reply.message()})"
            await anyio.sleep(_TRY_AGAIN.total_seconds())


def _is_refusal(reply: Reply) -> bool:
    return not reply.is_success and any(each in reply.message() for each in _REFUSALS)
