"""A request as the server reads it, and the answers that it can give.

Paths are decoded once and never again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from orchestrator.practice.api.statuses import ApiError, bad_request

Object = dict[str, Any]
JSON: Final = "application/json"
_TRUE: Final = {"true", "1", "t", "T", "TRUE", "True"}
_FALSE: Final = {"", "false", "0", "f", "F", "FALSE", "False"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, its body read."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def parameter(self, name: str) -> str:
        """The first value of a query parameter, or empty text."""
        return self.query.get(name, [""])[0]

    def flag(self, name: str) -> bool:
        """A query parameter that is true or false.

        Raises: ApiError: 400, it is neither.
        """
        text = self.parameter(name)
        if text in _TRUE or (not text and name in self.query and name == "watch"):
            return bool(text)
        if text in _FALSE:
            return False
        raise bad_request(f'strconv.ParseBool: parsing "{text}": invalid syntax')

    def number(self, name: str) -> int | None:
        """A query parameter that counts something.

        Raises: ApiError: 400, it is no number.
        """
        text = self.parameter(name)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None

    @property
    def dry(self) -> bool:
        """Whether nothing is to be stored.

        Raises: ApiError: 400, the parameter has another value than All.
        """
        wishes = self.query.get("dryRun", [])
        if any(wish not in {"All", ""} for wish in wishes):
            found = next(wish for wish in wishes if wish not in {"All", ""})
            raise ApiError(
                422,
                "Invalid",
                f'dryRun: Unsupported value: "{found}": supported values: "All"',
            )
        return "All" in wishes

    @property
    def content_type(self) -> str:
        """The body's media type without parameters; JSON when the client names none."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower() or JSON


def request_of(scope: Mapping[str, Any], body: bytes) -> Request:
    """The request that an ASGI scope describes."""
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return Request(
        method=scope["method"], path=scope["path"], query=query, headers=headers, body=body
    )


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that goes on for as long as the client listens."""

    chunks: AsyncIterator[bytes] = field(repr=False)
    content_type: str = JSON


def answer(obj: Any, status: int = 200, *, warnings: list[str] | None = None) -> Response:
    """An object as a JSON answer, with what the server wants to warn of."""
    headers = tuple(("warning", f"299 - {quoted(text)}") for text in (warnings or ())[:20])
    return Response(status, msgspec.json.encode(obj), headers=headers)


def quoted(text: str) -> str:
    """A warning's text as a quoted string of ASCII."""
    plain = text.encode("ascii", "replace").decode().replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
