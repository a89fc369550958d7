"""wget, curl and nslookup: the network as the pod of a command sees it.

They reach pods and Services of the practice network, and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

import aiohttp

from orchestrator.practice.nodes.executables.around import Around, Executable, Streams
from orchestrator.practice.nodes.network import Address, ClusterResolver

_PATIENCE: Final = 10.0
_ITSELF: Final = frozenset({"localhost", "127.0.0.1"})
_VALUED: Final = frozenset("OoTmXdHw")


class _NoSuchHost(Exception):
    """The name is nobody's."""


class _Refused(Exception):
    """Nobody listens there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a command line asks for."""

    url: SplitResult
    flags: str
    values: dict[str, str]

    @property
    def method(self) -> str:
        return self.values.get("-X", "POST" if "-d" in self.values else "GET")

    @property
    def seconds(self) -> float:
        text = self.values.get("-T") or self.values.get("-m") or self.values.get("--max-time", "")
        return float(text) if text.replace(".", "", 1).isdigit() else _PATIENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Got:
    status: int
    reason: str
    body: bytes


def _wish(words: Sequence[str]) -> _Wish | None:
    flags, values, urls = "", {}, []
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            name, _, value = word.partition("=")
            values[name] = value
        elif word.startswith("-"):
            short, name, value = _short(word[1:])
            flags += short
            if name:
                values[name] = value or next(rest, "")
        else:
            urls.append(word)
    if len(urls) != 1:
        return None
    url = urls[0] if "://" in urls[0] else f"http://{urls[0]}"
    return _Wish(url=urlsplit(url), flags=flags, values=values)


def _short(letters: str) -> tuple[str, str, str]:
    """Flags written together, of which the last may have a value that follows at once."""
    for at, letter in enumerate(letters):
        if letter in _VALUED:
            return letters[:at], f"-{letter}", letters[at + 1 :]
    return letters, "", ""


async def _listener(around: Around, url: SplitResult) -> Address:
    """Where the host and port of a URL really listen.

    Raises: _NoSuchHost; _Refused.
    """
    host, port = url.hostname or "", url.port or 80
    target = Address(around.ip if host in _ITSELF or host == around.pod else host, port)
    known = around.network.listener_of_pod(target) or around.network.listener_at(target)
    if known is not None:
        return known
    if not host.strip("0123456789.") or target.host == around.ip:
        raise _Refused
    if around.network.host_of(around.namespace, host) is None:
        raise _NoSuchHost
    try:
        found, *_ = await ClusterResolver(around.network, around.namespace).resolve(host, port)
    except OSError as error:
        raise _Refused from error
    return Address(found["host"], found["port"])


async def _get(around: Around, wish: _Wish) -> _Got:
    address = await _listener(around, wish.url)
    path = wish.url.path or "/"
    query = f"?{wish.url.query}" if wish.url.query else ""
    headers = {"Host": wish.url.netloc, "User-Agent": "Wget"}
    body = wish.values.get("-d", "").encode() or None
    if body:
        headers["Content-Type"] = "application/json"
    patience = aiohttp.ClientTimeout(total=wish.seconds)
    async with (
        aiohttp.ClientSession(timeout=patience) as session,
        session.request(
            wish.method, f"http://{address}{path}{query}", headers=headers, data=body
        ) as response,
    ):
        return _Got(
            status=response.status, reason=response.reason or "", body=await response.read()
        )


async def _wget(around: Around, streams: Streams, words: Sequence[str]) -> int:
    wish = _wish(words)
    if wish is None:
        await streams.err(b"usage: wget -qO- URL\n")
        return 1
    host, where = wish.url.hostname or "", wish.url.netloc
    try:
        got = await _get(around, wish)
    except _NoSuchHost:
        return await _fail(streams, f"wget: bad address '{host}'", 1)
    except (_Refused, aiohttp.ClientConnectorError):
        return await _fail(
            streams, f"wget: can't connect to remote host ({where}): Connection refused", 1
        )
    except TimeoutError:
        return await _fail(streams, "wget: download timed out", 1)
    except (aiohttp.ClientError, OSError, ValueError):
        return await _fail(streams, "wget: error getting response: Connection reset by peer", 1)
    if got.status >= 400:
        text = f"wget: server returned error: HTTP/1.1 {got.status} {got.reason}"
        return await _fail(streams, text, 1)
    if wish.values.get("-O", "") == "-":
        await streams.out(got.body)
    elif "q" not in wish.flags:
        await streams.err(f"Connecting to {where}\nsaved {len(got.body)} bytes\n".encode())
    return 0


async def _curl(around: Around, streams: Streams, words: Sequence[str]) -> int:
    wish = _wish(words)
    if wish is None:
        return await _fail(streams, "curl: (2) no URL specified", 2)
    host, port = wish.url.hostname or "", wish.url.port or 80
    try:
        got = await _get(around, wish)
    except _NoSuchHost:
        return await _fail(streams, f"curl: (6) Could not resolve host: {host}", 6)
    except (_Refused, aiohttp.ClientConnectorError):
        text = f"curl: (7) Failed to connect to {host} port {port}: Connection refused"
        return await _fail(streams, text, 7)
    except TimeoutError:
        return await _fail(streams, "curl: (28) Operation timed out", 28)
    except (aiohttp.ClientError, OSError, ValueError):
        return await _fail(streams, "curl: (56) Recv failure: Connection reset by peer", 56)
    if "f" in wish.flags and got.status >= 400:
        text = f"curl: (22) The requested URL returned error: {got.status}"
        return await _fail(streams, text, 22)
    if "i" in wish.flags or "I" in wish.flags:
        await streams.out(f"HTTP/1.1 {got.status} {got.reason}\r\n\r\n".encode())
    if "I" not in wish.flags and wish.values.get("-o") != "/dev/null":
        await streams.out(got.body)
    if "-w" in wish.values:
        told = wish.values["-w"].replace("%{http_code}", str(got.status)).replace("\\n", "\n")
        await streams.out(told.encode())
    return 0


async def _nslookup(around: Around, streams: Streams, words: Sequence[str]) -> int:
    name = words[0] if words else "kubernetes"
    host = around.network.host_of(around.namespace, name)
    head = "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n"
    if host is None:
        text = f"{head}** server can't find {name}: NXDOMAIN\n"
        await streams.out(text.encode())
        return 1
    await streams.out(f"{head}Name:\t{name}\nAddress: {host}\n".encode())
    return 0


async def _fail(streams: Streams, text: str, code: int) -> int:
    await streams.err(f"{text}\n".encode())
    return code


FETCHING: Final[dict[str, Executable]] = {"wget": _wget, "curl": _curl, "nslookup": _nslookup}
