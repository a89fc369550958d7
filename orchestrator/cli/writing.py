"""Writes the debrief of a day to files; it computes nothing."""

from pathlib import Path

from orchestrator import __version__
from orchestrator.domain.identity import DayId
from orchestrator.wiring import Services
from reports.debrief import debrief_of
from reports.html import debrief_html
from reports.markdown import debrief_markdown


async def write_debrief(services: Services, day: DayId, folder: Path) -> list[Path]:
    """Write the debrief as HTML and Markdown; returns the files."""
    record = await services.debriefing.record(day)
    debrief = debrief_of(record, generated_at=services.clock.now(), version=__version__)
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        folder / f"{day}.html": debrief_html(debrief),
        folder / f"{day}.md": debrief_markdown(debrief),
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(files)
