import re

import pytest

from orchestrator.domain.record import DayRecord
from reports.debrief import debrief_of
from reports.markdown import debrief_markdown
from reports.pen import plain
from reports.rules import RULES
from tests.builders import a_concluded_run, a_record, a_word, at
from tests.unit.reports.days import a_compressed_day, a_long_day


def the_markdown(record: DayRecord) -> str:
    return debrief_markdown(debrief_of(record, generated_at=at(40000), version="0.1.0"))


def cells(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line)) - 1


@pytest.mark.parametrize("record", [a_compressed_day(), a_long_day(), a_record()])
def test_every_row_has_as_many_cells_as_its_head(record: DayRecord) -> None:
    width = None
    for line in the_markdown(record).splitlines():
        if not line.startswith("|"):
            width = None
            continue
        width = width or cells(line)
        assert cells(line) == width, line


def test_every_footnote_that_is_used_is_there() -> None:
    text = the_markdown(a_long_day())

    assert set(re.findall(r"\[\^\d+\](?!:)", text)) <= {f"[^{n + 1}]" for n in range(len(RULES))}
    assert all(f"[^{n}]: **{rule.title}.**" in text for n, rule in enumerate(RULES, start=1))


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("a | b", r"a \| b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("[x](javascript:y)", r"\[x\](javascript:y)"),
        ("two\nlines", "two lines"),
        ("# title", r"\# title"),
        ("1. item", r"1\. item"),
        ("- item", r"\- item"),
        ("*bold* `code` _x_ ~y~", r"\*bold\* \`code\` \_x\_ \~y\~"),
        ("C:\\temp", r"C:\\temp"),
    ],
)
def test_what_people_wrote_is_no_markup(text: str, marked: str) -> None:
    assert plain(text) == marked


def test_hostile_word_stays_in_its_cell() -> None:
    word = a_word(occurred_at=at(15), text="x | y\n\n# <script>alert(1)</script>")

    text = the_markdown(a_record(runs=[a_concluded_run()], entries=[word]))

    assert "<script" not in text
    assert r"x \| y \# &lt;script&gt;" in text
