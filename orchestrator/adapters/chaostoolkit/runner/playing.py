"""Plays an experiment's method and rollbacks with chaoslib, and holds in between.

The pause after the method's last action is the hold: it is taken off the copy that chaoslib
plays, and kept here, where the conductor can end it. It judges nothing.
"""

import math
import signal
import sys
from collections.abc import Mapping
from typing import Any, Final

from chaoslib import substitute
from chaoslib.configuration import load_configuration
from chaoslib.run import RunEventHandler, Runner
from chaoslib.types import Strategy

from orchestrator.adapters.chaostoolkit.runner import holding
from orchestrator.adapters.chaostoolkit.runner.importing import import_ahead
from orchestrator.adapters.chaostoolkit.runner.lines import Lines, hidden_values

_INTERRUPTED: Final = 20
"""What a process exits with that was asked to stop, as with chaoslib."""
_LONGEST_HOLD: Final = 1e7
"""Seconds; far beyond what any plan allows, and still a number that a duration can hold."""
_WORD: Final = 60.0
"""Seconds within which a conductor that was asleep for a while gives its word; after that another
holds the run."""
_SETTINGS: Final = {"runtime": {"rollbacks": {"strategy": "always"}}}


def play(assignment: Mapping[str, Any], lines: Lines, *, rollbacks_only: bool) -> int:
    """Play the experiment once the conductor says so.

    The rollbacks are played whatever happens before them; a second interruption is ignored.
    """
    signal.signal(signal.SIGUSR1, _leave)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        problem = _play(assignment, lines, rollbacks_only=rollbacks_only)
    except BaseException as error:  # noqa: BLE001 - any code may run in an activity
        problem = "it was interrupted" if lines.was_interrupted else _named(error)
    lines.say("ended", problem=lines.text_of(problem))
    return 1 if problem else 0


def _play(assignment: Mapping[str, Any], lines: Lines, *, rollbacks_only: bool) -> str:
    """Play it with chaoslib; returns what went wrong with the hold, if something did."""
    experiment, configuration = assignment["experiment"], assignment["configuration"]
    parts = ("configuration", "method", "rollbacks", "extensions")
    import_ahead(*(experiment.get(part) for part in parts))
    document, hold = _prepared(experiment, configuration, rollbacks_only=rollbacks_only)
    lines.begin.wait()
    if lines.was_interrupted:
        # Code that was imported may have swallowed the interruption.
        raise SystemExit(_INTERRUPTED)
    runner = Runner(Strategy.SKIP)
    telling = _Telling(runner, lines, experiment=experiment, hold=hold)
    runner.register_event_handler(telling)
    runner.run(document, settings=_SETTINGS, experiment_vars=(configuration, None))
    return telling.problem


def _leave(*_: object) -> None:
    raise SystemExit(_INTERRUPTED)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _prepared(
    experiment: Mapping[str, Any], configuration: Mapping[str, Any], *, rollbacks_only: bool
) -> tuple[dict[str, Any], float]:
    """The copy that chaoslib plays, and for how many seconds the fault is to stay."""
    method = [dict(activity) for activity in experiment.get("method", [])]
    document = {**experiment, "method": [] if rollbacks_only else method}
    if rollbacks_only:
        return document, 0.0
    hold = _take_last_pause(method, experiment, configuration)
    method.append(
        {
            "type": "probe",
            "name": holding.NAME,
            "provider": {"type": "python", "module": holding.__name__, "func": "hold"},
        }
    )
    return document, hold


def _take_last_pause(
    method: list[dict[str, Any]],
    experiment: Mapping[str, Any],
    configuration: Mapping[str, Any],
) -> float:
    if not method or "after" not in (method[-1].get("pauses") or {}):
        return 0.0
    pauses = dict(method[-1]["pauses"])
    said = pauses.pop("after")
    method[-1]["pauses"] = pauses
    known = load_configuration(experiment.get("configuration", {}), configuration)
    try:
        seconds = float(substitute(said, known, {}))
    except (TypeError, ValueError):
        return 0.0
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_HOLD)


class _Telling(RunEventHandler):  # type: ignore[misc]
    """Tells the conductor what chaoslib does."""

    def __init__(
        self, runner: Runner, lines: Lines, *, experiment: Mapping[str, Any], hold: float
    ) -> None:
        self.problem = ""
        self._runner = runner
        self._lines = lines
        self._experiment = experiment
        self._hold = hold
        self._journal: dict[str, Any] = {}
        self._part = "method"
        self._has_left = False
        self._may_leave = True

    def started(self, experiment: Any, journal: Any) -> None:  # noqa: ARG002
        self._journal = journal
        self._lines.hide(hidden_values(self._runner.secrets))
        holding.SESSION = holding.Session(
            experiment=self._experiment,
            secrets=self._runner.secrets,
            hold=self._hold,
            lines=self._lines,
        )
        # chaoslib has put its own handlers in place, which would cut the rollbacks short.
        signal.signal(signal.SIGUSR1, self._leave)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _leave(self, *_: object) -> None:
        """Leave the method, once; never the rollbacks, nor the way to them."""
        if self._may_leave and not self._has_left:
            self._has_left = True
            raise SystemExit(_INTERRUPTED)

    def _leave_if_interrupted(self) -> None:
        """Leave also when an activity swallowed the interruption, or when a pause is to follow."""
        if self._part == "method" and self._lines.was_interrupted:
            self._has_left = True
            raise SystemExit(_INTERRUPTED)

    def method_completed(self, experiment: Any, state: Any) -> None:  # noqa: ARG002
        # chaoslib catches nothing any more between its method and its rollbacks.
        self._may_leave = False

    def interrupted(self, experiment: Any, journal: Any) -> None:  # noqa: ARG002
        self._may_leave = False

    def signal_exit(self) -> None:
        self._may_leave = False

    def start_rollbacks(self, experiment: Any) -> None:
        self._may_leave = False
        self._part = "rollbacks"
        self._lines.say("rolling_back")
        if experiment.get("rollbacks"):
            # Before it, the guard would take a command of the rollbacks for one of the method's.
            self._lines.roll_back.wait(_WORD)

    def rollbacks_completed(self, experiment: Any, journal: Any) -> None:
        # chaoslib says so also when it broke off in between.
        played = sum("status" in each for each in journal.get("rollbacks") or ())
        self._lines.say("rolled_back", left=len(experiment.get("rollbacks") or ()) - played)

    def start_activity(self, activity: Any) -> None:
        self._leave_if_interrupted()
        if activity["type"] == "action":
            self._lines.say("action_started", name=activity["name"])

    def activity_completed(self, activity: Any, run: Any) -> None:
        if activity["name"] == holding.NAME and run.get("exception"):
            self.problem = self._problem(run)
        if activity["type"] == "action":
            self._tell(activity, run)
        self._leave_if_interrupted()

    def _tell(self, activity: Any, run: Any) -> None:
        succeeded = run.get("status") == "succeeded"
        if not succeeded and self._part == "method":
            # chaoslib would make the next action all the same.
            self._journal["status"] = "aborted"
        self._lines.say(
            "action_ended",
            name=activity["name"],
            succeeded=succeeded,
            part=self._part,
            problem="" if succeeded else self._problem(run),
        )

    def _problem(self, run: Any) -> str:
        told = run.get("exception")
        if told:
            return self._lines.text_of(str(told[-1]))
        # chaoslib notes no errors but those of its providers; this one is under way.
        error = sys.exc_info()[1]
        if error is None or isinstance(error, SystemExit):
            return "it was interrupted"
        return self._lines.text_of(_named(error))
