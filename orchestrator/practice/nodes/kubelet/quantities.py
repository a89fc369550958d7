"""Kubernetes' quantities of cpu and memory as numbers.

It reads what an API server has let pass, and checks nothing.
"""

from decimal import Decimal
from typing import Final

from orchestrator.practice.nodes.client import Json

_FACTORS: Final[dict[str, Decimal | int]] = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
    "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
}  # fmt: skip


def quantity(text: str | int | float) -> Decimal:
    """The number that a quantity stands for.

    Units: cores, or bytes.
    """
    number = str(text)
    unit = number.lstrip("+-0123456789.")
    # What begins with an exponent's e is no unit: 1e3.
    if unit in _FACTORS:
        return Decimal(number.removesuffix(unit)) * _FACTORS[unit]
    return Decimal(number)


def requested(containers: list[Json], resource: str) -> Decimal:
    """How much of a resource some containers ask for together."""
    return sum((_request(item, resource) for item in containers), Decimal(0))


def _request(container: Json, resource: str) -> Decimal:
    resources = container.get("resources") or {}
    for word in ("requests", "limits"):
        if resource in (resources.get(word) or {}):
            return quantity(resources[word][resource])
    return Decimal(0)
