"""Calls the API server's ASGI app in process, without a network."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlencode

from orchestrator.practice.api.app import create_app
from orchestrator.practice.api.bootstrap import new_store
from orchestrator.practice.api.store import Store

Object = dict[str, Any]


class Server:
    """An API server over a store of its own, without controllers."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or new_store(seed=1)
        self._app = create_app(self.store)

    async def call(
        self, method: str, path: str, body: Any = None, *, kind: str = "", **query: str
    ) -> tuple[int, Any]:
        """One request; the status code and the JSON that came with it."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        headers = [(b"content-type", kind.encode())] if kind else []
        scope: MutableMapping[str, Any] = {
            "type": "http", "method": method, "path": path, "headers": headers,
            "query_string": urlencode(query).encode(),
        }  # fmt: skip
        messages = [{"type": "http.request", "body": raw, "more_body": False}]
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], json.loads(answer) if answer[:1] in b"{[" else answer
