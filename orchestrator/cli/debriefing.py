"""Debriefs straight from the database."""

from pathlib import Path
from typing import Any

from orchestrator import wiring
from orchestrator.cli.writing import write_debrief
from orchestrator.domain.errors import NotFound
from orchestrator.domain.identity import DayId


async def days_directly() -> list[dict[str, Any]]:
    """Every day, newest first."""
    async with wiring.services() as services:
        days = await services.storage.days()
        return [{"id": day.id, "state": day.state, "name": day.plan.name} for day in days]


async def debrief_directly(day: str, folder: Path) -> list[Path]:
    """Write the debrief of a day, by default the newest. Raises: NotFound."""
    async with wiring.services() as services:
        days = await services.storage.days()
        if not days:
            raise NotFound("no Chaos Day is stored here yet; make one with `chaosday conduct`")
        return await write_debrief(services, DayId(day) if day else days[0].id, folder)
