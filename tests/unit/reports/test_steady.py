from collections.abc import Sequence
from datetime import UTC, timedelta

import pytest

from orchestrator.domain.hypothesis import Sample, tolerances_of
from orchestrator.domain.run import Run
from reports.figures import Censoring
from reports.steady import ProbeReview, probes_of, was_lost
from reports.window import window_of
from reports.words import text_of
from tests.builders import a_concluded_run, a_run, a_sample, an_experiment, at, samples_at


def reviews(samples: Sequence[Sample], run: Run | None = None) -> tuple[ProbeReview, ...]:
    window = window_of(run or a_concluded_run(), [], cut_off=at(60))
    return probes_of({}, samples, window)


def the_review(samples: Sequence[Sample]) -> ProbeReview:
    (review,) = reviews(samples)
    return review


def out(*seconds: float) -> list[Sample]:
    return samples_at(seconds, within=False, value="0.2")


def test_shares_are_taken_before_during_and_after_the_fault() -> None:
    review = the_review([*samples_at([1, 5, 9]), *out(10, 20), *samples_at([25, 29, 30, 31])])

    assert (review.before.value, review.during.value, review.after.value) == (1, 0.5, 1)
    assert review.during.note == "2 of 4"


def test_share_without_a_sample_is_unknown_and_not_zero() -> None:
    review = the_review(samples_at([1, 2]))

    assert review.during.value is None
    assert text_of(review.during, UTC) == "no sample"


def test_loss_and_restoration_are_the_samples_that_showed_them() -> None:
    review = the_review([*samples_at([9]), *out(12, 14), *samples_at([16]), *out(18),
                         *samples_at([20, 31])])  # fmt: skip

    assert review.first_lost.value == at(12)
    assert review.restored.value == at(20)
    assert review.longest_out.value == timedelta(seconds=4)


def test_loss_that_sampling_saw_no_end_of_is_a_limit() -> None:
    review = the_review([*samples_at([9]), *out(25, 35)])

    assert review.restored.value is None
    assert review.restored.note == "not seen before sampling ended"
    assert review.longest_out.value == timedelta(seconds=10)
    assert review.longest_out.censored is Censoring.SAMPLING_ENDED


def test_probe_that_was_never_out_says_so() -> None:
    review = the_review(samples_at([9, 11, 29, 31]))

    assert review.first_lost.value is None
    assert review.first_lost.note == "not lost"
    assert review.longest_out.value == timedelta()


def test_probe_of_the_experiment_without_samples_is_listed_as_unknown() -> None:
    window = window_of(a_concluded_run(), [], cut_off=at(60))

    (review,) = probes_of(an_experiment().document, [], window)

    assert review.probe == "checkout succeeds"
    assert review.taken.value == 0
    assert review.longest_out.value is None


def test_interval_is_the_usual_time_between_two_samples() -> None:
    assert the_review(samples_at([10, 12, 14, 25])).interval == timedelta(seconds=2)
    assert the_review(samples_at([10])).interval is None


def test_steady_state_is_lost_by_one_sample_of_one_probe() -> None:
    others = samples_at([12, 14], probe="home page")

    assert was_lost(reviews([*others, *samples_at([12]), *out(14)])) is True
    assert was_lost(reviews([*others, *samples_at([12, 14])])) is False


def test_loss_after_the_fault_is_no_loss_under_it() -> None:
    assert was_lost(reviews([*samples_at([12, 29]), *out(30)])) is False


def test_loss_is_unknown_without_a_sample_during_the_fault() -> None:
    assert was_lost(reviews([*out(9), *out(31)])) is None
    assert was_lost(reviews([])) is None


def test_run_without_a_fault_has_samples_before_it_alone() -> None:
    (review,) = reviews(out(12), run=a_run())

    assert review.before.value == 0
    assert was_lost([review]) is None


def test_what_a_probe_showed_is_told_in_few_words() -> None:
    many = [a_sample(at=at(10 + n), value=f"{n / 10}") for n in range(8)]
    blind = a_sample(at=at(19), value="", problem="connection refused", within=False)

    assert the_review(samples_at([11, 12])).seen == "1.0 (2)"
    assert the_review([*samples_at([11]), blind]).seen == "1.0 (1), connection refused (1)"
    assert the_review([*many, blind]).seen == "0 to 0.7, and 1 without a number"


@pytest.mark.parametrize(
    ("tolerance", "words"),
    [
        (200, "200"),
        ([200, 404], "one of 200, 404"),
        ({"type": "range", "range": [0.8, 1]}, "0.8 to 1"),
        ({"type": "regex", "pattern": "^ok"}, "matches ^ok"),
        ({"type": "probe"}, "by probe"),
        ({}, "by a probe"),
        (None, ""),
    ],
)
def test_tolerance_is_told_in_words(tolerance: object, words: str) -> None:
    document = {"steady-state-hypothesis": {"probes": [{"name": "p", "tolerance": tolerance}]}}

    assert tolerances_of(document) == {"p": words}
