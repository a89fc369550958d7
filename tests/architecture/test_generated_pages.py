"""The pages that runs on both clusters write name what there is, and explain what differs."""

import re
from pathlib import Path

from tests.contract.cluster.outcomes import DIFFERS, FAILS
from tests.contract.cluster.table import checks
from tests.contract.tour.script import steps

DOCS = Path(__file__).parents[2] / "docs"
TABLE = DOCS / "practice-cluster-contract.md"
TRANSCRIPT = DOCS / "practice-cluster-kubectl.md"
TYPED = re.compile(r"^ ?\$ (kubectl .*|EDITOR=.*)$", re.MULTILINE)


def rows() -> list[tuple[str, str, list[str]]]:
    """The title, the check and the cells of each row of the table."""
    found, title = [], ""
    for line in TABLE.read_text().splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith("| Check "):
            _, name, *cells, _ = re.split(r"(?<!\\)\|", line)
            found.append((title, name.strip(), [cell.strip() for cell in cells]))
    return [row for row in found if row[0] != "Known differences"]


def test_table_names_every_check_and_no_other() -> None:
    there = {(title, check.sentence) for title, group in checks().items() for check in group}

    named = {(title, name) for title, name, _ in rows()}

    assert named == there, "`make contract-table` writes the table anew"


def test_table_tells_of_each_check_that_it_was_asked_and_passes_or_why_not() -> None:
    for title, name, cells in rows():
        assert any(cell != "-" for cell in cells), f"{title}: {name} was asked nowhere"
        for cell in cells:
            assert FAILS not in cell, f"{title}: {name}"
            assert not cell.endswith((DIFFERS, f"{DIFFERS}*")), f"{title}: {name} lacks a reason"


def test_transcript_plays_the_tour_as_it_is_written() -> None:
    tour = [step.text for step in steps() if step.mark == "$"]

    assert TYPED.findall(TRANSCRIPT.read_text()) == tour, "`make transcripts` plays it anew"


def test_transcript_explains_each_difference() -> None:
    assert "Nobody has said why" not in TRANSCRIPT.read_text()
