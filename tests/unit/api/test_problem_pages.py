from pathlib import Path

from api.problem_pages import page, section
from api.problems import STATUS, status_of
from orchestrator.domain import errors
from orchestrator.domain.errors import ChaosDayError

PAGE = Path(__file__).parents[3] / "docs" / "problems.md"


def test_page_in_the_docs_is_as_the_docstrings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run `python -m api.problem_pages > docs/problems.md`"
    )


def test_every_error_has_a_status_a_slug_of_its_own_and_a_section() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, ChaosDayError) and kind is not ChaosDayError
    ]

    assert len({kind.slug for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert status_of(kind) in STATUS.values()
        assert kind.title() in section(kind.slug)
