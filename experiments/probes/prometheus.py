"""What Prometheus has to say, as a number that a tolerance can be held against.

It asks once and never waits for a value to come.
"""

import math
from typing import Any, Final

import httpx2
from chaoslib.exceptions import ActivityFailed

ENDLESS: Final = 1e300
"""Stands for no end of a range: a number that JSON can hold, beyond any that is measured."""


def farthest_value(
    url: str,
    query: str,
    lowest: float = -ENDLESS,
    highest: float = ENDLESS,
    timeout: float = 3.0,
) -> float:
    """The value of a query; of a vector, the one that lies farthest outside lowest and highest.

    Units: timeout in seconds.
    Raises: ActivityFailed: Prometheus gives no number, or none is there.
    """
    values = [_number(sample) for sample in _samples(_asked(url, query, timeout))]
    if not values:
        raise ActivityFailed(f"{query}: Prometheus knows no value")
    return max(values, key=lambda value: max(lowest - value, value - highest))


def _asked(url: str, query: str, timeout: float) -> dict[str, Any]:
    address = f"{url.rstrip('/')}/api/v1/query"
    try:
        answer = httpx2.get(address, params={"query": query}, timeout=timeout)
        said = answer.json()
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise ActivityFailed(f"{address}: {str(error) or type(error).__name__}") from error
    if not isinstance(said, dict) or said.get("status") != "success":
        problem = said.get("error") if isinstance(said, dict) else None
        raise ActivityFailed(f"{query}: {problem or f'status {answer.status_code}'}")
    return said


def _samples(said: dict[str, Any]) -> list[Any]:
    """The samples of a scalar or of a vector. Source: Prometheus' HTTP API, instant queries."""
    found = said.get("data") or {}
    match found.get("resultType"):
        case "scalar":
            return [found.get("result")]
        case "vector":
            return [each.get("value") for each in found.get("result") or []]
        case other:
            raise ActivityFailed(f"a query for a scalar or a vector is needed, this is a {other}")


def _number(sample: Any) -> float:
    try:
        value = float(sample[1])
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise ActivityFailed(f"{sample!r} holds no number") from error
    if math.isnan(value):
        raise ActivityFailed("the value is not a number (NaN)")
    return value
