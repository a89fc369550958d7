"""Writes the debrief of a day to files; it computes nothing."""

from pathlib import Path

from orchestrator import __version__
from orchestrator.domain.identity import DayId
from orchestrator.wiring import Services
from reports import writing
from reports.debrief import debrief_of


async def write_debrief(services: Services, day: DayId, folder: Path) -> list[Path]:
    """Write the debrief as a page, as Markdown and as a drawing; returns the files."""
    record = await services.debriefing.record(day)
    debrief = debrief_of(record, generated_at=services.clock.now(), version=__version__)
    written = writing.write_debrief(debrief, folder)
    return [written.html, written.markdown, written.svg]
