from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.planfile import PlanFile, scaffold
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.plan import Environment

TODAY = date(2026, 11, 30)


@given(
    st.dates(date(2020, 1, 1), date(2060, 1, 1)),
    st.sampled_from(["UTC", "Europe/Vienna", "Australia/Lord_Howe", "America/St_Johns"]),
)
def test_the_scaffold_is_valid_as_it_is_for_the_next_day(today: date, zone: str) -> None:
    plan = PlanFile().read(scaffold("A day", today=today, zone=zone), source="plan.yaml")

    assert abs(plan.window.opens_at.date() - today) <= timedelta(days=1)
    assert plan.window.zone == zone


@given(st.text(min_size=1, max_size=50))
def test_whatever_name_is_taken_arrives(name: str) -> None:
    try:
        text = scaffold(name, today=TODAY)
    except InvalidValue:
        return

    assert PlanFile().read(text, source="plan.yaml").name == " ".join(name.split())


def test_the_scaffold_has_the_four_experiments_of_the_catalogue() -> None:
    plan = PlanFile().read(scaffold("A day", today=TODAY), source="plan.yaml")

    assert [box.experiment for box in plan.agenda] == [
        "pod-killed",
        "scaled-to-zero",
        "selector-broken",
        "bad-image",
    ]
    assert plan.environment is Environment.TEST


def test_the_scaffold_becomes_a_plan_for_production_by_what_its_comments_say() -> None:
    text = scaffold("A day", today=TODAY).replace("environment: test", "environment: production")
    text = text.replace("most_share: 100%", "most_share: 50%")

    assert PlanFile().read(text, source="x").environment is Environment.PRODUCTION


@pytest.mark.parametrize("name", ["", "  ", "a\x00b"])
def test_names_that_are_none_are_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="name = "):
        scaffold(name, today=TODAY)


def test_unknown_zones_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"zone = 'Europe/Wienna': .* did you mean Europe/Vie"):
        scaffold("A day", today=TODAY, zone="Europe/Wienna")
