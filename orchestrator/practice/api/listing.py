"""Lists: selected, paged from a consistent snapshot, in the form that the client wants.

Objects were encoded when they were stored; a list only joins them.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from orchestrator.practice.api.forms import Form, partial, table
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.requests import Request, Response
from orchestrator.practice.api.selector_texts import parse
from orchestrator.practice.api.selectors import EVERYTHING, parse_fields
from orchestrator.practice.api.statuses import (
    ApiError,
    Cause,
    bad_request,
    expired,
    invalid_options,
)
from orchestrator.practice.api.store import Store, Stored

Object = dict[str, Any]
SNAPSHOTS: Final = 64
"""How many lists can be paged through at a time; the oldest answer 410 Gone."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a request is about."""

    namespace: str | None
    holds: Callable[[Object], bool]
    selects: bool

    @classmethod
    def of(cls, request: Request, kind: Kind, namespace: str | None) -> Selection:
        """The selection that a request's parameters name.

        Raises: ApiError: 400, a selector can't be read.
        """
        labels_text = request.parameter("labelSelector")
        fields_text = request.parameter("fieldSelector")
        labels = parse(labels_text) if labels_text else EVERYTHING
        fields = parse_fields(fields_text, kind.field_readers, only_names=not kind.fields)

        def holds(obj: Object) -> bool:
            return labels.holds(obj["metadata"].get("labels", {})) and fields(obj)

        return cls(namespace, holds, bool(labels_text or fields_text))

    def covers(self, obj: Object) -> bool:
        """Whether an object belongs to the selection."""
        namespace = obj["metadata"].get("namespace", "")
        return (self.namespace is None or namespace == self.namespace) and self.holds(obj)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    items: list[Stored]
    version: int
    token: str = ""
    remaining: int | None = None

    @property
    def metadata(self) -> Object:
        """The list's own metadata."""
        metadata: Object = {"resourceVersion": str(self.version)}
        if self.token:
            metadata["continue"] = self.token
            if self.remaining is not None:
                metadata["remainingItemCount"] = self.remaining
        return metadata


class Snapshots:
    """The lists that clients are paging through. Stored objects never change, so they are cheap."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[list[Stored], int, bool]] = OrderedDict()
        self._next = 1

    def keep(self, items: list[Stored], version: int, *, selects: bool) -> int:
        """Remember a list and return its number."""
        number, self._next = self._next, self._next + 1
        self._kept[number] = (items, version, selects)
        if len(self._kept) > SNAPSHOTS:
            self._kept.popitem(last=False)
        return number

    def page(self, number: int, start: int, limit: int) -> Page:
        """A part of a remembered list.

        Raises: ApiError: 410, the list is no longer remembered.
        """
        if number not in self._kept:
            raise expired(
                "The provided continue parameter is too old to display a consistent list result. "
                "You can start a new list without the continue parameter."
            )
        items, version, selects = self._kept[number]
        end = start + limit if limit else len(items)
        if end >= len(items):
            return Page(items[start:], version)
        remaining = None if selects else len(items) - end
        return Page(items[start:end], version, _token(number, end, version), remaining)


def _token(number: int, start: int, version: int) -> str:
    raw = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": version, "n": number, "start": start})
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _read_token(text: str) -> tuple[int, int]:
    try:
        token = msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return int(token["n"]), max(0, int(token["start"]))
    except (NotBase64, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        text = "invalid continue token: continue key is not valid"
        raise bad_request(text) from error


def page_of(
    store: Store, snapshots: Snapshots, kind: Kind, request: Request, namespace: str | None
) -> Page:
    """The part of a list that a request asks for.

    Raises: ApiError: 400, 410 or 504, as the server's documentation of lists says.
    """
    limit = max(0, request.number("limit") or 0)
    selection = Selection.of(request, kind, namespace)
    if request.parameter("continue"):
        return snapshots.page(*_read_token(request.parameter("continue")), limit)
    _refuse_version(store, request)
    items = _selected(store, kind, selection)
    if not limit or len(items) <= limit:
        return Page(items, store.version)
    number = snapshots.keep(items, store.version, selects=selection.selects)
    return snapshots.page(number, 0, limit)


def _selected(store: Store, kind: Kind, selection: Selection) -> list[Stored]:
    stored = store.select(kind, selection.namespace)
    if kind.from_stored is not None:
        stored = [Stored(kind.from_stored(item.object), item.version) for item in stored]
    if not selection.selects:
        return stored
    return [item for item in stored if selection.holds(item.object)]


def _refuse_version(store: Store, request: Request) -> None:
    _refuse_match(request)
    version = _version(request)
    if version > store.version:
        raise ApiError(
            504,
            "Timeout",
            f"Too large resource version: {version}, current: {store.version}",
            details={
                "causes": [
                    {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
                ],
                "retryAfterSeconds": 1,
            },
        )
    if request.parameter("resourceVersionMatch") == "Exact" and version != store.version:
        raise expired(f"The resourceVersion for the provided list is too old: {version}")


def _version(request: Request) -> int:
    text = request.parameter("resourceVersion")
    if text.isascii() and text.isdigit():
        return int(text)
    if text:
        raise bad_request(
            f'invalid resource version: resourceVersion: Invalid value: "{text}": '
            f'strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return 0


def _refuse_match(request: Request) -> None:
    match, version = request.parameter("resourceVersionMatch"), request.query.get("resourceVersion")
    causes: list[Cause] = []
    if match and not version:
        text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        causes.append(Cause.forbidden("resourceVersionMatch", text))
    elif match not in {"", "Exact", "NotOlderThan"}:
        choices = ("Exact", "NotOlderThan", "")
        causes.append(Cause.unsupported("resourceVersionMatch", match, choices))
    if causes:
        raise invalid_options(request.options, causes)


def list_response(page: Page, kind: Kind, request: Request, form: Form, store: Store) -> Response:
    """A page in the form that the client wants."""
    match form:
        case Form.PLAIN:
            return Response(200, _plain(page, kind))
        case Form.TABLE:
            objects = [item.object for item in page.items]
            include = request.parameter("includeObject")
            metadata = page.metadata
            rows = table(kind, objects, store.now(), metadata=metadata, include=include)
            return Response(200, msgspec.json.encode(rows))
        case Form.METADATA:
            items = [partial(item.object) for item in page.items]
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return Response(
                200, msgspec.json.encode({**head, "metadata": page.metadata, "items": items})
            )


def _plain(page: Page, kind: Kind) -> bytes:
    """The list, whose items come without their type, as a server writes them."""
    type_length = len(msgspec.json.encode({"kind": kind.name, "apiVersion": kind.api_version})) - 1
    head = msgspec.json.encode(
        {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": page.metadata}
    )
    if kind.is_custom:
        return head[:-1] + b',"items":[' + b",".join([item.raw for item in page.items]) + b"]}"
    items = b",".join([b"{" + item.raw[type_length + 1 :] for item in page.items])
    return head[:-1] + b',"items":[' + items + b"]}"
