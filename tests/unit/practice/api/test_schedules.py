"""Cron's five fields, and the moments that they name."""

from datetime import UTC, datetime

import pytest

from orchestrator.practice.api.schedules import BadSchedule, schedule_of

START = datetime(2026, 11, 24, 9, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("* * * * *", datetime(2026, 11, 24, 9, 31, tzinfo=UTC)),
        ("*/5 * * * *", datetime(2026, 11, 24, 9, 35, tzinfo=UTC)),
        ("0 3 * * *", datetime(2026, 11, 25, 3, 0, tzinfo=UTC)),
        ("@hourly", datetime(2026, 11, 24, 10, 0, tzinfo=UTC)),
        ("15 8 * * sun", datetime(2026, 11, 29, 8, 15, tzinfo=UTC)),
        ("0 0 31 * *", datetime(2026, 12, 31, 0, 0, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 29, 0, 0, tzinfo=UTC)),
        # A day that fits either way is enough where both are restricted.
        ("0 0 30 * mon", datetime(2026, 11, 30, 0, 0, tzinfo=UTC)),
        ("0 0 26 * mon", datetime(2026, 11, 26, 0, 0, tzinfo=UTC)),
        ("40-50/5 9 24 nov *", datetime(2026, 11, 24, 9, 40, tzinfo=UTC)),
    ],
)
def test_next_moment_of_a_schedule(text: str, due: datetime) -> None:
    assert schedule_of(text).after(START) == due


def test_schedule_that_never_comes_has_no_next_moment() -> None:
    assert schedule_of("0 0 31 2 *").after(START) is None


@pytest.mark.parametrize(
    "text", ["", "* *", "61 * * * *", "* 24 * * *", "5-1 * * * *", "*/0 * * * *", "x * * * *", "@x"]
)
def test_text_that_names_no_moment_is_no_schedule(text: str) -> None:
    with pytest.raises(BadSchedule):
        schedule_of(text)
