"""Where the processes of one run are at work: a folder, a door, and the guard behind it.

It may be made before the run is known. It knows nothing of what happens there.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from orchestrator.adapters.chaostoolkit.child import Child
from orchestrator.adapters.chaostoolkit.containment.keeping import DOOR_VARIABLE, Door
from orchestrator.adapters.chaostoolkit.environment import absolute_kubeconfig
from orchestrator.adapters.chaostoolkit.forsaken import PREFIX, claimed
from orchestrator.adapters.chaostoolkit.strays import end_strays

_KUBECONFIG: Final = "KUBECONFIG"


def _found_anywhere(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment of one who works in another folder: its kubeconfig is where ours is."""
    named = environment.get(_KUBECONFIG, "")
    return {**environment, _KUBECONFIG: absolute_kubeconfig(named)} if named else environment


class Place:
    """The place of one run; whoever takes it leaves it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._claim = claimed(self.folder)
        self.door = Door()
        self.is_taken = False
        """Whether a run is at work here."""
        self._guard: Child | None = None

    async def guard(self, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """The guard's process, started if it was not started ahead. Raises: EngineUnavailable."""
        if self._guard is None:
            number = self.door.guard.fileno()
            self._guard = await Child.start(
                command,
                name="guard",
                log=self.folder / "guard.log",
                folder=self.folder,
                environment={**_found_anywhere(environment), DOOR_VARIABLE: str(number)},
                descriptors=(number,),
                may_be_quoted=True,
            )
        return self._guard

    async def give_up(self) -> None:
        """Leave a place that no run has taken: its guard guards nothing, and may be killed."""
        if self._guard is not None:
            await self._guard.kill()
            await self._guard.close()
        self.leave()

    def leave(self) -> int:
        """End whatever is left of the processes, and remove the folder.

        Returns how many processes there were.
        """
        self.door.close()
        ended = end_strays("TMPDIR", str(self.folder / "home"))
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._claim >= 0:
            os.close(self._claim)
            self._claim = -1
        return ended
