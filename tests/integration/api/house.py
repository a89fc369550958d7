"""The API on a real database, with a client for each role."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI

from api.app import create_app
from api.dependencies import ApiServices
from experiments.catalogue import FolderCatalogue
from orchestrator.adapters.planfile import PlanFile
from orchestrator.adapters.storage import Database, SqlStorage
from orchestrator.domain.identity import DayId, Role
from orchestrator.services.admitting import Admitting
from orchestrator.services.debriefing import Debriefing
from orchestrator.services.halting import Halting
from orchestrator.services.opening import Opening
from orchestrator.services.planning import Planning
from orchestrator.services.previewing import Previewing
from orchestrator.services.recording import Recording
from orchestrator.services.responding import Responding
from orchestrator.services.revealing import Revealing
from tests.builders import DAY, at
from tests.doubles.clock import TestClock
from tests.doubles.kubeconfigs import MemoryKubeconfigs
from tests.doubles.stage import Stage

VERSION = "0.0.test"

PLAN = """\
version: 1
day: {name: Checkout Chaos Day}
environment: test
window: {zone: UTC, opens: 2026-11-24T09:00, closes: 2026-11-24T17:00}
people:
  - {name: Kim, role: facilitator}
  - {name: Eve, role: agent}
  - {name: Ada, role: responder}
services:
  - {name: checkout, team: payments, namespace: shop}
blast_radius: {namespaces: [shop], kinds: {pods: [delete], deployments: [scale, change]}}
abort_when:
  - out_for: 2m
channels: {incident: "#inc-chaos"}
agenda:
  - {box: one-pod, at: +10m, lasts: 10m, experiment: pod-killed, service: checkout}
  - {box: no-payment, at: +30m, lasts: 10m, experiment: scaled-to-zero, service: checkout}
"""


@dataclass
class HandClock:
    """A clock that shows what it was set to."""

    shows: datetime = field(default_factory=lambda: at(60))

    def now(self) -> datetime:
        return self.shows


@dataclass
class House:
    """The app, what is behind it, and what it was asked."""

    database: Database
    storage: SqlStorage
    clock: HandClock
    services: ApiServices
    app: FastAPI
    nudges: list[None]
    ready: list[bool]

    async def token(self, role: Role, day: DayId | None = DAY, name: str = "") -> str:
        return await self.services.admitting.issue(
            name=name or f"a {role}", role=role, day=day, is_script=False
        )

    @asynccontextmanager
    async def client(self, token: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app),
            base_url="http://chaosday.test",
            headers=headers,
        ) as client:
            yield client

    @asynccontextmanager
    async def guest(self, role: Role, day: DayId | None = DAY) -> AsyncIterator[httpx2.AsyncClient]:
        async with self.client(await self.token(role, day)) as client:
            yield client


@asynccontextmanager
async def a_house(folder: Path) -> AsyncIterator[House]:
    """Open the API on a database in a folder."""
    async with Database(f"sqlite+aiosqlite:///{folder}/chaosday.db") as database:
        storage, clock = SqlStorage(database), HandClock()
        nudges: list[None] = []
        ready = [True]
        services = _services(
            storage, clock, nudge=lambda: nudges.append(None), is_ready=lambda: ready[0]
        )
        yield House(
            database=database,
            storage=storage,
            clock=clock,
            services=services,
            app=create_app(services),
            nudges=nudges,
            ready=ready,
        )


def _services(storage: SqlStorage, clock: HandClock, **rest: Any) -> ApiServices:
    recording, catalogue = Recording(clock=clock), FolderCatalogue()
    return ApiServices(
        admitting=Admitting(storage=storage),
        planning=Planning(
            storage=storage,
            plans=PlanFile(),
            catalogue=catalogue,
            clock=clock,
            recording=recording,
        ),
        previewing=Previewing(
            storage=storage,
            rehearser=Stage(TestClock()),
            kubeconfigs=MemoryKubeconfigs(),
            recording=recording,
            clock=clock,
        ),
        opening=Opening(storage=storage, clock=clock, recording=recording),
        halting=Halting(storage=storage, clock=clock, recording=recording),
        responding=Responding(storage=storage, clock=clock, recording=recording),
        revealing=Revealing(storage=storage),
        debriefing=Debriefing(storage=storage),
        storage=storage,
        clock=clock,
        catalogue=catalogue,
        version=VERSION,
        **rest,
    )
