import json

from api.problems import problem_of
from orchestrator.domain.errors import (
    ChaosDayError,
    Fault,
    IllegalMove,
    InvalidPlan,
    NotAllowed,
    NotAuthenticated,
)


def test_attributes_of_an_error_become_members_of_its_problem() -> None:
    error = IllegalMove(noun="day", phase="closed", move="open")

    problem = problem_of(error, instance="/days/d/open")

    assert problem == {
        "type": "/problems/illegal-move",
        "title": "That move is not possible from this state.",
        "status": 409,
        "detail": "a closed day cannot open",
        "instance": "/days/d/open",
        "phase": "closed",
        "move": "open",
    }


def test_faults_of_a_plan_become_its_errors() -> None:
    fault = Fault(
        field="agenda[1].at", value="noon", problem="is no time", way_out="write 12:00", line=9
    )

    problem = problem_of(InvalidPlan(source="plan", faults=[fault]), instance="/days")

    assert json.loads(json.dumps(problem["errors"])) == [
        {
            "detail": "line 9: agenda[1].at = noon: is no time; write 12:00",
            "pointer": "#/agenda/1/at",
            "field": "agenda[1].at",
            "line": 9,
            "value": "noon",
            "problem": "is no time",
            "way_out": "write 12:00",
        }
    ]


def test_missing_token_is_unauthorised_and_the_rest_of_its_branch_forbidden() -> None:
    allowed = NotAllowed(role="reader", move="halt")

    assert problem_of(NotAuthenticated(), instance="/")["status"] == 401
    assert problem_of(allowed, instance="/")["status"] == 403


def test_notes_on_an_error_stay_inside() -> None:
    error = ChaosDayError("odd")
    error.add_note("internals")
    error._hidden = "internals"  # type: ignore[attr-defined]

    problem = problem_of(error, instance="/")

    assert "internals" not in str(problem)
    assert problem["status"] == 500
