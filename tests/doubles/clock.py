"""A clock that runs as the world's does, from the builders' dawn on, and can be set forward."""

import time
from datetime import datetime, timedelta

from tests.builders import DAWN


class TestClock:
    """A `Clock` whose day begins when the test does."""

    __test__ = False

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._ahead = timedelta()

    def now(self) -> datetime:
        return DAWN + timedelta(seconds=time.monotonic() - self._begun) + self._ahead

    def skip(self, by: timedelta) -> None:
        """Set the clock forward."""
        self._ahead += by
