"""How our own processes start: from which settings, and a guard even before its run is known.

It imports little, since people wait for it. It wires no service; `wiring` does.
"""

import gc
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestrator.settings import Settings, settings_of

if TYPE_CHECKING:
    from orchestrator.adapters.chaostoolkit.place import Place
    from orchestrator.ports import UndoJournal


def import_quickly() -> None:
    """Look for garbage seldom, which takes a fifth of the time of our imports otherwise."""
    gc.set_threshold(50_000)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The knobs of this process. Raises: InvalidValue."""
    return settings_of(os.environ)


def guard_command() -> Sequence[str]:
    """What starts a guard: our own Python, and no code that lies where it is started."""
    return [sys.executable, "-P", "-m", "orchestrator.cli", "guard"]


def guard_environment(knobs: Settings) -> Mapping[str, str]:
    """A guard's environment: ours, since it holds the operator's credentials for us."""
    return {**os.environ, "CHAOSDAY_STORAGE_URL": knobs.storage.url}


@asynccontextmanager
async def guard_ahead() -> AsyncIterator["Place"]:
    """A place with a guard in it for the next run: it imports while we do.

    Raises: EngineUnavailable; InvalidValue: a knob.
    """
    import anyio

    from orchestrator.adapters.chaostoolkit.place import Place

    place = Place()
    try:
        # Between the start of a process and our knowing of it nothing cancels.
        with anyio.CancelScope(shield=True):
            await place.guard(guard_command(), guard_environment(settings()))
        yield place
    finally:
        if not place.is_taken:
            await place.give_up()


async def guard() -> None:
    """Guard one run, as told on standard input. Raises: DatabaseUnavailable."""
    from orchestrator.adapters.clock import SystemClock
    from orchestrator.adapters.storage import Database, SqlUndoJournal
    from orchestrator.guard.stdio import guard_on_stdio

    unopened = Database(settings().storage.url)

    @asynccontextmanager
    async def journal() -> AsyncIterator["UndoJournal"]:
        async with unopened as database:
            yield SqlUndoJournal(database)

    door = os.environ.get("CHAOSDAY_GUARD_DOOR", "")
    await guard_on_stdio(
        journal=journal(),
        clock=SystemClock(),
        door=int(door) if door.isdigit() else None,
    )
