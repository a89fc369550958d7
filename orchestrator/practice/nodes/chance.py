"""Randomness that a seed repeats.

Every use names itself, so that one more draw somewhere does not shift all the
others. It does not serve anything that must be unpredictable.
"""

from random import Random


def seeded(seed: int, *names: str) -> Random:
    """A generator of its own for one use of chance."""
    return Random("/".join((str(seed), *names)))
