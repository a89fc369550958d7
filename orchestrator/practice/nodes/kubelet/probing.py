"""Liveness, readiness and startup probes, asked over the wire or by a command.

A probe tells what it found; what follows from it is the container's affair.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, TypeAlias

import aiohttp
import anyio
from anyio.lowlevel import checkpoint

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.inside import Outcome
from orchestrator.practice.nodes.network import Address, Network
from orchestrator.practice.nodes.programs import ExecutableNotFound

Failure: TypeAlias = str | None


class ProbeKind(StrEnum):
    """What a probe decides about."""

    LIVENESS = "Liveness"
    READINESS = "Readiness"
    STARTUP = "Startup"

    @property
    def field(self) -> str:
        """The container's field that declares it."""
        return f"{self.value.lower()}Probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one probing found; None is a success."""

    kind: ProbeKind
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a probe is asked and how often it must agree with itself.

    Units: seconds.
    """

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: Json) -> "Schedule":
        """The schedule a probe declares, with Kubernetes' defaults."""
        return cls(
            initial_delay=float(probe.get("initialDelaySeconds") or 0),
            period=float(probe.get("periodSeconds") or 10),
            timeout=float(probe.get("timeoutSeconds") or 1),
            successes=int(probe.get("successThreshold") or 1),
            failures=int(probe.get("failureThreshold") or 3),
        )


class Prober:
    """Asks one probe of one container again and again."""

    def __init__(self, kind: ProbeKind, container: Json, ip: str, reach: "Reach") -> None:
        self.kind = kind
        self._probe: Json = container[kind.field]
        self._ask = asking(self._probe, container.get("ports") or (), ip, reach)
        self._schedule = Schedule.of(self._probe)

    async def run(
        self, on_finding: Callable[[Finding], None], on_verdict: Callable[[Finding], None]
    ) -> NoReturn:
        """Probe for ever; a verdict falls when a threshold is reached."""
        successes = failures = 0
        await anyio.sleep(self._schedule.initial_delay)
        while True:
            finding = Finding(kind=self.kind, failure=await self._failure())
            on_finding(finding)
            succeeded = finding.failure is None
            successes, failures = (successes + 1, 0) if succeeded else (0, failures + 1)
            if successes >= self._schedule.successes or failures >= self._schedule.failures:
                on_verdict(finding)
            await anyio.sleep(self._schedule.period)

    async def _failure(self) -> Failure:
        with anyio.move_on_after(self._schedule.timeout):
            return await self._ask()
        return "context deadline exceeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How a kubelet gets at a container."""

    session: aiohttp.ClientSession
    network: Network
    command: Callable[[Sequence[str]], Awaitable[Outcome]]


def asking(
    probe: Json, ports: Sequence[Json], ip: str, reach: Reach
) -> Callable[[], Awaitable[Failure]]:
    """The question that a probe or a hook declares."""
    if "httpGet" in probe:
        check = probe["httpGet"]
        pod = Address(str(check.get("host") or ip), _port(check["port"], ports))
        path = "/" + str(check.get("path") or "/").lstrip("/")
        headers = {item["name"]: item["value"] for item in check.get("httpHeaders") or ()}
        return lambda: _http(pod, path, headers, reach)
    if "tcpSocket" in probe:
        pod = Address(ip, _port(probe["tcpSocket"]["port"], ports))
        return lambda: _tcp(pod, reach.network)
    if "exec" in probe:
        words: list[str] = probe["exec"].get("command") or [""]
        return lambda: _command(words, reach)
    return _unsupported


async def _command(words: Sequence[str], reach: Reach) -> Failure:
    try:
        outcome = await reach.command(words)
    except ExecutableNotFound as error:
        return f"OCI runtime exec failed: exec failed: unable to start container process: {error}"
    return None if outcome.code == 0 else outcome.output


async def _http(pod: Address, path: str, headers: dict[str, str], reach: Reach) -> Failure:
    listener = reach.network.listener_of_pod(pod)
    prefix = f'Get "http://{pod}{path}": '
    if listener is None:
        return f"{prefix}dial tcp {pod}: connect: connection refused"
    url = f"http://{listener}{path}"
    try:
        async with reach.session.get(
            url, headers={"Host": str(pod), **headers}, allow_redirects=False
        ) as response:
            await response.read()
    except aiohttp.ClientConnectorError:
        return f"{prefix}dial tcp {pod}: connect: connection refused"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # A ValueError is a header or path that no request can carry.
        return f"{prefix}{error!r}"
    if 200 <= response.status < 400:
        return None
    return f"HTTP probe failed with statuscode: {response.status}"


async def _tcp(pod: Address, network: Network) -> Failure:
    listener = network.listener_of_pod(pod)
    try:
        if listener is None:
            raise ConnectionRefusedError
        _, writer = await asyncio.open_connection(listener.host, listener.port)
    except OSError:
        return f"dial tcp {pod}: connect: connection refused"
    writer.close()
    return None


async def _unsupported() -> Failure:
    await checkpoint()
    return "practice nodes know probes by httpGet, tcpSocket and exec alone"


def _port(port: int | str, ports: Sequence[Json]) -> int:
    """A port by number, or by the name a container gives it; 0 is nobody's."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    named = (item["containerPort"] for item in ports if item.get("name") == port)
    return next((int(number) for number in named), 0)
