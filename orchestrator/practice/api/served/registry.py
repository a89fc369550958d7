"""Kinds by the ways of asking for one: by path, by type, by where their objects are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from orchestrator.practice.api.kinds import Kind


class Registry:
    """A fixed set of kinds. `hidden` kinds keep objects and are served at no path."""

    def __init__(self, kinds: Sequence[Kind], hidden: Sequence[Kind] = ()) -> None:
        self.kinds = tuple(kinds)
        self._by_path = {(kind.group, kind.version, kind.plural): kind for kind in kinds}
        keeping = [kind for kind in (*kinds, *hidden) if not kind.stored_as and not kind.review]
        self._by_storage = {kind.storage: kind for kind in reversed(keeping)}
        self._by_type = {(kind.api_version, kind.name): kind for kind in (*hidden, *kinds)}

    def at(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind served under a path."""
        return self._by_path.get((group, version, plural))

    def of(self, api_version: str, name: str) -> Kind | None:
        """The kind that objects of a type have."""
        return self._by_type.get((api_version, name))

    def stored_as(self, storage: str) -> Kind | None:
        """The kind of the objects on a shelf."""
        return self._by_storage.get(storage)

    @property
    def stored(self) -> Iterable[Kind]:
        """Every kind that has a shelf of its own."""
        return self._by_storage.values()

    @cached_property
    def groups(self) -> Mapping[str, list[str]]:
        """The API groups and their versions, the core group left out."""
        found: dict[str, list[str]] = {}
        for kind in self.kinds:
            versions = found.setdefault(kind.group, [])
            if kind.version not in versions:
                versions.append(kind.version)
        found.pop("", None)
        return found
