"""Which kinds a store's cluster serves: the built-in ones and those that clients defined."""

from __future__ import annotations

from orchestrator.practice.api.served import SERVED
from orchestrator.practice.api.served.registry import Registry
from orchestrator.practice.api.store import Store


def kinds_in(_store: Store) -> Registry:
    """The kinds that are served now."""
    return SERVED
