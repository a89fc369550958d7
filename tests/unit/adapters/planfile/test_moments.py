from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.planfile.moments import (
    AfterOpening,
    first_at,
    instant_of,
    read_moment,
    read_start,
    read_zone,
)
from orchestrator.adapters.planfile.units import Unreadable

VIENNA = ZoneInfo("Europe/Vienna")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - local on purpose
    st.sampled_from([VIENNA, LORD_HOWE, ZoneInfo("America/St_Johns"), ZoneInfo("UTC")]),
)
def test_local_times_that_are_accepted_are_what_the_clocks_show(
    moment: datetime, zone: ZoneInfo
) -> None:
    try:
        instant = instant_of(moment, zone)
    except Unreadable:
        return
    assert instant.tzinfo is UTC
    assert instant.astimezone(zone).replace(tzinfo=None) == moment


@pytest.mark.parametrize(
    ("zone", "text", "problem", "ways_out"),
    [
        (
            VIENNA,
            "2026-10-25T02:30",
            "occurs twice in Europe/Vienna, where the clocks go back",
            ("2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"),
        ),
        (
            VIENNA,
            "2027-03-28T02:30",
            "does not exist in Europe/Vienna, where the clocks go forward",
            ("2027-03-28T03:30+02:00",),
        ),
        (
            LORD_HOWE,
            "2026-10-04T02:15",
            "does not exist in Australia/Lord_Howe, where the clocks go forward",
            ("2026-10-04T02:45+11:00",),
        ),
    ],
)
def test_times_that_the_clocks_repeat_or_skip_name_their_way_out(
    zone: ZoneInfo, text: str, problem: str, ways_out: tuple[str, ...]
) -> None:
    with pytest.raises(Unreadable) as refusal:
        instant_of(read_moment(text), zone)

    assert refusal.value.problem == problem
    for way_out in ways_out:
        assert way_out in refusal.value.way_out
        assert instant_of(read_moment(way_out), zone).tzinfo is UTC


def test_an_offset_decides_between_the_two() -> None:
    first = instant_of(read_moment("2026-10-25T02:30+02:00"), VIENNA)
    second = instant_of(read_moment("2026-10-25T02:30+01:00"), VIENNA)

    assert second - first == timedelta(hours=1)


@pytest.mark.parametrize(
    "text",
    ["2026-12-01", "09:00", "2026-12-01T24:00", "2026-W01-1", "2026-12-01T9:00", 5, None, ""],
)
def test_what_is_no_moment_is_told_the_forms(text: object) -> None:
    with pytest.raises(Unreadable, match="is no date with a time of day; write 2026-12-01T09:00"):
        read_moment(text)


@pytest.mark.parametrize("text", ["2026-02-29T09:00", "2026-13-01T09:00", "2026-12-01T09:00+99:00"])
def test_moments_outside_of_the_calendar_are_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="is not in the calendar"):
        read_moment(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_moments_in_far_years_are_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="lies outside the years 2000 to 2199"):
        read_moment(text)


def test_a_box_starts_by_the_clock_the_calendar_or_the_opening() -> None:
    assert read_start("09:30") == time(9, 30)
    assert read_start("2026-12-01 09:30") == datetime(2026, 12, 1, 9, 30)  # noqa: DTZ001
    assert read_start("+10s") == AfterOpening(timedelta(seconds=10))
    assert read_start("+0s") == AfterOpening(timedelta())


@pytest.mark.parametrize(
    ("value", "way_out"),
    [
        ("9:30", "write 09:30"),
        ("half past nine", "write 09:30, 2026-12-01T09:30, or"),
        (570, "write 09:30, 2026-12-01T09:30, or"),
    ],
)
def test_what_is_no_start_is_told_a_form(value: object, way_out: str) -> None:
    with pytest.raises(Unreadable, match=f"is no start of a box; {way_out}"):
        read_start(value)


def test_a_time_of_day_is_the_first_one_after_the_opening() -> None:
    opens_at = datetime(2026, 12, 1, 21, 0, tzinfo=UTC)

    assert first_at(time(22, 0), opens_at, VIENNA) == opens_at
    assert first_at(time(1, 0), opens_at, VIENNA) == datetime(2026, 12, 2, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "way_out"),
    [
        ("Europe/Wienna", "did you mean Europe/Vienna?"),
        ("xyzzy", "write one such as Europe/Vienna"),
        ("Europe", "did you mean"),
        ("../../etc/passwd", "write one such as Europe/Vienna"),
        ("", "write one such as Europe/Vienna"),
        (1, "write one such as Europe/Vienna"),
        ("a\0b", "write one such as Europe/Vienna"),
    ],
)
def test_unknown_zones_are_refused(value: object, way_out: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read_zone(value)

    assert refusal.value.problem == "is no IANA time zone"
    assert way_out in refusal.value.way_out
