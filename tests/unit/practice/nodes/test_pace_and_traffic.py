"""How fast nodes do things and how many visitors come; both repeat with the seed."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.practice.nodes.chance import seeded
from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.nodes.traffic import DailyTraffic


def at(hour: int) -> datetime:
    """An hour of some day."""
    return datetime(2026, 3, 4, hour, tzinfo=UTC)


def test_back_off_doubles_up_to_its_limit() -> None:
    pauses = [Pace().back_off(failures).total_seconds() for failures in range(7)]

    assert pauses == [10, 20, 40, 80, 160, 300, 300]
    assert Pace().back_off(10_000) == timedelta(minutes=5)


def test_most_visitors_come_in_the_afternoon_and_fewest_at_night() -> None:
    traffic = DailyTraffic(quietest=5, busiest=25)

    rates = [traffic.rate(at(hour)) for hour in range(24)]

    assert rates.index(max(rates)) == 16
    assert rates.index(min(rates)) == 4
    assert max(rates) == pytest.approx(25)
    assert min(rates) == pytest.approx(5)


@pytest.mark.parametrize(("quietest", "busiest"), [(0, 5), (-1, 5), (6, 5)])
def test_impossible_traffic_is_refused(quietest: float, busiest: float) -> None:
    with pytest.raises(ValueError, match="journeys per second"):
        DailyTraffic(quietest=quietest, busiest=busiest)


def test_same_seed_and_use_draw_the_same() -> None:
    assert seeded(1, "start", "cart-1").random() == seeded(1, "start", "cart-1").random()
    assert seeded(1, "start", "cart-1").random() != seeded(1, "start", "cart-2").random()
    assert seeded(1, "start", "cart-1").random() != seeded(2, "start", "cart-1").random()
