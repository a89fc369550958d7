import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
import httpx2
import pytest
import uvicorn

from api.app import create_app
from api.live import HELLO, Feed
from orchestrator.adapters.storage import SqlStorage
from orchestrator.domain.day import DayState
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.identity import Role
from orchestrator.domain.timeline import TimelineEntry, VisibleAfter
from orchestrator.services.revealing import Audience, Revealing
from tests.builders import DAY, a_day, an_entry
from tests.integration.api.house import House
from tests.integration.api.listening import PATIENCE, listening

STREAM = f"/api/v1/days/{DAY}/timeline/stream"
HIDDEN = VisibleAfter.REVEAL


def entries(*texts: str) -> list[TimelineEntry]:
    """Entries by their text; those that begin with a dash are secret."""
    return [
        an_entry(id=text, text=text, visible_after=HIDDEN)
        if text.startswith("-")
        else an_entry(id=text, text=text)
        for text in texts
    ]


def texts(events: list[dict[str, str]]) -> list[str]:
    return [json.loads(event["data"])["text"] for event in events]


@pytest.fixture(autouse=True)
async def a_day_with_secrets(house: House) -> None:
    await house.storage.add_day(a_day(), [], entries("a", "-s", "b"))


async def test_stream_sends_what_was_and_what_comes(house: House) -> None:
    token = await house.token(Role.RESPONDER)

    async with listening(house.app, STREAM, token) as listener:
        await listener.heard(2)
        await house.storage.append(entries("-t", "c", "d"))
        events = await listener.heard(4)

    assert texts(events) == ["a", "b", "c", "d"]
    assert [event["id"] for event in events] == ["1", "2", "3", "4"]
    assert [json.loads(event["data"])["seq"] for event in events] == [1, 2, 3, 4]
    assert listener.headers["content-type"].startswith("text/event-stream")


async def test_stream_is_had_by_the_accept_header_too(house: House) -> None:
    token = await house.token(Role.AGENT)
    path = STREAM.removesuffix("/stream")

    async with listening(house.app, path, token, accept="text/event-stream") as listener:
        events = await listener.heard(3)

    assert texts(events) == ["a", "-s", "b"]


@pytest.mark.parametrize("role", [Role.AGENT, Role.RESPONDER])
async def test_resumed_stream_has_no_gap_and_no_duplicate(house: House, role: Role) -> None:
    token = await house.token(role)
    all_events: list[dict[str, str]] = []
    count = 3 if role is Role.AGENT else 2

    async with listening(house.app, STREAM, token) as listener:
        all_events += await listener.heard(count)
    await house.storage.append(entries("-t", "c", "-u", "d"))
    async with listening(house.app, STREAM, token, last_event_id=all_events[-1]["id"]) as listener:
        all_events += await listener.heard(4 if role is Role.AGENT else 2)

    seen = ["a", "-s", "b", "-t", "c", "-u", "d"]
    assert texts(all_events) == [text for text in seen if role is Role.AGENT or text[0] != "-"]
    assert [int(event["id"]) for event in all_events] == list(range(1, len(all_events) + 1))


async def test_stream_begins_after_the_number_in_the_query(house: House) -> None:
    token = await house.token(Role.RESPONDER)

    async with listening(house.app, STREAM, token, query="after=1") as listener:
        events = await listener.heard(1)

    assert texts(events) == ["b"]


async def test_number_from_before_the_reveal_misses_nothing_after_it(house: House) -> None:
    token = await house.token(Role.RESPONDER)
    day = await house.storage.day(DAY)

    async with listening(house.app, STREAM, token) as listener:
        before = await listener.heard(2)
    closed = a_day(state=DayState.CLOSED, closed_at=day.opened_at, revealed_at=day.opened_at)
    await house.storage.save_day(closed, was=day, entries=[])
    async with listening(house.app, STREAM, token, last_event_id=before[-1]["id"]) as listener:
        after = await listener.heard(3)
    async with listening(house.app, STREAM, token, last_event_id=after[0]["id"]) as listener:
        rest = await listener.heard(2)

    assert texts(after) == ["a", "-s", "b"]
    assert texts(rest) == ["-s", "b"]


async def test_many_viewers_read_one_list_and_any_may_leave(house: House) -> None:
    token = await house.token(Role.RESPONDER)

    async with listening(house.app, STREAM, token) as last:
        await last.heard(2)
        async with listening(house.app, STREAM, token) as first, anyio.create_task_group():
            await first.heard(2)
            await house.storage.append(entries("c"))
            assert texts(await first.heard(3)) == ["a", "b", "c"]
        await house.storage.append(entries("d"))
        events = await last.heard(4)

    assert texts(events) == ["a", "b", "c", "d"]


async def test_others_go_on_when_the_one_who_reads_for_all_leaves(house: House) -> None:
    token = await house.token(Role.RESPONDER)

    async with listening(house.app, STREAM, token) as second:
        async with listening(house.app, STREAM, token) as _:
            await second.heard(2)
            await anyio.wait_all_tasks_blocked()
        await house.storage.append(entries("c"))

        assert texts(await second.heard(3)) == ["a", "b", "c"]


async def test_stream_of_another_day_is_a_problem(house: House) -> None:
    async with house.guest(Role.RESPONDER) as responder:
        answer = await responder.get("/api/v1/days/day-2/timeline/stream")

    assert answer.status_code == 403


@asynccontextmanager
async def served(house: House) -> AsyncIterator[str]:
    """The app on a loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        house.app, log_level="critical", lifespan="off", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    async with anyio.create_task_group() as tasks:

        async def serve() -> None:
            with anyio.fail_after(60):
                await server._serve(sockets=[listener])

        tasks.start_soon(serve)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
    listener.close()


async def test_dropped_connection_resumes_over_a_real_socket(house: House) -> None:
    token = await house.token(Role.RESPONDER)
    headers = {"Authorization": f"Bearer {token}"}
    ids: list[str] = []

    async with served(house) as url, httpx2.AsyncClient(base_url=url, timeout=PATIENCE) as client:
        for wanted in (2, 5):
            resume = {"Last-Event-ID": ids[-1]} if ids else {}
            async with client.stream("GET", STREAM, headers=headers | resume) as answer:
                async for line in answer.aiter_lines():
                    ids += [line.removeprefix("id: ")] if line.startswith("id: ") else []
                    if len(ids) == wanted:
                        break
            await house.storage.append(
                entries(f"c{wanted}", f"-{wanted}", f"d{wanted}", f"e{wanted}")
            )

    assert ids == ["1", "2", "3", "4", "5"]


class Failing(SqlStorage):
    """A store whose database is gone."""

    async def changed(self, *_: object, **__: object) -> bool:
        raise Unavailable("the database is gone")


async def test_stream_ends_when_the_database_fails_so_that_clients_come_back(
    house: House,
) -> None:
    revealing = Revealing(storage=Failing(house.database))
    feed = Feed(revealing=revealing, audience=Audience(role=Role.AGENT, day=a_day()), mark="")

    with anyio.fail_after(PATIENCE):
        frames = [frame async for frame in feed.frames(0)]

    assert frames == [HELLO]


async def test_quiet_stream_is_kept_alive_by_comments(house: House) -> None:
    app = create_app(house.services, keep_alive=timedelta(milliseconds=50))

    async with listening(app, STREAM, await house.token(Role.RESPONDER)) as listener:
        await listener.heard(2)
        with anyio.fail_after(PATIENCE):
            while b"\n: ping" not in listener.raw:
                await listener.heard_more()

    assert len(listener.events) == 2
