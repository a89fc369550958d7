"""Speaks to the service: one call, one answer, errors as the service words them.

It does not interpret answers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

import click

from orchestrator import __version__
from orchestrator.domain.errors import (
    ChaosDayError,
    Conflict,
    Invalid,
    InvalidValue,
    NotFound,
    Refused,
    ServiceUnavailable,
    Unavailable,
)

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_URL: Final = "http://127.0.0.1:8470"
_KIND_OF: Final[dict[int, type[ChaosDayError]]] = {
    401: Refused,
    403: Refused,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    503: Unavailable,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service, as one token sees it."""

    url: str
    token: str
    day: str

    def get(self, path: str, *, accept: str = "application/json") -> Any:
        """Read something. Raises: ChaosDayError: as the service says."""
        return self._call("GET", path, None, accept)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Do something. Raises: ChaosDayError: as the service says."""
        return self._call("POST", path, body or {}, "application/json")

    def of_day(self, path: str) -> str:
        """A path below the day that is meant."""
        return f"/api/v1/days/{self.which_day()}{path}"

    def which_day(self) -> str:
        """The day named, else the only one that is open. Raises: InvalidValue."""
        if self.day:
            return self.day
        days = [day["id"] for day in self.get("/api/v1/days")["days"] if day["state"] == "open"]
        if len(days) == 1:
            return str(days[0])
        raise InvalidValue(
            field="--day",
            value="",
            problem=f"{len(days)} days are open",
            way_out="name one by --day or CHAOSDAY_DAY",
        )

    def _call(self, method: str, path: str, body: dict[str, Any] | None, accept: str) -> Any:
        import httpx2

        headers = headers_of(self.token, accept)
        try:
            answer = httpx2.request(
                method, self.url.rstrip("/") + path, json=body, headers=headers, timeout=30
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ServiceUnavailable(url=self.url, problem=str(error) or "no answer") from error
        if answer.is_error:
            raise_problem(answer.status_code, answer.text, answer.headers.get("content-type", ""))
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def headers_of(token: str, accept: str) -> dict[str, str]:
    """What every call says of itself; by its agent the service knows the source of an entry."""
    return {
        "Authorization": f"Bearer {token}",
        "Accept": accept,
        "User-Agent": f"chaosday-cli/{__version__}",
    }


def raise_problem(status: int, text: str, media_type: str) -> NoReturn:
    """Raise the error that an answer of the service words."""
    detail = text[:300]
    if "json" in media_type:
        import json

        problem = json.loads(text)
        faults = [str(each.get("detail", each)) for each in problem.get("errors", [])]
        detail = "; ".join([str(problem.get("detail", detail)), *faults])
    raise _KIND_OF.get(status, Unavailable)(detail)


def service_options(command: F) -> F:
    """Add --url, --token and --day to a command, and hand it a `Service`."""
    from functools import wraps

    @wraps(command)
    def called(*args: Any, url: str, token: str, day: str, **options: Any) -> Any:
        return command(*args, service=Service(url=url, token=token, day=day), **options)

    for option in (
        click.option("--day", default="", envvar="CHAOSDAY_DAY", help="Default: the open one."),
        click.option("--token", default="", envvar="CHAOSDAY_TOKEN", help="Yours."),
        click.option(
            "--url",
            default=DEFAULT_URL,
            envvar="CHAOSDAY_URL",
            show_default=True,
            help="Of the service.",
        ),
    ):
        called = option(called)
    return called  # type: ignore[return-value]
