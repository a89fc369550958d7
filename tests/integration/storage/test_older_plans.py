"""Plans that were stored before a limit existed are read as they were meant."""

from typing import Any

from orchestrator.adapters.storage import rows
from orchestrator.domain.plan import Plan
from tests.builders import a_box, a_plan, a_radius


def without(document: Any, field: str) -> Any:
    """The document as a release wrote it that did not know the field."""
    if isinstance(document, dict):
        return {key: without(each, field) for key, each in document.items() if key != field}
    return [without(each, field) for each in document] if isinstance(document, list) else document


def test_a_plan_of_before_there_were_verbs_limits_none() -> None:
    plan = a_plan(agenda=(a_box(blast_radius=a_radius(kinds=frozenset({"pods"}))),))

    stored = without(rows.to_json(plan), "verbs")

    assert "verbs" in str(rows.to_json(plan))
    assert rows.from_json(stored, Plan) == plan
