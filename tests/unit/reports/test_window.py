from datetime import timedelta

from orchestrator.domain.run import Finding, Phase
from orchestrator.domain.timeline import Kind
from reports.window import FaultWindow, window_of
from tests.builders import a_concluded_run, a_run, an_entry, at


def the_window(**changes: object) -> FaultWindow:
    window = window_of(a_concluded_run(**changes), [], cut_off=at(500))
    assert window is not None
    return window


def test_fault_starts_with_the_first_write_that_was_let_through() -> None:
    writes = [an_entry(kind=Kind.WRITE, occurred_at=at(when), seq=when) for when in (14, 12, 31)]

    window = window_of(a_concluded_run(), writes, cut_off=at(500))

    assert window is not None
    assert window.began_at == at(12)
    assert window.began.from_entries == (12,)


def test_fault_without_a_recorded_write_starts_when_the_method_was_let_loose() -> None:
    assert the_window().began_at == at(10)


def test_write_of_the_rollback_is_no_start_of_a_fault() -> None:
    restoring = an_entry(kind=Kind.WRITE, occurred_at=at(31))

    window = window_of(a_concluded_run(), [restoring], cut_off=at(500))

    assert window is not None
    assert window.began_at == at(10)


def test_fault_ends_when_restoring_begins() -> None:
    assert the_window().ended_at == at(30)
    assert the_window().lasted.value == timedelta(seconds=20)


def test_fault_that_is_still_active_lasts_until_the_debrief_is_written() -> None:
    window = the_window(phase=Phase.HOLDING, rolled_back_at=None, ended_at=None, finding=None)

    assert window.ended_at is None
    assert window.until == at(500)
    assert window.ended.note == "still active when this was written"


def test_end_of_a_stranded_fault_is_said_to_be_unproven() -> None:
    window = the_window(phase=Phase.STRANDED, finding=Finding.STRANDED)

    assert "could not be proven" in window.ended.note


def test_run_that_never_started_has_no_fault() -> None:
    assert window_of(a_run(), [], cut_off=at(500)) is None


def test_unfit_run_has_no_fault_even_if_it_was_let_loose() -> None:
    assert window_of(a_concluded_run(finding=Finding.UNFIT), [], cut_off=at(500)) is None
