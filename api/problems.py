"""Errors as RFC 9457 problem documents: the one place that gives an error its status.

It says nothing of errors that nobody foresaw but that they were logged.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from orchestrator.domain.errors import (
    ChaosDayError,
    Conflict,
    Fault,
    Invalid,
    InvalidPlan,
    NotAuthenticated,
    NotFound,
    Refused,
    Unavailable,
)

DOCS: Final = "/problems/"
"""Where the service itself explains each type of problem."""

MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[type[ChaosDayError], HTTPStatus]] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Conflict: HTTPStatus.CONFLICT,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    Refused: HTTPStatus.FORBIDDEN,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

_ROUTERS: Final = (400, 404, 405, 406, 413, 415)
"""What the router and the reading of bodies refuse by themselves."""
_LONGEST_VALUE: Final = 100
_SECRET_PLACES: Final = frozenset({"header", "cookie"})


class Problem(JSONResponse):
    """A problem document on its way out."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Mapping[str, Any], headers: Mapping[str, str] | None = None):
        always = {"Cache-Control": "no-store"}
        super().__init__(problem, problem["status"], headers=always | dict(headers or {}))


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documentation of the problems that a route may answer."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


def status_of(kind: type[ChaosDayError]) -> HTTPStatus:
    """The status of an error, by the branch that it hangs on."""
    return next(
        (STATUS[branch] for branch in kind.__mro__ if branch in STATUS),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )


def problem_of(error: ChaosDayError, *, instance: str) -> dict[str, Any]:
    """The problem document. An error's own public attributes become extension members."""
    return _members(error) | {
        "type": DOCS + error.slug,
        "title": error.title(),
        "status": int(status_of(type(error))),
        "detail": str(error),
        "instance": instance,
    }


def plain_problem(status: int, *, detail: str, instance: str) -> dict[str, Any]:
    """The problem document of a status that says it all."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "instance": instance,
    }


def _members(error: ChaosDayError) -> dict[str, Any]:
    members = {key: value for key, value in vars(error).items() if not key.startswith("_")}
    if isinstance(error, InvalidPlan):
        members["errors"] = [_fault(fault) for fault in members.pop("faults")]
    return members


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "detail": str(fault),
        "pointer": _pointer(re.findall(r"[^.\[\]]+", fault.field)),
        "field": fault.field,
        "line": fault.line,
        "value": fault.value,
        "problem": fault.problem,
        "way_out": fault.way_out,
    }


def _pointer(path: Sequence[object]) -> str:
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return "#" + "".join(f"/{part}" for part in parts)


def answer_problems(app: FastAPI) -> None:
    """Have an app answer every error with a problem document."""
    app.add_exception_handler(ChaosDayError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_refusal)
    for status in _ROUTERS:
        app.add_exception_handler(status, _on_refusal)


def _on_error(request: Request, error: Exception) -> Problem:
    known = cast(ChaosDayError, error)
    return Problem(problem_of(known, instance=request.url.path), _headers(known))


def _headers(error: ChaosDayError) -> dict[str, str]:
    match error:
        case NotAuthenticated():
            return {"WWW-Authenticate": 'Bearer realm="chaosday"'}
        case Unavailable():
            return {"Retry-After": "2"}
        case _:
            return {}


def _on_refusal(request: Request, error: Exception) -> Problem:
    refusal = cast(HTTPException, error)
    detail = _REFUSALS.get(refusal.status_code, str(refusal.detail))
    problem = plain_problem(refusal.status_code, detail=detail, instance=request.url.path)
    return Problem(problem, refusal.headers)


_REFUSALS: Final = {
    404: "nothing is served under this path; the paths are in /api/v1/openapi.json",
    405: "this path does not take that method; the header Allow names those that it takes",
}


def _on_invalid_request(request: Request, error: Exception) -> Problem:
    """FastAPI's own findings, in the same form as ours."""
    errors = [_finding(found) for found in cast(RequestValidationError, error).errors()]
    detail = "; ".join(found["detail"] for found in errors)
    problem = problem_of(Invalid(detail), instance=request.url.path)
    return Problem(problem | {"errors": errors})


def _finding(found: Mapping[str, Any]) -> dict[str, Any]:
    place, *path = found["loc"]
    value = found.get("input")
    name = ".".join(str(part) for part in path) or str(place)
    shown = "" if place in _SECRET_PLACES else _shown(value)
    return {
        "detail": f"{name}{shown}: {found['msg']}",
        "pointer": _pointer(path if place == "body" else []),
    } | ({} if place == "body" else {"parameter": name, "in": place})


def _shown(value: object) -> str:
    """The value, where it is short enough to be worth repeating."""
    if not isinstance(value, str | int | float | bool) or len(str(value)) > _LONGEST_VALUE:
        return ""
    return f" = {str(value).encode(errors='backslashreplace').decode()!r}"
