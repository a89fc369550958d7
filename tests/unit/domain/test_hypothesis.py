"""What follows from what was measured."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.hypothesis import Sample, finding_of, holds, out_for
from orchestrator.domain.run import Finding, Injection
from tests.builders import a_sample, at

any_samples = st.lists(st.booleans(), max_size=12).map(
    lambda answers: [a_sample(at=at(i), within=within) for i, within in enumerate(answers)]
)


@given(any_samples)
def test_a_steady_state_holds_when_it_was_measured_and_never_lost(samples: list[Sample]) -> None:
    assert holds(samples) == (bool(samples) and all(sample.within for sample in samples))


@given(any_samples, st.floats(0, 100))
def test_out_for_counts_from_the_first_of_the_newest_samples_that_are_out(
    samples: list[Sample], later: float
) -> None:
    now = at(len(samples) + later)

    length = out_for(samples, at=now)

    if not samples or samples[-1].within:
        assert length == timedelta()
        return
    since = now - length
    assert all(not sample.within for sample in samples if sample.at >= since)
    before = [sample for sample in samples if sample.at < since]
    assert not before or before[-1].within


@given(st.sampled_from(Injection), any_samples, st.booleans())
def test_an_aborted_run_claims_nothing(
    injection: Injection, samples: list[Sample], measurable: bool
) -> None:
    finding = finding_of(aborted=True, injection=injection, during=samples, measurable=measurable)

    assert finding is Finding.ABORTED


@given(any_samples, st.booleans())
def test_a_fault_that_was_not_effective_says_nothing_of_the_hypothesis(
    samples: list[Sample], measurable: bool
) -> None:
    finding = finding_of(
        aborted=False,
        injection=Injection.NOT_EFFECTIVE,
        during=samples,
        measurable=measurable,
    )

    assert finding is Finding.INEFFECTIVE


@pytest.mark.parametrize("injection", [Injection.PROVEN, Injection.UNKNOWN])
@pytest.mark.parametrize(
    ("during", "measurable", "expected"),
    [
        ([True, True], True, Finding.HELD),
        ([True, False, True], True, Finding.DEVIATED),
        ([], True, Finding.UNKNOWN),
        ([True], False, Finding.UNKNOWN),
    ],
)
def test_a_hypothesis_is_judged_by_what_was_measured_while_the_fault_was_in(
    injection: Injection, during: list[bool], measurable: bool, expected: Finding
) -> None:
    samples = [a_sample(within=within) for within in during]

    finding = finding_of(aborted=False, injection=injection, during=samples, measurable=measurable)

    assert finding is expected
