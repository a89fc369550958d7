import re

import pytest

from orchestrator.domain.record import DayRecord
from reports.debrief import debrief_of
from reports.html import debrief_html
from reports.markdown import debrief_markdown
from reports.summary import summary_of
from tests.builders import a_record, at
from tests.unit.reports.days import a_compressed_day, a_long_day
from tests.unit.reports.pages import Page

BLAME = re.compile(
    r"\b(failed to|missed|should(n't)? have|could have|would have|if only|ought to|neglected|"
    r"root cause|human error|fault of|careless|mistake|obvious(ly)?|simply|too slow|score of|"
    r"MTTR|MTTD|passed|grade)\b|did(n't| not) (notice|check|realise|follow)",
    re.IGNORECASE,
)


@pytest.mark.parametrize("record", [a_compressed_day(), a_long_day(), a_record()])
def test_reports_describe_and_never_blame(record: DayRecord) -> None:
    debrief = debrief_of(record, generated_at=at(40000), version="0.1.0")

    for text in (
        Page(debrief_html(debrief)).text,
        debrief_markdown(debrief),
        "\n".join(summary_of(debrief)),
    ):
        assert [found[0] for found in BLAME.finditer(text)] == []
