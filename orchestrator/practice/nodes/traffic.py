"""Visitors of the shop, more of them by day than by night.

They come whether or not the shop keeps up, and each one's fate is counted.
They only know the front door.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import aiohttp
import anyio

from orchestrator.practice.nodes.chance import seeded
from orchestrator.practice.nodes.metrics import Registry
from orchestrator.practice.nodes.moments import now
from orchestrator.practice.nodes.shop.catalog import PRODUCTS
from orchestrator.practice.nodes.shop.storefront import UNKNOWN

PATIENCE: Final = timedelta(seconds=3)
MOST_AT_ONCE: Final = 200
BUSIEST_HOUR: Final = 16


class Journey(StrEnum):
    """What a visitor comes for."""

    HOME = "home"
    PRODUCT = "product"
    CART = "cart"
    CHECKOUT = "checkout"


class Outcome(StrEnum):
    """How it went for the visitor."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


SHARES: Final = {Journey.HOME: 50, Journey.PRODUCT: 25, Journey.CART: 15, Journey.CHECKOUT: 10}


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyTraffic:
    """How many visitors come in the quietest and in the busiest hour.

    Units: journeys per second.
    """

    quietest: float = 5.0
    busiest: float = 25.0

    def __post_init__(self) -> None:
        if not 0 < self.quietest <= self.busiest:
            raise ValueError(
                f"traffic from {self.quietest} to {self.busiest} journeys per second: the first "
                "must be above 0 and not above the second"
            )

    def rate(self, at: datetime) -> float:
        """Visitors per second at that time of day, in UTC."""
        hour = at.hour + at.minute / 60
        share = (1 + math.cos((hour - BUSIEST_HOUR) / 24 * 2 * math.pi)) / 2
        return self.quietest + (self.busiest - self.quietest) * share


class Visitors:
    """Sends visitors to the front door and counts how they fared."""

    def __init__(
        self, front_door: str, traffic: DailyTraffic, *, seed: int, registry: Registry
    ) -> None:
        self._front_door = front_door
        self._traffic = traffic
        self._chance = seeded(seed, "visitors")
        self._present = 0
        self._journeys = registry.counter(
            "shop_journeys_total", "Visitors' journeys, by how they went.", "journey", "outcome"
        )
        self._durations = registry.histogram(
            "shop_journey_duration_seconds", "How long visitors' journeys took.", "journey"
        )

    async def run(self) -> None:
        """Let visitors come for ever."""
        kinds, shares = list(SHARES), list(SHARES.values())
        patience = aiohttp.ClientTimeout(total=PATIENCE.total_seconds())
        async with (
            aiohttp.ClientSession(
                timeout=patience,
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            anyio.create_task_group() as visits,
        ):
            while True:
                await anyio.sleep(self._chance.expovariate(self._traffic.rate(now())))
                journey = self._chance.choices(kinds, shares)[0]
                product = self._chance.choice(list(PRODUCTS))
                visits.start_soon(self._visit, session, journey, product)

    async def _visit(self, session: aiohttp.ClientSession, journey: Journey, product: str) -> None:
        began = anyio.current_time()
        outcome = Outcome.FAILED
        if self._present < MOST_AT_ONCE:
            self._present += 1
            try:
                outcome = await self._travel(session, journey, product)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                outcome = Outcome.FAILED
            finally:
                self._present -= 1
        self._journeys.add(journey, outcome)
        self._durations.observe(anyio.current_time() - began, journey)

    async def _travel(
        self, session: aiohttp.ClientSession, journey: Journey, product: str
    ) -> Outcome:
        match journey:
            case Journey.HOME:
                return await self._look(session, "/")
            case Journey.PRODUCT:
                return await self._look(session, f"/products/{product}")
            case Journey.CART:
                return _judged(await self._pick(session, product))
            case Journey.CHECKOUT:
                return await self._buy(session, product)

    async def _look(self, session: aiohttp.ClientSession, path: str) -> Outcome:
        async with session.get(self._front_door + path) as response:
            page = await response.json()
            if response.status != 200:
                return Outcome.FAILED
            return Outcome.DEGRADED if page.get("stock") == UNKNOWN else Outcome.OK

    async def _pick(self, session: aiohttp.ClientSession, product: str) -> str | None:
        async with session.post(f"{self._front_door}/cart", json={"product": product}) as response:
            page = await response.json()
            return str(page["cart"]) if response.status == 200 else None

    async def _buy(self, session: aiohttp.ClientSession, product: str) -> Outcome:
        cart = await self._pick(session, product)
        if cart is None:
            return Outcome.FAILED
        async with session.post(f"{self._front_door}/checkout", json={"cart": cart}) as response:
            await response.read()
            return Outcome.OK if response.status == 201 else Outcome.FAILED


def _judged(cart: str | None) -> Outcome:
    return Outcome.FAILED if cart is None else Outcome.OK
