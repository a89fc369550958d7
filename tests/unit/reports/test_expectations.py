from collections.abc import Mapping
from datetime import timedelta

import pytest

from orchestrator.domain.plan import Expectation
from reports.expectations import Verdict, expectations_of, milestone_in, review, span_of
from reports.figures import Censoring, Figure, Unit
from reports.response import Milestone
from reports.rules import TIME_TO


def times(seconds: float | None, *, censored: bool = False) -> Mapping[Milestone, Figure]:
    figure = Figure(
        value=None if seconds is None else timedelta(seconds=seconds),
        unit=Unit.DURATION,
        how=TIME_TO,
        censored=Censoring.FAULT_ENDED if censored else None,
    )
    return dict.fromkeys(Milestone, figure)


def the_verdict(
    took: Mapping[Milestone, Figure] | None,
    *,
    what: str = "the team on call notices",
    within: float | None = 60,
    kind: str = "",
) -> Verdict:
    limit = None if within is None else timedelta(seconds=within)
    expectation = Expectation(what=what, within=limit)
    return review("the plan", expectation, kind, times=took).verdict


def test_expectation_is_matched_when_it_happened_in_time() -> None:
    assert the_verdict(times(60)) is Verdict.MATCHED


def test_expectation_differed_when_it_happened_later() -> None:
    assert the_verdict(times(61)) is Verdict.DIFFERED


def test_expectation_differed_when_the_fault_was_active_that_long_without() -> None:
    assert the_verdict(times(60, censored=True)) is Verdict.DIFFERED


def test_nothing_is_said_when_the_fault_ended_before_the_time_was_over() -> None:
    assert the_verdict(times(59, censored=True)) is Verdict.NOT_OBSERVABLE


def test_nothing_is_said_without_a_fault() -> None:
    assert the_verdict(times(None)) is Verdict.NOT_OBSERVABLE
    assert the_verdict(None) is Verdict.NOT_OBSERVABLE


def test_expectation_without_a_time_is_for_the_room() -> None:
    assert the_verdict(times(1), within=None) is Verdict.FOR_THE_ROOM


def test_expectation_that_no_rule_knows_is_for_the_room() -> None:
    assert the_verdict(times(1), what="customers see a friendly page") is Verdict.FOR_THE_ROOM
    assert the_verdict(times(1), kind="business") is Verdict.FOR_THE_ROOM


@pytest.mark.parametrize(
    ("what", "milestone"),
    [
        ("The team notices", Milestone.NOTICED),
        ("It is detected by storefront", Milestone.NOTICED),
        ("somebody acknowledges", Milestone.ACKNOWLEDGED),
        ("It is escalated to payments", Milestone.ESCALATED),
        ("the payments team notices that nobody can pay", Milestone.NOTICED),
        ("the stock team sees the stuck release", Milestone.NOTICED),
        ("the load balancer sees one pod less", None),
        ("customers notice nothing", None),
        ("customers notice", None),
        ("nobody notices", None),
        ("users do not notice", None),
        ("the team acknowledges and escalates", None),
        ("DNS resolves again", None),
        ("a new pod is ready", None),
    ],
)
def test_words_decide_only_when_they_name_one_turn(what: str, milestone: Milestone | None) -> None:
    assert milestone_in(what) is milestone


def test_stated_kind_goes_before_words() -> None:
    assert milestone_in("nobody can pay, and it is seen", "noticed") is Milestone.NOTICED


def test_expectations_of_plan_and_experiment_are_gathered_once() -> None:
    planned = [Expectation(what="a", within=timedelta(seconds=5))]
    document = {
        "extensions": [
            {"name": "other", "expects": ["not ours"]},
            {"name": "chaosday", "expects": [{"what": "a"}, {"what": "b", "within": "1m"}, "c", 7]},
        ]
    }

    found = expectations_of(planned=planned, document=document)

    assert [(where, each.what, each.within) for where, each, _ in found] == [
        ("the plan", "a", timedelta(seconds=5)),
        ("the experiment", "b", timedelta(minutes=1)),
        ("the experiment", "c", None),
    ]


@pytest.mark.parametrize("document", [{}, {"extensions": None}, {"extensions": [3, {"name": 1}]}])
def test_document_without_expectations_expects_nothing(document: dict[str, object]) -> None:
    assert expectations_of(planned=[], document=document) == []


@pytest.mark.parametrize(
    ("written", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(minutes=90)),
        (45, timedelta(seconds=45)),
        (True, None),
        ("", None),
        ("soon", None),
        (-3, None),
        ("9" * 40 + "h", None),
        (float("nan"), None),
    ],
)
def test_span_is_read_or_unknown(written: object, span: timedelta | None) -> None:
    assert span_of(written) == span
