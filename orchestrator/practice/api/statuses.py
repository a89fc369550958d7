"""Refusals as the Status objects that a Kubernetes API server answers with.

The module words refusals; it does not decide when to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from orchestrator.practice.api.kinds import Kind

Object = dict[str, Any]
BODY_LIMIT: Final = 3 * 1024 * 1024


class ApiError(Exception):
    """A request that the API server refuses."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details

    def status(self) -> Object:
        """The Status object that tells the client."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = dict(self.details)
        return status | {"code": self.code}


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong with an object, and the field it is wrong with."""

    field: str
    reason: str
    message: str

    @classmethod
    def required(cls, field: str, detail: str = "") -> Cause:
        """A field that must be set."""
        message = f"Required value: {detail}" if detail else "Required value"
        return cls(field, "FieldValueRequired", message)

    @classmethod
    def invalid(cls, field: str, value: object, detail: str) -> Cause:
        """A value that its field cannot hold."""
        return cls(field, "FieldValueInvalid", f"Invalid value: {shown(value)}: {detail}")

    @classmethod
    def unsupported(cls, field: str, value: object, choices: Iterable[str]) -> Cause:
        """A value outside the field's choices; a tuple of them is shown in its own order."""
        ordered = choices if isinstance(choices, tuple) else sorted(choices)
        names = ", ".join(f'"{choice}"' for choice in ordered)
        message = f"Unsupported value: {shown(value)}: supported values: {names}"
        return cls(field, "FieldValueNotSupported", message)

    @classmethod
    def duplicate(cls, field: str, value: object) -> Cause:
        """A value that may appear once only."""
        return cls(field, "FieldValueDuplicate", f"Duplicate value: {shown(value)}")

    @classmethod
    def missing(cls, field: str, value: object) -> Cause:
        """A reference to something that is not there."""
        return cls(field, "FieldValueNotFound", f"Not found: {shown(value)}")

    @classmethod
    def forbidden(cls, field: str, detail: str) -> Cause:
        """A field that may not be set or changed here."""
        return cls(field, "FieldValueForbidden", f"Forbidden: {detail}")


def shown(value: object) -> str:
    """A value the way Kubernetes quotes it in a message."""
    return msgspec.json.encode(value).decode()


def of_name(kind: Kind, name: str, **more: Any) -> Object:
    """The details that name an object by its resource."""
    details: Object = {"name": name}
    if kind.group:
        details["group"] = kind.group
    return details | {"kind": kind.plural} | more


def not_found(kind: Kind, name: str) -> ApiError:
    """No object of that name."""
    message = f'{kind.qualified} "{name}" not found'
    return ApiError(404, "NotFound", message, details=of_name(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """An object of that name is there already."""
    message = f'{kind.qualified} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details=of_name(kind, name))


def unserved() -> ApiError:
    """Nothing is served at a path below the API's roots."""
    message = "the server could not find the requested resource"
    return ApiError(404, "NotFound", message, details={})


def conflict(kind: Kind, name: str, why: str = "") -> ApiError:
    """The object is no longer what the client believed."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version"
        " and try again"
    )
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=of_name(kind, name))


def stale(kind: Kind, name: str, what: str, asked: str, found: str) -> ApiError:
    """The object is another one, or another version of it, than the client wants deleted."""
    became = {"UID": "deleted and then recreated", "ResourceVersion": "modified"}[what]
    message = (
        f'Operation cannot be fulfilled on {_titled(kind)} "{name}": the {what} in the '
        f"precondition ({asked}) does not match the {what} in record ({found}). "
        f"The object might have been {became}"
    )
    details = of_name(kind, name) | {"kind": kind.name}
    return ApiError(409, "Conflict", message, details=details)


def _titled(kind: Kind) -> str:
    return f"{kind.name}.{kind.group}" if kind.group else kind.name


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiError:
    """The object breaks the rules of its kind."""
    details: Object = {"name": name} if name else {}
    if kind.group:
        details["group"] = kind.group
    return _invalid(_titled(kind), name, details | {"kind": kind.name}, causes)


def invalid_options(name: str, causes: Sequence[Cause]) -> ApiError:
    """The request's own options, named by their type, break a rule."""
    details: Object = {"group": "meta.k8s.io", "kind": name}
    return _invalid(f"{name}.meta.k8s.io", "", details, causes)


def invalid_named(name: str, of: str, causes: Sequence[Cause]) -> ApiError:
    """The options about one object, named by their type, break a rule."""
    return _invalid(name, of, {"name": of, "kind": name}, causes)


def _invalid(titled: str, name: str, details: Object, causes: Sequence[Cause]) -> ApiError:
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details["causes"] = [
        {"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes
    ]
    return ApiError(422, "Invalid", f'{titled} "{name}" is invalid: {listed}', details=details)


def forbidden(
    kind: Kind, name: str, why: str, *, causes: Sequence[Mapping[str, str]] = ()
) -> ApiError:
    """The cluster's rules do not allow it, whoever asks."""
    details = of_name(kind, name)
    if causes:
        details["causes"] = [dict(cause) for cause in causes]
    message = f'{kind.qualified} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", message, details=details)


def bad_request(message: str) -> ApiError:
    """The server cannot make sense of the request."""
    return ApiError(400, "BadRequest", message)


def method_not_allowed() -> ApiError:
    """The path exists; the method does not, there."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, details={})


def not_acceptable(offered: Sequence[str]) -> ApiError:
    """No media type that the client accepts can be produced."""
    message = f"406: Not Acceptable\n\nAvailable representations: {', '.join(offered)}"
    return ApiError(406, "NotAcceptable", message, details={})


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    """The body's media type is none that can be read here."""
    listed = ", ".join(accepted)
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {listed}"
    )
    return ApiError(415, "UnsupportedMediaType", message)


def no_patch() -> ApiError:
    """The body's media type is none of the forms of patches."""
    return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})


def too_large() -> ApiError:
    """The body is larger than the server reads."""
    message = f"Request entity is too large: limit is {BODY_LIMIT}"
    return ApiError(413, "RequestEntityTooLarge", message)


def expired(message: str) -> ApiError:
    """The version that the client asked for is no longer kept."""
    return ApiError(410, "Expired", message)


def unprocessable() -> ApiError:
    """The patch is well formed and cannot be carried out; a real server does not say why either."""
    message = "the server rejected our request due to an error in our request"
    return ApiError(422, "Invalid", message, details={})


def internal(message: str) -> ApiError:
    """The server failed."""
    return ApiError(
        500, "InternalError", f"Internal error occurred: {message}",
        details={"causes": [{"message": message}]},
    )  # fmt: skip
