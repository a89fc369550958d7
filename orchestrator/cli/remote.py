"""A day conducted by the service, as seen from a terminal: plan, open, follow, close, debrief.

It speaks the public API and nothing else.
"""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import httpx2

from orchestrator.cli.service import headers_of, raise_problem
from orchestrator.domain.errors import ServiceUnavailable

_FINAL: Final = {"concluded", "cancelled", "stranded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteService:
    """The service over one kept connection, as one token sees it."""

    url: str
    token: str
    client: httpx2.AsyncClient

    async def get(self, path: str, *, accept: str = "application/json") -> Any:
        """Read something. Raises: ChaosDayError: as the service says."""
        return await self._call("GET", path, accept=accept)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Do something. Raises: ChaosDayError: as the service says."""
        return await self._call("POST", path, body=body or {})

    async def _call(
        self, method: str, path: str, *, body: Any = None, accept: str = "application/json"
    ) -> Any:
        headers = self._headers(accept)
        try:
            answer = await self.client.request(
                method, self.url + path, json=body, headers=headers, timeout=30
            )
        except httpx2.HTTPError as error:
            raise ServiceUnavailable(url=self.url, problem=str(error) or "no answer") from error
        media_type = answer.headers.get("content-type", "")
        if answer.is_error:
            raise_problem(answer.status_code, answer.text, media_type)
        return answer.json() if "json" in media_type else answer.text

    def _headers(self, accept: str) -> dict[str, str]:
        return headers_of(self.token, accept)

    async def follow(self, day: str) -> AsyncIterator[dict[str, Any]]:
        """The entries of a day's timeline as they come; takes up again where it broke off."""
        last = "0"
        while True:
            headers = self._headers("text/event-stream") | {"Last-Event-ID": last}
            path = f"{self.url}/api/v1/days/{day}/timeline"
            try:
                async with self.client.stream("GET", path, headers=headers, timeout=None) as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("id:"):
                            last = line[3:].strip()
                        elif line.startswith("data:"):
                            yield json.loads(line[5:])
            except httpx2.HTTPError:
                await anyio.sleep(0.5)

    async def conduct(self, day: str, *, show: Callable[[dict[str, Any]], None]) -> None:
        """Open a day, show its timeline, and come back when its agenda is done."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._show, day, show)
            await self.post(f"/api/v1/days/{day}/open")
            while not await self._is_done(day):
                await anyio.sleep(0.5)
            await anyio.sleep(0.3)
            tasks.cancel_scope.cancel()

    async def fetch_debrief(self, day: str, folder: Path) -> list[Path]:
        """Write the debrief of a day as a page and as Markdown; returns the files."""
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for suffix, media_type in (("html", "text/html"), ("md", "text/markdown")):
            path = folder / f"debrief.{suffix}"
            text = await self.get(f"/api/v1/days/{day}/debrief", accept=media_type)
            path.write_text(text, encoding="utf-8")
            written.append(path)
        return written

    async def _show(self, day: str, show: Callable[[dict[str, Any]], None]) -> None:
        async for entry in self.follow(day):
            show(entry)

    async def _is_done(self, day: str) -> bool:
        agenda = await self.get(f"/api/v1/days/{day}/agenda")
        return all(box["run"]["phase"] in _FINAL for box in agenda["boxes"])
