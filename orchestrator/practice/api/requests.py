"""A request as the server reads it, and the answers that it can give.

Paths are decoded once and never again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from orchestrator.practice.api.access.users import User
from orchestrator.practice.api.statuses import Cause, bad_request, invalid_options

Object = dict[str, Any]
JSON: Final = "application/json"
_LONGEST_NAME: Final = 128
_OPTIONS: Final = {"POST": "Create", "PUT": "Update", "PATCH": "Patch", "DELETE": "Delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, its body read."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    user: User | None = None
    """Who asks, where anybody is asked who they are."""
    impersonation: tuple[tuple[str, str], ...] = ()
    """The headers that say whom the client speaks for."""

    def parameter(self, name: str) -> str:
        """The first value of a query parameter, or empty text."""
        return self.query.get(name, [""])[0]

    def flag(self, name: str) -> bool:
        """Whether a query parameter is there and neither 0 nor false; any other text counts."""
        return name in self.query and self.parameter(name).lower() not in {"0", "false"}

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

        Raises: ApiError: 422, the parameter has another value than All.
        """
        wishes = [wish for wish in self.query.get("dryRun", []) if wish]
        if any(wish != "All" for wish in wishes):
            cause = Cause.unsupported("dryRun", wishes, ("All",))
            raise invalid_options(self.options, [cause])
        return bool(wishes)

    @property
    def is_lenient(self) -> bool:
        """Whether the client wants to hear nothing of fields that make no sense."""
        return self.parameter("fieldValidation") == "Ignore"

    @property
    def options(self) -> str:
        """The type that the server reads the parameters of a write as."""
        return f"{_OPTIONS.get(self.method, 'List')}Options"

    @property
    def manager(self) -> str:
        """Who makes a change: the name that the client gives itself, or its program's.

        Raises: ApiError: 422, the name is too long or has letters that nobody can read.
        """
        named = self.parameter("fieldManager")
        if named:
            causes = list(_name_causes(named))
            if causes:
                raise invalid_options(self.options, causes)
            return named
        program = self.headers.get("user-agent", "").partition("/")[0]
        readable = "".join(letter for letter in program if letter.isprintable())
        return readable[:_LONGEST_NAME] or "unknown"

    @property
    def content_type(self) -> str:
        """The body's media type without parameters; JSON when the client names none."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower() or JSON


def _name_causes(name: str) -> Iterator[Cause]:
    """What is wrong with a manager's name."""
    if len(name.encode()) > _LONGEST_NAME:
        text = f"Too long: may not be more than {_LONGEST_NAME} bytes"
        yield Cause("fieldManager", "FieldValueTooLong", text)
    for place, letter in enumerate(name):
        if not letter.isprintable():
            text = f"invalid character U+{ord(letter):04X} (at position {place})"
            yield Cause.invalid("fieldManager", name, text)


def request_of(scope: Mapping[str, Any], body: bytes) -> Request:
    """The request that an ASGI scope describes."""
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    spoken_for = tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in scope["headers"]
        if name[:12].lower() == b"impersonate-"
    )
    return Request(
        method=scope["method"], path=scope["path"], query=query, headers=headers, body=body,
        impersonation=spoken_for,
    )  # fmt: skip


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
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that somebody else has to be asked for."""

    answer: Callable[[], Awaitable[Response | Stream]] = field(repr=False)


def warned(answered: Response | Stream | Later, text: str) -> Response | Stream | Later:
    """The answer with a warning, where it is known already."""
    if isinstance(answered, Later):
        return answered
    return replace(answered, headers=(_warning(text), *answered.headers))


def answer(obj: Any, status: int = 200, *, warnings: list[str] | None = None) -> Response:
    """An object as a JSON answer, with what the server wants to warn of."""
    headers = tuple(_warning(text) for text in (warnings or ())[:20])
    return Response(status, msgspec.json.encode(obj), headers=headers)


def _warning(text: str) -> tuple[str, str]:
    return "warning", f"299 - {quoted(text)}"


def quoted(text: str) -> str:
    """A warning's text as a quoted string of ASCII."""
    plain = text.encode("ascii", "replace").decode().replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
