"""Writes a debrief to a folder: the page, the Markdown and the swimlane.

It is the one place in reports that touches a disk.
"""

from dataclasses import dataclass
from pathlib import Path

from reports.debrief import Debrief
from reports.html import debrief_html
from reports.markdown import debrief_markdown
from reports.swimlane import swimlane_svg


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where the parts of a debrief lie."""

    html: Path
    markdown: Path
    svg: Path


def write_debrief(debrief: Debrief, folder: Path) -> Written:
    """Write a debrief; a page that stands there already is replaced as a whole.

    Raises: OSError: the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return Written(
        html=_replace(folder / "debrief.html", debrief_html(debrief)),
        markdown=_replace(folder / "debrief.md", debrief_markdown(debrief)),
        svg=_replace(folder / "swimlane.svg", swimlane_svg(debrief, standalone=True)),
    )


def _replace(path: Path, text: str) -> Path:
    # A reader who opens the page meanwhile sees the old one or the new one.
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    return new.replace(path)
