"""Events are kept for an hour, as a cluster does."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import anyio

from orchestrator.practice.api.clock import instant
from orchestrator.practice.api.served.core import EVENT
from orchestrator.practice.api.store import Store
from orchestrator.practice.controllers.loops import going_on, key_of

LIFETIME: Final = timedelta(hours=1)
_EVERY: Final = timedelta(minutes=1)


def drop_old_events(store: Store) -> None:
    """Remove the events that nobody added to for their lifetime."""
    now = store.now()
    for event in list(store.objects(EVENT)):
        with going_on("expiry", key_of(event)):
            last = event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]
            if now - instant(last) > LIFETIME:
                store.remove(EVENT, event)


async def expire_events(store: Store) -> None:
    """Remove old events, minute by minute, until cancelled."""
    while True:
        await anyio.sleep(_EVERY.total_seconds())
        drop_old_events(store)
