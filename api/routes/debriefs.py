"""The debrief of a day in the form that the reader likes, and its drawing.

Computing and drawing happen in a thread: conductors share the loop.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Final

from anyio import to_thread
from fastapi import Query, Request, Response

from api.admission import admitted_router
from api.dependencies import ApiServices, CurrentAudience, Services
from api.media import preferred
from api.problems import problems
from api.views.debriefs import DebriefView
from orchestrator.services.revealing import Audience
from reports.debrief import Debrief, debrief_of
from reports.html import debrief_html
from reports.markdown import debrief_markdown
from reports.summary import summary_of
from reports.swimlane import swimlane_svg

router = admitted_router("/days/{day}", tag="debriefs")

SVG: Final = "image/svg+xml"
_HEADERS: Final = {
    # The page needs no script and nothing from outside; whatever got into it gets neither.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


class Form(StrEnum):
    """How a debrief can be had."""

    JSON = "json"
    HTML = "html"
    MARKDOWN = "markdown"
    SUMMARY = "summary"


MEDIA: Final = {
    Form.JSON: "application/json",
    Form.HTML: "text/html",
    Form.MARKDOWN: "text/markdown",
    Form.SUMMARY: "text/plain",
}


def _text_content(*media: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {each: {"schema": {"type": "string"}} for each in media}}}


@router.get(
    "/debrief",
    summary="Read the debrief",
    response_model=DebriefView,
    responses=problems(404)
    | _text_content(MEDIA[Form.HTML], MEDIA[Form.MARKDOWN], MEDIA[Form.SUMMARY]),
)
async def read_debrief(
    request: Request,
    audience: CurrentAudience,
    services: Services,
    form: Annotated[
        Form | None, Query(alias="format", description="Overrules the header Accept.")
    ] = None,
) -> Response:
    """What was injected, what was measured, who noticed what when.

    Responders and readers read it after the reveal, those in the know at any time.
    """
    accept = request.headers.get("accept", "")
    media = MEDIA[form] if form else preferred(accept, list(MEDIA.values()))
    return await _written(services, audience, media)


@router.get(
    "/swimlane.svg",
    summary="See the day as one drawing",
    response_class=Response,
    responses=problems(404) | _text_content(SVG),
)
async def draw_swimlane(audience: CurrentAudience, services: Services) -> Response:
    """Each run a row, all on one axis of time; after the reveal for those not in the know."""
    return await _written(services, audience, SVG)


async def _written(services: ApiServices, audience: Audience, media: str) -> Response:
    audience.must_see_all(to="read the debrief")
    record = await services.debriefing.record(audience.day.id)
    now = services.clock.now()

    def write() -> str:
        return WRITERS[media](debrief_of(record, generated_at=now, version=services.version))

    return Response(await to_thread.run_sync(write), media_type=media, headers=_HEADERS)


def _as_json(debrief: Debrief) -> str:
    return DebriefView.of(debrief).model_dump_json()


def _as_summary(debrief: Debrief) -> str:
    return "\n".join(summary_of(debrief)) + "\n"


def _as_drawing(debrief: Debrief) -> str:
    return swimlane_svg(debrief, standalone=True)


WRITERS: Final[dict[str, Callable[[Debrief], str]]] = {
    MEDIA[Form.JSON]: _as_json,
    MEDIA[Form.HTML]: debrief_html,
    MEDIA[Form.MARKDOWN]: debrief_markdown,
    MEDIA[Form.SUMMARY]: _as_summary,
    SVG: _as_drawing,
}
