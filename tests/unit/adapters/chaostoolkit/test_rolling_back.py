"""What the conductor makes of what it hears of a run's rollbacks."""

from collections.abc import Mapping

import pytest

from orchestrator.adapters.chaostoolkit.rolling_back import Rollbacks

BEGUN = {"event": "rolling_back"}
DONE = {"event": "rolled_back", "left": 0}
ENDED = {"event": "ended", "problem": ""}
UNDONE = {"event": "action_ended", "name": "undo", "part": "rollbacks", "succeeded": True}
FAILED = UNDONE | {"succeeded": False}
OF_METHOD = FAILED | {"part": "method"}
REFUSED = {"event": "refused", "rule": "rollback", "is_command": True}
READ = REFUSED | {"is_command": False}


def after(*lines: Mapping[str, object]) -> Rollbacks:
    found = Rollbacks()
    for line in lines:
        found.hear(line)
        found.hear_of_guard(line)
    return found


@pytest.mark.parametrize(
    ("lines", "were_played", "problem"),
    [
        ([], False, "not played"),
        ([ENDED], False, "not played"),
        ([OF_METHOD, ENDED], False, "not played"),
        ([BEGUN, UNDONE], False, "not played to their end"),
        ([BEGUN, UNDONE, ENDED], True, "not played to their end"),
        ([BEGUN, UNDONE, DONE | {"left": 1}, ENDED], True, "not played to their end"),
        ([DONE, BEGUN, UNDONE, ENDED], True, "not played to their end"),
        ([BEGUN, UNDONE, DONE, ENDED], True, ""),
        ([OF_METHOD, REFUSED, BEGUN, READ, UNDONE, DONE, ENDED], True, ""),
        ([BEGUN, FAILED, DONE, ENDED], True, "undo of its rollbacks failed"),
        ([BEGUN, REFUSED, UNDONE, DONE, ENDED], True, "refused by the rule rollback"),
        ([BEGUN, UNDONE, DONE, ENDED, REFUSED], True, "refused by the rule rollback"),
        ([BEGUN, FAILED, ENDED, BEGUN, UNDONE, DONE, ENDED], True, ""),
    ],
)
def test_rollbacks_went_well_only_when_they_came_to_their_end_without_a_flaw(
    lines: list[Mapping[str, object]], were_played: bool, problem: str
) -> None:
    found = after(*lines)

    assert found.were_played is were_played
    assert problem in found.problem
    assert bool(found.problem) is bool(problem)


def test_whoever_plays_them_again_and_does_not_begin_has_not_played_them() -> None:
    found = after(BEGUN, UNDONE)

    found.start_over()
    found.hear(ENDED)

    assert not found.were_played
    assert "not played to their end" in found.problem
