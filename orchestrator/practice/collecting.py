"""Lets Python look for cycles of garbage seldom, while a control plane keeps many small objects.

Each look walks over everything that is kept, and nearly nothing of it is ever in a cycle.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SELDOM: Final = (50_000, 20, 100)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Cycles are looked for seldom until the scope ends."""
    usual = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
