"""Quantities of cpu and memory as Kubernetes writes them, turned into numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_SUFFIXES: Final = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "E": 1e18, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
}  # fmt: skip


@lru_cache(maxsize=1024)
def quantity(text: str | float) -> float:
    """The number that a quantity stands for.

    Units: cores for cpu, bytes for memory.
    Raises: ValueError: the text is no quantity.
    """
    text = str(text).strip()
    for length in (2, 1):
        factor = _SUFFIXES.get(text[-length:])
        if factor is not None and len(text) > length:
            return float(text[:-length]) * factor
    return float(text)


def quantity_text(number: float, name: str) -> str:
    """A number as Kubernetes writes the quantity of that name.

    Units: cores for cpu, bytes for memory and storage, else a count.
    """
    if name.endswith("cpu") and number * 1000 % 1000:
        return f"{round(number * 1000)}m"
    whole = round(number)
    if name.endswith(("memory", "storage")) and whole:
        for suffix in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
            if whole % _SUFFIXES[suffix] == 0:
                return f"{whole // int(_SUFFIXES[suffix])}{suffix}"
    return str(whole)
