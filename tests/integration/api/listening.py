"""A client of Server-Sent Events that speaks ASGI and hangs up when it is told to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from fastapi import FastAPI

PATIENCE = 10


@dataclass
class Listener:
    """What came through the line, event by event."""

    raw: bytes = b""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    _heard: anyio.Event = field(default_factory=anyio.Event)

    @property
    def events(self) -> list[dict[str, str]]:
        """The events with an id, each as its fields."""
        blocks = self.raw.decode().split("\n\n")[:-1]
        parsed = [
            dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            for block in blocks
        ]
        return [event for event in parsed if "id" in event]

    async def heard(self, count: int) -> list[dict[str, str]]:
        """The events, once there are so many."""
        with anyio.fail_after(PATIENCE):
            while len(self.events) < count:
                await self._heard.wait()
        return self.events

    async def heard_more(self) -> None:
        """Wait for anything at all."""
        await self._heard.wait()

    def hear(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        self.raw += message.get("body", b"")
        self._heard.set()
        self._heard = anyio.Event()


@asynccontextmanager
async def listening(
    app: FastAPI, path: str, token: str, *, query: str = "", **headers: str
) -> AsyncIterator[Listener]:
    """Listen to a stream while the scope lasts; leaving it hangs up."""
    listener, hung_up, asked = Listener(), anyio.Event(), False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        listener.hear(message)

    async with anyio.create_task_group() as tasks:
        scope = _scope(path, query, {"authorization": f"Bearer {token}"} | headers)
        tasks.start_soon(app, scope, receive, send)
        yield listener
        # The app ends by itself once its client is gone, and the scope waits for it.
        hung_up.set()


def _scope(path: str, query: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("chaosday.test", 80),
    }
