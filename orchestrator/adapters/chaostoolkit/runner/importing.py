"""Imports an experiment's modules while the guard is still starting.

It plays nothing: a module that cannot be imported is reported by chaoslib when its activity is.
"""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any


def import_ahead(*parts: Any) -> None:
    """Import the modules of every provider in these parts of an experiment, however deep."""
    for module in dict.fromkeys(each for part in parts for each in _modules(part)):
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001, S112 - any code may run on import
            continue


def _modules(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        provider = part.get("provider")
        if isinstance(provider, Mapping) and isinstance(provider.get("module"), str):
            yield provider["module"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _modules(each)
