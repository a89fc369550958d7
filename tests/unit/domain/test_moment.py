"""Moments as people say them."""

from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.errors import InvalidMoment
from orchestrator.domain.moment import moment_of
from tests.builders import at

NOW = at(3600)

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize(
    ("said", "ago"),
    [
        ("", 0),
        ("now", 0),
        (" now ", 0),
        ("-0s", 0),
        ("-90s", 90),
        ("-2m", 120),
        ("-1h", 3600),
        ("-1h30m", 5400),
        ("-1h2m3s", 3723),
        ("-5m10s", 310),
        (" -2m ", 120),
    ],
)
def test_a_time_ago_is_counted_back_from_now(said: str, ago: float) -> None:
    assert moment_of(said, now=NOW) == NOW - timedelta(seconds=ago)


@given(st.integers(0, 999), st.integers(0, 9999), st.integers(0, 99999))
def test_every_time_ago_is_read_as_it_is_written(hours: int, minutes: int, seconds: int) -> None:
    said = f"-{hours}h{minutes}m{seconds}s"

    moment = moment_of(said, now=NOW)

    assert NOW - moment == timedelta(hours=hours, minutes=minutes, seconds=seconds)


@given(st.timedeltas(timedelta(0), timedelta(days=9999)), zones)
def test_an_instant_comes_back_in_utc_whatever_its_zone(ago: timedelta, zone: timezone) -> None:
    instant = (NOW - ago).astimezone(zone)

    moment = moment_of(instant.isoformat(), now=NOW)

    assert moment == instant
    assert moment.tzinfo is UTC


def test_a_clock_that_is_a_little_ahead_is_forgiven_and_set_to_now() -> None:
    assert moment_of((NOW + timedelta(seconds=30)).isoformat(), now=NOW) == NOW


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ((NOW + timedelta(seconds=61)).isoformat(), "lies in the future"),
        ("2026-12-01T09:30", "has no zone"),
        ("2026-11-24", "has no zone"),
        ("0001-01-01T00:00+14:00", "before the calendar begins"),
        ("yesterday", "neither a time ago nor an instant"),
        ("-", "neither a time ago nor an instant"),
        ("2m", "neither a time ago nor an instant"),
        ("+2m", "neither a time ago nor an instant"),
        ("-2", "neither a time ago nor an instant"),
        ("-2d", "neither a time ago nor an instant"),
        ("-1m2h", "neither a time ago nor an instant"),
        ("-1.5h", "neither a time ago nor an instant"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_way_out(said: str, problem: str) -> None:
    with pytest.raises(InvalidMoment) as refusal:
        moment_of(said, now=NOW)

    assert problem in str(refusal.value)
    assert repr(said) in str(refusal.value)
    assert "-2m" in str(refusal.value)


@given(st.text())
def test_no_text_breaks_it(said: str) -> None:
    try:
        moment = moment_of(said, now=NOW)
    except InvalidMoment:
        return
    assert moment <= NOW
