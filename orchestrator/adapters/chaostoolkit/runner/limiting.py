"""Ends a probe that does not answer, so that one cannot silence the measurement.

It works in the main thread alone, and not on code that never comes back to Python.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LONGEST_PROBE: Final = 10.0
"""Seconds that a probe without a timeout of its own may take."""
_AGAIN: Final = 1.0
"""Seconds after which code that swallowed the alarm hears it again."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the scope when it takes longer."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"no answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
