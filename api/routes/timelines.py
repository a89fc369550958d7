"""The timeline: read in parts, watched live, and written to by people.

It keeps nobody waiting for a slow viewer: each reads from a shared list at their own pace.
"""

import re
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Query, Request, Response
from sse_starlette import EventSourceResponse

from api.admission import admitted_router
from api.dependencies import CurrentAudience, CurrentSaid, Services, only
from api.idempotency import OnlyOnce
from api.live import Live
from api.media import preferred
from api.problems import problems
from api.views.timeline import EntryView, NoteRequest, TimelineView
from orchestrator.domain.identity import Role
from orchestrator.domain.timeline import Kind
from orchestrator.services.admitting import Guest
from orchestrator.services.responding import Told
from orchestrator.services.revealing import Audience

router = admitted_router("/days/{day}/timeline", tag="timeline")

STREAM: Final = "text/event-stream"
LARGEST_NUMBER: Final = 2**31 - 1
MOST: Final = 1000

_STREAMED: Final[dict[str, Any]] = {
    "description": "One event per entry: its number for the audience as `id`, and the entry as"
    " JSON in `data`. Comments keep the connection alive.",
    "content": {
        STREAM: {
            "schema": {"type": "string"},
            "example": 'id: 1\ndata: {"seq":1,"kind":"opened","text":"the day is open"}\n\n',
        }
    },
}

After = Annotated[
    int, Query(ge=0, le=LARGEST_NUMBER, description="Only entries numbered above this.")
]
LastEventId = Annotated[
    str, Header(alias="Last-Event-ID", description="The id of the last event that was received.")
]
Writer = Annotated[
    Guest,
    Depends(only(Role.FACILITATOR, Role.AGENT, Role.RESPONDER, to="write on the timeline")),
]


@router.get(
    "",
    summary="Read the timeline",
    response_model=TimelineView,
    responses=problems(404) | {200: _STREAMED},
)
async def read_timeline(
    *,
    request: Request,
    audience: CurrentAudience,
    services: Services,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=MOST, description="At most so many entries.")] = MOST,
    last_event_id: LastEventId = "",
) -> TimelineView | Response:
    """The entries that the audience sees, in order; live with `Accept: text/event-stream`.

    Numbers count what the audience sees. For responders and readers they count anew after the
    reveal, when everything is seen: read from the start then.
    """
    accept = request.headers.get("accept", "")
    if preferred(accept, ["application/json", STREAM]) == STREAM:
        return _stream(request, audience, after, last_event_id)
    entries = await services.revealing.timeline(audience, after=after, limit=limit)
    keys = await services.revealing.keys(audience)
    return TimelineView.of(audience.day.id, entries, after=after, keys=keys)


@router.get(
    "/stream",
    summary="Watch the timeline",
    response_class=EventSourceResponse,
    responses=problems(404) | {200: _STREAMED},
)
async def watch_timeline(
    request: Request, audience: CurrentAudience, after: After = 0, last_event_id: LastEventId = ""
) -> Response:
    """The timeline as Server-Sent Events, those to come included; resumes by Last-Event-ID."""
    return _stream(request, audience, after, last_event_id)


@router.post("", status_code=201, summary="Write on the timeline", responses=problems(404, 413))
async def write_entry(
    _: Writer,
    audience: CurrentAudience,
    asked: NoteRequest,
    services: Services,
    said: CurrentSaid,
    once: OnlyOnce,
) -> EntryView:
    """Record what somebody saw, thought or did. What those in the know write stays hidden."""

    async def write() -> EntryView:
        told = Told(said=said, text=asked.text, when=asked.when)
        written = await services.responding.note(
            audience.day.id, Kind(asked.kind), told, incident=asked.incident
        )
        shown = await services.revealing.entry(audience, written.id)
        keys = await services.revealing.keys(audience)
        return EntryView.of(shown or written, keys=keys)

    return await once(asked.model_dump_json(), write)


def _stream(request: Request, audience: Audience, after: int, last_event_id: str) -> Response:
    # After the reveal the numbers count more than before. The mark tells the two apart, so that
    # whoever comes back with an old number misses nothing of what was hidden.
    mark = "r" if audience.sees_all and not audience.role.is_in_the_know else ""
    live: Live = request.app.state.live
    start = _number(last_event_id, mark) if last_event_id else after
    frames = live.feed(audience, mark=mark).frames(start)
    ping = request.app.state.keep_alive.total_seconds()
    return EventSourceResponse(frames, ping=ping, sep="\n")


def _number(event_id: str, mark: str) -> int:
    """The number in an event's id; 0, which replays everything, if it is not one of ours."""
    found = re.fullmatch(rf"{mark}(\d{{1,9}})", event_id.strip(), re.ASCII)
    return int(found[1]) if found else 0
