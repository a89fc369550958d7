"""Lets a retried request be recorded once: the same key gets the first answer again.

It remembers in this process only, and for ten minutes; a restart in between forgets.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias, TypeVar, cast

import anyio
from fastapi import Depends, Header, Request

from api.dependencies import CurrentGuest
from orchestrator.domain.errors import InvalidValue
from orchestrator.ports import Clock

T = TypeVar("T")
Key: TypeAlias = tuple[object, ...]

KEPT_FOR: Final = timedelta(minutes=10)
MOST: Final = 10_000
"""Answers kept at once; beyond it the oldest are forgotten."""


@dataclass(slots=True, kw_only=True)
class _Kept:
    body: str
    since: datetime
    answer: Any = None
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Idempotency:
    """Remembers the answers to requests that carried a key."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    async def once(self, key: Key, body: str, make: Callable[[], Awaitable[T]]) -> T:
        """Make an answer, or give back the one that was made for this key.

        A failure is not kept. A second request waits for the first.
        Raises: InvalidValue: the key came with another body before.
        """
        now = self._clock.now()
        self._forget(now)
        kept = self._kept.setdefault(key, _Kept(body=body, since=now))
        if kept.body != body:
            raise InvalidValue(
                field="Idempotency-Key",
                value=str(key[-1]),
                problem="was sent before with another body",
                way_out="send a new key with each new request",
            )
        async with kept.lock:
            if kept.answer is None:
                kept.answer = await make()
            return cast(T, kept.answer)

    def _forget(self, now: datetime) -> None:
        while self._kept:
            key, oldest = next(iter(self._kept.items()))
            if len(self._kept) < MOST and now - oldest.since < KEPT_FOR:
                return
            del self._kept[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """One request's right to be recorded once."""

    kept: Idempotency
    key: Key | None

    async def __call__(self, body: str, make: Callable[[], Awaitable[T]]) -> T:
        """Make the answer, unless it was made already."""
        return await (make() if self.key is None else self.kept.once(self.key, body, make))


def once_of(
    request: Request,
    guest: CurrentGuest,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            description="Any text that is new for each request. A retry with the same key and"
            " body within ten minutes is answered as the first time and recorded once.",
            examples=["8b1f0a52-7d7c-4f0e-9a58-0c6a1d7a2b11"],
        ),
    ] = None,
) -> Once:
    """The key that a request carries, made unique to who asks for what."""
    kept = cast(Idempotency, request.app.state.idempotency)
    if idempotency_key is None:
        return Once(kept=kept, key=None)
    who = (guest.name, guest.role, guest.day)
    return Once(kept=kept, key=(*who, request.method, request.url.path, idempotency_key))


OnlyOnce = Annotated[Once, Depends(once_of)]
