"""What it takes to serve one kind of object.

A kind is one entry of data and small functions; a new kind needs no change of the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.practice.api.selectors import FieldReader
from orchestrator.practice.api.selectors import field as field_at
from orchestrator.practice.api.statuses import Cause

if TYPE_CHECKING:
    from datetime import datetime

Object = dict[str, Any]

METADATA_FIELDS = {
    "metadata.name": field_at("metadata.name"),
    "metadata.namespace": field_at("metadata.namespace"),
}


def _keep(obj: Object) -> None:
    """Nothing to fill in."""


def _accept(_obj: Object, _old: Object | None) -> list[Cause]:
    """Nothing to object to."""
    return []


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the table that kubectl prints.

    Columns with priority 1 are shown by `-o wide` only.
    """

    name: str
    cell: Callable[[Object, datetime], Any]
    type: str = "string"
    format: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """One kind of object at one version of its API group."""

    name: str
    plural: str
    group: str = ""
    version: str = "v1"
    schema: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    singular: str = ""
    has_status: bool = True
    """Served at /status, and not writable through the object itself."""
    has_generation: bool = True
    """`metadata.generation` counts the changes of everything but metadata and status."""
    counts_annotations: bool = False
    """It counts changes of annotations too, but for the one that the controller writes."""
    scale: Scale | None = None
    subresources: tuple[Subresource, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)
    """Subresources that change a part of the object which the object itself keeps."""
    name_rule: str = "subdomain"
    fields: Mapping[str, FieldReader] = field(default_factory=dict)
    columns: Sequence[Column] = ()
    default: Callable[[Object], None] = _keep
    """Fill in what a server fills in; changes the object given."""
    validate: Callable[[Object, Object | None], list[Cause]] = _accept
    """What is wrong with the object, given the one it replaces."""
    needs_version: bool = False
    """An update must say which version it replaces."""
    deletes_collection: bool = True
    """All objects of a collection can be deleted with one request."""
    returns_deleted: bool = False
    """DELETE answers with the object rather than with a Status."""
    graceful: bool = False
    """Deleting waits for the kubelet."""
    index_labels: bool = False
    creates_on_update: bool = False
    cleanup: str = ""
    """The finalizer that deleting adds, for a controller to take away."""
    is_custom: bool = False
    """Defined by a client: no protobuf, no strategic merge, and lists name the type of items."""
    document: Mapping[str, Any] | None = None
    """The schema that a client defined it by."""
    review: Callable[[Object], Object] | None = None
    """Answers a new object at once, which is not stored."""
    warning: str = ""
    """What every answer about it warns of."""
    bookmark: Mapping[str, Any] = field(default_factory=dict)
    """What the empty object of a bookmark needs beside metadata."""
    stored_as: Kind | None = None
    to_stored: Callable[[Object], Object] | None = None
    from_stored: Callable[[Object], Object] | None = None
    storage: str = field(init=False)
    """The name of the shelf that holds its objects."""

    def __post_init__(self) -> None:
        storage = self.stored_as.storage if self.stored_as else self.qualified
        object.__setattr__(self, "storage", storage)

    @property
    def qualified(self) -> str:
        """The resource with its group, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def field_readers(self) -> Mapping[str, FieldReader]:
        """The fields that can be selected by."""
        return {**METADATA_FIELDS, **self.fields} if self.namespaced else {
            "metadata.name": METADATA_FIELDS["metadata.name"], **self.fields
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an object that has a subresource and rules of its own."""

    merge: Callable[[Object, Object], Object]
    """The old object with this part taken from the new one."""
    validate: Callable[[Object, Object], list[Cause]]
    """What is wrong with the new object, given the old one."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the scale subresource of a kind finds what it shows and sets."""

    selector: Callable[[Object], str]
    """The text of the object's label selector."""
    wanted: tuple[str, ...] = ("spec", "replicas")
    present: tuple[str, ...] = ("status", "replicas")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A subresource that discovery names beside status and scale."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""
