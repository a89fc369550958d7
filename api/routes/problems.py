"""The explanations to which the `type` of a problem leads.

They say nothing of any day, so anybody may read them.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import PlainTextResponse

from api.problem_pages import page, section
from api.problems import problems

router = APIRouter(prefix="/problems", tags=["service"])


class Markdown(PlainTextResponse):
    """A page in Markdown."""

    media_type = "text/markdown"


@router.get(
    "",
    summary="Explain all problems",
    response_class=Markdown,
    responses=problems(500),
)
async def explain_problems() -> str:
    """Every type of problem, as Markdown."""
    return page()


@router.get(
    "/{slug}",
    summary="Explain a problem",
    response_class=Markdown,
    responses=problems(404, 422),
)
async def explain_problem(
    slug: Annotated[str, Path(max_length=100, examples=["illegal-move"])],
) -> str:
    """One type of problem, as Markdown."""
    return section(slug)
