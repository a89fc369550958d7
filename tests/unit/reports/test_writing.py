from pathlib import Path

from reports.debrief import debrief_of
from reports.html import debrief_html
from reports.rules import LIMITS, RULES
from reports.writing import write_debrief
from tests.builders import a_day, a_plan, a_record, at

DOCS = Path(__file__).parents[3] / "docs" / "debrief.md"


def test_debrief_is_written_beside_its_markdown_and_its_drawing(tmp_path: Path) -> None:
    debrief = debrief_of(a_record(), generated_at=at(60), version="0.1.0")

    written = write_debrief(debrief, tmp_path / "new" / "folder")

    assert written.html.read_text(encoding="utf-8") == debrief_html(debrief)
    assert written.markdown.read_text(encoding="utf-8").startswith("# Checkout Chaos Day")
    assert written.svg.read_text(encoding="utf-8").startswith("<svg")


def test_writing_again_replaces_the_page_and_leaves_nothing_else(tmp_path: Path) -> None:
    old, new = (
        debrief_of(a_record(), generated_at=at(60), version=version)
        for version in ("0.1.0", "0.2.0")
    )
    write_debrief(old, tmp_path)

    written = write_debrief(new, tmp_path)

    assert "chaosday 0.2.0" in written.html.read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "debrief.html",
        "debrief.md",
        "swimlane.svg",
    ]


def test_letters_that_no_file_can_hold_are_replaced(tmp_path: Path) -> None:
    plan = a_plan(name="half a letter: \ud83d, a bell: \x07")
    debrief = debrief_of(a_record(day=a_day(plan=plan)), generated_at=at(60), version="0.1.0")

    written = write_debrief(debrief, tmp_path)

    assert "half a letter: \ufffd, a bell: \ufffd" in written.html.read_text(encoding="utf-8")


def test_documentation_explains_every_rule_in_the_same_words() -> None:
    text = " ".join(DOCS.read_text(encoding="utf-8").split())

    assert [rule.title for rule in RULES if f"### {rule.title} {rule.text}" not in text] == []
    assert [limit for limit in LIMITS if f"- {limit}" not in text] == []
