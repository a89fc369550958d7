"""What keeps a runner in: the measures, and which of them a plan requires.

It does not apply anything; the engine does, and says what the machine it runs on cannot do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from orchestrator.domain.errors import ContainmentMissing


class Measure(StrEnum):
    """One thing that a runner is kept from."""

    ENVIRONMENT = "environment"
    """It sees an allow-list of variables, and a home and a working folder of its own."""
    PROCESSES = "processes"
    """It has a session and a process group of its own, and hears when its conductor dies."""
    PRIVILEGES = "privileges"
    """It is not root, has no capability and gains none."""
    FILES = "files"
    """It reads programs and libraries, and writes to its own folder alone."""
    MEMORY = "memory"
    """It sees neither memory nor environment of a process outside."""
    SIGNALS = "signals"
    """It stops and ends no process outside."""
    NETWORK = "network"
    """It reaches its guard, and through it what the plan names; nothing else."""


class State(StrEnum):
    """Whether a measure is in force."""

    ON = "on"
    PARTLY = "partly"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one measure stands on a machine.

    Shape: why and way_out are empty for a measure that is on.
    """

    measure: Measure
    state: State
    how: str = ""
    """By what it is in force."""
    why: str = ""
    """What of it is not in force, and the reason."""
    way_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Containment:
    """Which measures must be in force before a run may start; the others are taken if possible."""

    required: frozenset[Measure] = frozenset()

    def missing(self, standings: Iterable[Standing]) -> tuple[Standing, ...]:
        """What is required and not wholly in force."""
        return tuple(
            each
            for each in standings
            if each.measure in self.required and each.state is not State.ON
        )

    def check(self, standings: Iterable[Standing]) -> None:
        """Let a run start only within what is required. Raises: ContainmentMissing."""
        if missing := self.missing(standings):
            raise ContainmentMissing(
                missing=[each.measure.value for each in missing],
                told=[
                    f"{each.measure} is {each.state}: {each.why}; {each.way_out}"
                    for each in missing
                ],
            )


BEST_EFFORT: Final = Containment()
REQUIRED: Final = Containment(required=frozenset(Measure))
