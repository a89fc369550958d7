"""The form in which a client wants objects: as they are, as a table, or their metadata only.

It reads `Accept`; what a table holds is said by the kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Any, Final

import msgspec

from orchestrator.practice.api.columns.ages import AGE, NAME
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.requests import JSON, Request
from orchestrator.practice.api.statuses import not_acceptable

Object = dict[str, Any]


class Form(Enum):
    """A representation that can be asked for."""

    PLAIN = "plain"
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"


_FORMS: Final = {
    "Table": Form.TABLE,
    "PartialObjectMetadata": Form.METADATA,
    "PartialObjectMetadataList": Form.METADATA,
}


def wanted_form(request: Request) -> Form:
    """The first form that the client accepts and the server can give.

    Raises: ApiError: 406, there is none.
    """
    accept = request.headers.get("accept", "")
    if not accept.strip():
        return Form.PLAIN
    for entry in accept.split(","):
        media, *parameters = [part.strip() for part in entry.split(";")]
        if media not in {JSON, "application/*", "*/*"}:
            continue
        options = dict(part.split("=", 1) for part in parameters if "=" in part)
        name = options.get("as")
        if name is None:
            return Form.PLAIN
        if name in _FORMS and options.get("v") == "v1" and options.get("g") == "meta.k8s.io":
            return _FORMS[name]
    raise not_acceptable([JSON])


def table(
    kind: Kind,
    objects: Iterable[Object],
    now: datetime,
    *,
    metadata: Object,
    include: str = "",
    heads: bool = True,
) -> Object:
    """A table of objects.

    Shape: one row per object; `include` is Metadata, Object or None and says what rows carry.
    """
    columns = kind.columns or (NAME, AGE)
    result: Object = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    result["columnDefinitions"] = [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": "",
            "priority": column.priority,
        }
        for column in columns
        if heads
    ]
    result["rows"] = [
        {"cells": [column.cell(obj, now) for column in columns], **_row(obj, include)}
        for obj in objects
    ]
    return result


def _row(obj: Object, include: str) -> Object:
    match include:
        case "None":
            return {"object": None}
        case "Object":
            return {"object": obj}
        case _:
            return {"object": partial(obj)}


def partial(obj: Object) -> Object:
    """The metadata of an object alone."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def shown(kind: Kind, obj: Object, request: Request, form: Form, now: datetime) -> bytes:
    """One object in a form."""
    match form:
        case Form.TABLE:
            metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            include = request.parameter("includeObject")
            return msgspec.json.encode(table(kind, [obj], now, metadata=metadata, include=include))
        case Form.METADATA:
            return msgspec.json.encode(partial(obj))
        case Form.PLAIN:
            return msgspec.json.encode(obj)
