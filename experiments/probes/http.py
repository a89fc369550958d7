"""Observations from the outside, as a customer would make them.

Each request has a connection of its own, so that every one is routed anew, and is never repeated:
a failure is part of what is measured.
"""

import ssl
from functools import cache
from statistics import median
from time import monotonic

import httpx2
from chaoslib.exceptions import ActivityFailed


def share_of_successes(
    url: str, method: str = "GET", tries: int = 5, timeout: float = 2.0
) -> float:
    """The share of requests that are answered with a status below 400.

    Units: 0 to 1; timeout in seconds, for each request.
    Raises: ActivityFailed: there is nothing to ask.
    """
    return sum(took is not None for took in _ask(url, method, tries, timeout)) / tries


def seconds_to_answer(url: str, method: str = "GET", tries: int = 3, timeout: float = 5.0) -> float:
    """How long a successful answer takes, as the median of a few requests.

    A request without a successful answer counts with the whole timeout: a quick error is no quick
    answer.

    Units: seconds, to the millisecond; timeout for each request.
    Raises: ActivityFailed: there is nothing to ask.
    """
    took = [
        timeout if seconds is None else seconds for seconds in _ask(url, method, tries, timeout)
    ]
    return round(median(took), 3)


def _ask(url: str, method: str, tries: int, timeout: float) -> list[float | None]:
    """How many seconds each request took, None if it had no success."""
    if tries < 1:
        raise ActivityFailed(f"tries = {tries}: nothing is measured; ask at least once")
    limits = httpx2.Limits(max_keepalive_connections=0)
    trust = _trust(is_tls=url.lower().startswith("https:"))
    with httpx2.Client(timeout=timeout, limits=limits, verify=trust) as client:
        return [_time(client, method, url) for _ in range(tries)]


def _time(client: httpx2.Client, method: str, url: str) -> float | None:
    started = monotonic()
    try:
        status = client.request(method, url).status_code
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
        way_out = "write one such as http://shop.example/"
        raise ActivityFailed(f"url = {url!r}: {error}; {way_out}") from error
    except httpx2.TransportError:
        return None
    return monotonic() - started if status < 400 else None


@cache
def _trust(*, is_tls: bool) -> ssl.SSLContext:
    """Whom to trust: the usual authorities, or nobody where no TLS is spoken.

    Reading the authorities takes ten times as long as asking, so it is done once and if needed.
    """
    return httpx2.create_ssl_context() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
