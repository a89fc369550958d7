from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.planfile.units import (
    LONGEST,
    Unreadable,
    read_duration,
    read_share,
    read_span,
    write_duration,
    write_share,
)

spans = st.integers(0, int(LONGEST.total_seconds())).map(lambda seconds: timedelta(seconds=seconds))
percents = st.integers(1, 100_000_000).map(lambda millionths: Fraction(millionths, 100_000_000))
parts = st.tuples(st.integers(1, 999_999), st.integers(1, 999_999)).map(
    lambda pair: Fraction(min(pair), max(pair))
)


@given(spans)
def test_written_durations_read_back_the_same(span: timedelta) -> None:
    assert read_span(write_duration(span)) == span


@given(percents | parts)
def test_written_shares_read_back_the_same(share: Fraction) -> None:
    assert read_share(write_share(share)) == share


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1h30m", 5400), ("1h0m1s", 3601), ("90m", 5400), ("168h", 604800)],
)
def test_durations_are_sums_of_their_units(text: str, seconds: int) -> None:
    assert read_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "value", ["", "m", "1", "15 m", "1m1h", "-5m", "1.5h", "15M", "٣m", "5m\n", None, [], True, 1.5]
)
def test_what_is_no_duration_is_told_the_forms(value: object) -> None:
    with pytest.raises(Unreadable, match=r"is no duration; write .* such as 90s, 15m or 1h30m"):
        read_duration(value)


def test_durations_without_unit_are_told_the_units() -> None:
    with pytest.raises(Unreadable, match="has no unit; write 90s, 90m or 90h"):
        read_duration(90)


@pytest.mark.parametrize("text", ["0s", "0h0m0s"])
def test_durations_of_no_time_are_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="is no time at all; write at least 1s"):
        read_duration(text)


@pytest.mark.parametrize("text", ["168h1s", "999999h999999m999999s"])
def test_durations_of_more_than_a_week_are_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="is longer than 7 days; write at most 168h"):
        read_duration(text)


@pytest.mark.parametrize(
    ("value", "share"),
    [
        ("34%", Fraction(34, 100)),
        ("33.3%", Fraction(333, 1000)),
        (0.34, Fraction(34, 100)),
        ("0.34", Fraction(34, 100)),
        ("1/3", Fraction(1, 3)),
        (1, Fraction(1)),
        ("100%", Fraction(1)),
    ],
)
def test_shares_are_percents_parts_or_fractions(value: object, share: Fraction) -> None:
    assert read_share(value) == share


@pytest.mark.parametrize(
    "value", ["", "%", "34 %", "1/0", "a third", "-1%", "1e-1", "0x1", None, True, [], "34%\n"]
)
def test_what_is_no_share_is_told_the_forms(value: object) -> None:
    with pytest.raises(Unreadable, match="is no share; write a part of the whole such as 34%"):
        read_share(value)


@pytest.mark.parametrize(
    ("value", "way_out"),
    [(34, "write 34%, or"), (340, "write 100%, or"), (1.5, "write 100%, or"), ("101%", "100%, or")],
)
def test_shares_above_the_whole_are_refused(value: object, way_out: str) -> None:
    with pytest.raises(Unreadable, match=f"is more than the whole; .*{way_out}"):
        read_share(value)


@pytest.mark.parametrize("value", [0, "0%", 0.0, -0.5, "0/3"])
def test_shares_of_nothing_are_refused(value: object) -> None:
    with pytest.raises(Unreadable, match="is no part at all; write a share above 0%"):
        read_share(value)
