"""SIGINT and SIGTERM from the first moment on at which a command leaves something to tidy up.

It imports little, since it is needed before everything else, and does not say what a signal means
while a run is under way: whoever conducts does.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import anyio

from orchestrator.cli.exits import INTERRUPTED

_HEARD: Final = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Who hears of signals: whoever asked last, else all that is going on is cancelled."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self._hearing: list[Callable[[str], None]] = []

    def came(self, number: signal.Signals) -> None:
        """Pass a signal on."""
        if self._hearing:
            self._hearing[-1](number.name)
        else:
            self.scope.cancel()

    @contextmanager
    def heard_by(self, hear: Callable[[str], None]) -> Iterator[None]:
        """Tell this one, and cancel nothing, while the scope lasts."""
        self._hearing.append(hear)
        try:
            yield
        finally:
            self._hearing.remove(hear)


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """A scope that signals cancel, which then ends the process as interrupted.

    What is to be tidied up in it is shielded by whoever does it.
    """
    interrupts, loop = Interrupts(), asyncio.get_running_loop()
    for number in _HEARD:
        loop.add_signal_handler(number, interrupts.came, number)
    try:
        with interrupts.scope:
            yield interrupts
    finally:
        for number in _HEARD:
            loop.remove_signal_handler(number)
    if interrupts.scope.cancelled_caught:
        sys.exit(INTERRUPTED)
