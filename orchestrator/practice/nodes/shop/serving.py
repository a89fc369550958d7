"""What all services of the shop have in common: HTTP, health, metrics, latency.

It turns a service, which only answers questions, into a program that a
container can run. It holds none of the shop's rules.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from random import Random
from typing import Final, TypeAlias

import anyio
import msgspec
from aiohttp import web

from orchestrator.practice.nodes.metrics import Counter, Histogram, Registry
from orchestrator.practice.nodes.programs import Program, Surroundings, serve_until_stopped
from orchestrator.practice.nodes.shop.asking import (
    Answer,
    Asking,
    DependencyFailed,
    Json,
    asking_from,
)
from orchestrator.practice.nodes.shop.ledger import Ledger

PORT: Final = 8080
UNHEALTHY: Final = "/tmp/unhealthy"  # noqa: S108
TERMINATED: Final = 143
"""The exit code of a program that ended because it was asked to."""
SHORTEST_WORK: Final = 0.001
LONGEST_WORK: Final = 0.004


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question to a service."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    body: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a service works with: the other services, the ledger, a little chance."""

    asking: Asking
    ledger: Ledger
    chance: Random

    def new_id(self) -> str:
        """An id that the seed repeats."""
        return f"{self.chance.getrandbits(64):016x}"


Respond: TypeAlias = Callable[[Desk, Asked], Awaitable[Answer]]


class ServiceMetrics:
    """Requests and durations by service, on a page of their own."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.requests: Counter = self.registry.counter(
            "shop_requests_total", "Requests answered by the shop's pods.", "service", "code"
        )
        self.durations: Histogram = self.registry.histogram(
            "shop_request_duration_seconds", "How long the shop's pods took to answer.", "service"
        )

    def observe(self, service: str, code: int, seconds: float) -> None:
        """Take in one answered request."""
        self.requests.add(service, str(code))
        self.durations.observe(seconds, service)


def shop_program(
    service: str, version: str, respond: Respond, ledger: Ledger, metrics: ServiceMetrics
) -> Program:
    """The program that serves one service of the shop.

    It minds three variables: `FAIL=start` exits with 1, `FAIL=health` answers 503 on /healthz, as a
    file /tmp/unhealthy does; `LATENCY_MS` is added to every answer; it listens on `PORT`.
    """

    async def program(surroundings: Surroundings) -> int:
        fails = surroundings.environment.get("FAIL", "")
        if fails and fails != "health":
            surroundings.log(f"FAIL={fails}: {service} {version} does not start")
            return 1
        async with asking_from(surroundings.network, surroundings.namespace) as session:
            desk = Desk(asking=Asking(session), ledger=ledger, chance=surroundings.chance)
            counter = _Counter(
                service, version, respond, desk=desk, metrics=metrics, surroundings=surroundings
            )
            port = _port(surroundings.environment.get("PORT", ""))
            surroundings.log(f"{service} {version} starts, listening on :{port}")
            await serve_until_stopped(surroundings, port=port, answering=counter.answer)
            surroundings.log(f"{service} {version} was told to stop, and has finished its requests")
            return TERMINATED

    return program


class _Counter:
    """Answers the requests that reach one pod."""

    def __init__(
        self,
        service: str,
        version: str,
        respond: Respond,
        *,
        desk: Desk,
        metrics: ServiceMetrics,
        surroundings: Surroundings,
    ) -> None:
        self._service = service
        self._headers = {"X-Shop-Version": version, "X-Shop-Pod": surroundings.pod}
        self._respond = respond
        self._desk = desk
        self._fails = surroundings.environment.get("FAIL") == "health"
        self._files = surroundings.files
        self._added = _milliseconds(surroundings.environment.get("LATENCY_MS", "")) / 1000
        self._whole_shop = metrics
        self._own = ServiceMetrics()
        self._log = surroundings.log

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        match request.path:
            case "/healthz" if not self._fails and self._files.read(UNHEALTHY) is None:
                return _response(Answer(body={"status": "ok"}), self._headers)
            case "/healthz":
                answer = Answer(status=503, body={"status": "failing", "service": self._service})
                return _response(answer, self._headers)
            case "/metrics":
                return self._own.registry.response()
        began = anyio.current_time()
        answer = await self._work(request)
        took = anyio.current_time() - began
        for metrics in (self._own, self._whole_shop):
            metrics.observe(self._service, answer.status, took)
        line = f'"{request.method} {request.path_qs}" {answer.status} {took * 1000:.1f}ms'
        self._log(
            line if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR else f"{line} {_why(answer)}"
        )
        return _response(answer, self._headers)

    async def _work(self, request: web.BaseRequest) -> Answer:
        work = self._desk.chance.uniform(SHORTEST_WORK, LONGEST_WORK)
        await anyio.sleep(work + self._added)
        body = _body(await request.read())
        if body is None:
            return refused("the body is not a JSON object")
        path = tuple(part for part in request.path.split("/") if part)
        asked = Asked(method=request.method, path=path, query=request.query, body=body)
        try:
            return await self._respond(self._desk, asked)
        except DependencyFailed as failed:
            return failed.answer


def _why(answer: Answer) -> str:
    return " ".join(f"{key}={value}" for key, value in answer.body.items())


def refused(why: str) -> Answer:
    """The caller asked for something that makes no sense."""
    return Answer(status=HTTPStatus.BAD_REQUEST, body={"error": why})


def unknown(what: str) -> Answer:
    """There is no such thing."""
    return Answer(status=HTTPStatus.NOT_FOUND, body={"error": f"{what} is unknown"})


def quantity_of(body: Json) -> int | None:
    """The quantity in a body, 1 unless said; None when it is no sensible number."""
    quantity = body.get("quantity", 1)
    sensible = isinstance(quantity, int) and not isinstance(quantity, bool)
    return quantity if sensible and 1 <= quantity <= 100 else None


def _response(answer: Answer, headers: Mapping[str, str]) -> web.Response:
    return web.Response(
        status=answer.status,
        body=msgspec.json.encode(answer.body) + b"\n",
        headers={**headers, "Content-Type": "application/json"},
    )


def _body(content: bytes) -> Json | None:
    if not content.strip():
        return {}
    try:
        value = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None
    return value if isinstance(value, dict) else None


def _port(text: str) -> int:
    return int(text) if text.isdigit() and 0 < int(text) < 65_536 else PORT


def _milliseconds(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 60_000.0)
    except ValueError:
        return 0.0
