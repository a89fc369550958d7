"""The scripted team of the demonstration: three responders who really look, and really type.

They see what anybody outside would see, the shop's front door and the pods, and answer through
the public command line and API. They know nothing of the plan. Bo looks only now and then, so
what happens in between stays unseen.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio
import httpx2

from orchestrator.cli.remote import RemoteService

_LOOK_EVERY: Final = 1.0
_TYPING: Final = 0.6
"""Seconds that somebody needs between two thoughts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the team works."""

    url: str
    day: str
    front_door: str
    cluster: httpx2.AsyncClient
    client: httpx2.AsyncClient


class Ada:
    """Of payments: watches checkout every second and works from the command line."""

    def __init__(self, scene: Scene, token: str) -> None:
        self._scene = scene
        self._environment = {
            **os.environ,
            "CHAOSDAY_URL": scene.url,
            "CHAOSDAY_TOKEN": token,
            "CHAOSDAY_DAY": scene.day,
        }

    async def respond(self) -> None:
        """Watch, and take every outage of checkout from declared to resolved."""
        failures = 0
        while True:
            answer = await _look(self._scene, "POST", "/checkout")
            failures = 0 if answer in _WELL else failures + 1
            if failures == 2:
                await self._work(answer)
                failures = 0
            await anyio.sleep(_LOOK_EVERY)

    async def _work(self, answer: str) -> None:
        await self._type("log", "saw", f"checkout answers {answer}", "-t", "-2s")
        declare = ("incident", "declare", "Nobody can pay", "--service", "payment", "-t", "-1s")
        key = (await self._type(*declare)).split(" ", 1)[0]
        await self._type("incident", "ack", key)
        await self._type("log", "thought", "payment looks gone, not slow", "--incident", key)
        await self._type("incident", "escalate", key, "asked the platform team to look at payment")
        while await _look(self._scene, "POST", "/checkout") not in _WELL:
            await anyio.sleep(_LOOK_EVERY)
        await self._type("incident", "mitigate", key, "checkout answers 201 again")
        await self._type("incident", "resolve", key, "payments have gone through since")

    async def _type(self, *words: str) -> str:
        await anyio.sleep(_TYPING)
        done = await anyio.run_process(
            [sys.executable, "-m", "orchestrator.cli", *words],
            env=self._environment,
            check=False,
            stderr=sys.stderr,
        )
        return done.stdout.decode().strip()


class Bo:
    """Of catalog: looks at the home page when the day begins, and then not for a long while."""

    def __init__(self, scene: Scene, service: RemoteService) -> None:
        self._scene = scene
        self._service = service

    async def respond(self) -> None:
        """Look once and say so."""
        answer = await _look(self._scene, "GET", "/")
        await _post_note(self._service, self._scene, "saw", f"the home page answers {answer}")
        await _post_note(
            self._service, self._scene, "did", "went to a planning meeting, pager in the bag"
        )


class Cy:
    """Of stock: watches the pods of stock and works through the API."""

    def __init__(self, scene: Scene, service: RemoteService) -> None:
        self._scene = scene
        self._service = service

    async def respond(self) -> None:
        """Watch for a pod that waits, and take it to an end."""
        while True:
            waiting = await self._waiting()
            if waiting:
                await self._work(waiting)
            await anyio.sleep(2 * _LOOK_EVERY)

    async def _work(self, reason: str) -> None:
        text = f"a new pod of stock waits with {reason}; the old ones serve"
        await _post_note(self._service, self._scene, "saw", text)
        path = f"/api/v1/days/{self._scene.day}/incidents"
        body = {"title": "A release of stock hangs", "service": "stock", "when": ""}
        incident = await self._service.post(path, body)
        await self._take(incident["key"], "acknowledge", "")
        await _post_note(self._service, self._scene, "thought", "nobody suffers, so no hurry")
        while await self._waiting():
            await anyio.sleep(_LOOK_EVERY)
        await self._take(incident["key"], "resolve", "the pod that waited is gone")

    async def _take(self, key: str, step: str, text: str) -> None:
        await anyio.sleep(_TYPING)
        path = f"/api/v1/days/{self._scene.day}/incidents/{key}/{step}"
        await self._service.post(path, {"text": text, "when": ""})

    async def _waiting(self) -> str:
        """The reason for which a pod of stock waits, as `kubectl get pods` would show it."""
        path = "/api/v1/namespaces/shop/pods?labelSelector=app%3Dstock"
        try:
            answer = await self._scene.cluster.get(path, timeout=5)
            pods: Sequence[Mapping[str, Any]] = answer.json()["items"]
        except (httpx2.HTTPError, KeyError, ValueError):
            return ""
        statuses = [s for pod in pods for s in pod["status"].get("containerStatuses", [])]
        reasons = [(s["state"].get("waiting") or {}).get("reason", "") for s in statuses]
        return next((reason for reason in reasons if "Image" in reason), "")


_WELL: Final = ("200", "201")


async def _look(scene: Scene, method: str, path: str) -> str:
    """What the shop answers, as a person would read it off."""
    try:
        answer = await scene.client.request(method, scene.front_door + path, timeout=3)
    except httpx2.HTTPError as error:
        return f"nothing ({type(error).__name__})"
    return str(answer.status_code)


async def _post_note(service: RemoteService, scene: Scene, kind: str, text: str) -> None:
    await anyio.sleep(_TYPING)
    body = {"kind": kind, "text": text, "when": "", "incident": ""}
    await service.post(f"/api/v1/days/{scene.day}/timeline", body)
