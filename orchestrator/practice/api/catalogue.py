"""Which kinds a store's cluster serves: the built-in ones and those that clients defined."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from orchestrator.practice.api.custom.kinds import Defined, kinds_of
from orchestrator.practice.api.served import KINDS, SERVED
from orchestrator.practice.api.served.extensions import DEFINITION
from orchestrator.practice.api.served.registry import Registry
from orchestrator.practice.api.store import Store

Edition = tuple[str, int]
"""A definition's uid and generation: what its kinds follow from."""


@dataclass(slots=True)
class _Known:
    """What was read off a store's definitions last."""

    registry: Registry = SERVED
    editions: dict[Edition, Defined] = field(default_factory=dict)


_known: Final[WeakKeyDictionary[Store, _Known]] = WeakKeyDictionary()


def kinds_in(store: Store) -> Registry:
    """The kinds that are served now."""
    known = _known.setdefault(store, _Known())
    definitions = {
        (definition["metadata"]["uid"], definition["metadata"]["generation"]): definition
        for definition in store.objects(DEFINITION)
    }
    if definitions.keys() != known.editions.keys():
        known.editions = {
            edition: known.editions.get(edition) or kinds_of(definition)
            for edition, definition in sorted(definitions.items())
        }
        defined = known.editions.values()
        served = [kind for entry in defined for kind in entry.served]
        known.registry = Registry([*KINDS, *served], [entry.keeper for entry in defined])
    return known.registry
