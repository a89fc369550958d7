"""What is heard of a run's rollbacks: whether they were played, and what went wrong with them.

It rests on what a runner says of itself, so it makes nothing good that the guard has found amiss.
"""

from collections.abc import Mapping
from typing import Any, Final

from orchestrator.domain.guarding import is_refused_command

_NOT_PLAYED: Final = "its rollbacks were not played"
_NOT_TO_THE_END: Final = "its rollbacks were not played to their end"


class Rollbacks:
    """How the rollbacks of one run went; of those that were played again, the last time counts."""

    def __init__(self) -> None:
        self._problem = _NOT_PLAYED
        self._flaw = ""
        self._are_under_way = False
        self.were_played = False
        """Whether whoever played them is done with them, whatever went wrong on the way."""

    @property
    def problem(self) -> str:
        """Why what they were to take back may still be there; empty when nothing went wrong."""
        return self._problem or self._flaw

    def start_over(self) -> None:
        """Hear somebody else from now on, who has not begun them yet."""
        self._are_under_way = False

    def hear(self, line: Mapping[str, Any]) -> None:
        """Hear what a runner says."""
        match line.get("event"):
            case "rolling_back":
                self._problem, self._flaw = _NOT_TO_THE_END, ""
                self._are_under_way = True
            case "rolled_back" if self._are_under_way and line.get("left") == 0:
                self._problem = ""
            case "ended" if self._are_under_way:
                self.were_played = True
            case "action_ended" if line.get("part") == "rollbacks":
                if line.get("succeeded") is not True:
                    self._mind(f"{line.get('name')} of its rollbacks failed")

    def hear_of_guard(self, line: Mapping[str, Any]) -> None:
        """Hear what the guard says: an action may pass over the refusal of its command."""
        if self._are_under_way and is_refused_command(line):
            self._mind(f"a command of its rollbacks was refused by the rule {line.get('rule')}")

    def _mind(self, flaw: str) -> None:
        """Remember what went wrong; the first flaw stays."""
        self._flaw = self._flaw or flaw
