"""An action that takes long, named by the experiments of these tests."""

import time


def take_long(seconds: float) -> float:
    time.sleep(seconds)
    return seconds
