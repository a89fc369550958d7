"""The live timeline: each frame is encoded once, however many watch.

It decides nothing about what is seen; the entries come from `revealing` as they may be shown.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Final
from weakref import WeakValueDictionary

import anyio

from api.views.timeline import EntryView
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.identity import IncidentId
from orchestrator.services.revealing import Audience, Place, Revealing

HELLO: Final = b"retry: 1000\n\n"
"""How many milliseconds a client waits before it comes back."""


class Feed:
    """The frames of one day for one audience, in order; number n is at n - 1.

    Whoever is first in want of a frame reads for all; the others wait for it.
    """

    def __init__(self, *, revealing: Revealing, audience: Audience, mark: str) -> None:
        self._revealing = revealing
        self._audience = audience
        self._mark = mark
        self._frames: list[bytes] = []
        self._place = Place()
        self._keys: Mapping[IncidentId, str] = {}
        self._is_read = False
        self._news = anyio.Event()

    async def frames(self, after: int) -> AsyncIterator[bytes]:
        """Every frame numbered above `after`, those to come included.

        It ends only when the database fails; the client then comes back and resumes.
        """
        yield HELLO
        shown = after
        try:
            while True:
                while shown < len(self._frames):
                    yield self._frames[shown]
                    shown += 1
                await self._more()
        except Unavailable:
            return

    async def _more(self) -> None:
        if self._is_read:
            await self._news.wait()
            return
        self._is_read = True
        try:
            await self._read()
        finally:
            # Also when this viewer leaves: one of the others reads on.
            self._is_read = False
            news, self._news = self._news, anyio.Event()
            news.set()

    async def _read(self) -> None:
        entries, place = await self._revealing.next_entries(self._audience, self._place)
        if any(entry.incident and entry.incident not in self._keys for entry in entries):
            self._keys = await self._revealing.keys(self._audience)
        new = [self._frame(EntryView.of(entry, keys=self._keys)) for entry in entries]
        self._frames += new
        self._place = place

    def _frame(self, view: EntryView) -> bytes:
        return f"id: {self._mark}{view.seq}\ndata: {view.model_dump_json()}\n\n".encode()


class Live:
    """The feeds that somebody watches."""

    def __init__(self, revealing: Revealing) -> None:
        self._revealing = revealing
        self._feeds: WeakValueDictionary[tuple[str, bool, str], Feed] = WeakValueDictionary()

    def feed(self, audience: Audience, *, mark: str) -> Feed:
        """The feed of a day for all who see the same of it; it ends with its last viewer."""
        key = (audience.day.id, audience.sees_all, mark)
        feed = self._feeds.get(key)
        if feed is None:
            feed = Feed(revealing=self._revealing, audience=audience, mark=mark)
            self._feeds[key] = feed
        return feed
