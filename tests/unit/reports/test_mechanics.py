from datetime import timedelta
from typing import Any

from orchestrator.domain.run import Finding, Injection, Phase, Run
from orchestrator.domain.timeline import Kind, TimelineEntry
from reports.mechanics import Restored, proof_of, restoration_of, writes_of
from reports.window import window_of
from tests.builders import a_concluded_run, a_run, an_entry, at


def wrote(seconds: float, kind: Kind = Kind.WRITE) -> TimelineEntry:
    return an_entry(kind=kind, occurred_at=at(seconds), text="deployments/shop/payment")


def restored(**details: Any) -> TimelineEntry:
    return an_entry(kind=Kind.RESTORED, occurred_at=at(33), details=details)


def the_restoration(*entries: TimelineEntry, run: Run | None = None) -> Any:
    run = run or a_concluded_run()
    return restoration_of(run, window_of(run, [], cut_off=at(60)), entries)


def test_writes_are_split_where_restoring_begins() -> None:
    writes = writes_of(
        a_concluded_run(), [wrote(11), wrote(29), wrote(30), wrote(20, Kind.REFUSED)]
    )

    counts = (writes.injecting.value, writes.restoring.value, writes.refused.value)

    assert counts == (2, 1, 1)


def test_writes_of_an_injection_that_left_no_entry_are_unknown_and_not_zero() -> None:
    writes = writes_of(a_concluded_run(), [])

    assert {writes.injecting.value, writes.restoring.value, writes.refused.value} == {None}


def test_run_that_never_injected_wrote_nothing() -> None:
    assert writes_of(a_run(), []).injecting.value == 0


def test_proof_is_timed_from_the_start_of_the_fault() -> None:
    run = a_concluded_run()
    told = an_entry(kind=Kind.PROOF, details={"evidence": "0 replicas"}, seq=4)

    proof = proof_of(run, window_of(run, [], cut_off=at(60)), [told])

    assert proof.injection is Injection.PROVEN
    assert proof.after.value == timedelta(seconds=2)
    assert proof.after.from_entries == (4,)
    assert proof.evidence == "0 replicas"


def test_evidence_is_told_without_the_verdict_before_it() -> None:
    run = a_concluded_run()
    told = an_entry(kind=Kind.PROOF, text="proof of injection: proven: pods: 0 replicas")

    proof = proof_of(run, window_of(run, [], cut_off=at(60)), [told])

    assert proof.evidence == "pods: 0 replicas"


def test_proof_that_never_came_has_no_time() -> None:
    run = a_concluded_run(injection=Injection.NOT_EFFECTIVE, proven_at=None)

    proof = proof_of(run, window_of(run, [], cut_off=at(60)), [])

    assert proof.after.value is None


def test_concluded_run_is_restored_after_the_time_it_took() -> None:
    restoration = the_restoration(restored(kept=["spec.replicas: was 2, we set 0, now 3"]))

    assert restoration.restored is Restored.PROVEN
    assert restoration.took.value == timedelta(seconds=3)
    assert restoration.kept == ("spec.replicas: was 2, we set 0, now 3",)


def test_stranded_run_says_what_is_not_as_before() -> None:
    run = a_concluded_run(phase=Phase.STRANDED, finding=Finding.STRANDED)

    restoration = the_restoration(restored(pending=["payment: 0 of 2 ready"]), run=run)

    assert restoration.restored is Restored.NOT_PROVEN
    assert restoration.took.value is None
    assert restoration.pending == ("payment: 0 of 2 ready",)


def test_stranded_run_without_further_word_is_told_by_its_reason() -> None:
    run = a_concluded_run(phase=Phase.STRANDED, reason="payment: 0 of 2 ready")

    assert the_restoration(run=run).pending == ("payment: 0 of 2 ready",)


def test_pending_of_an_earlier_look_is_forgotten_once_restoration_is_proven() -> None:
    restoration = the_restoration(restored(pending=["payment: 0 of 2 ready"]), restored())

    assert restoration.pending == ()


def test_run_that_never_started_has_nothing_to_restore() -> None:
    assert the_restoration(run=a_run(phase=Phase.CANCELLED)).restored is Restored.NOT_NEEDED


def test_run_that_still_holds_its_fault_is_not_called_restored() -> None:
    run = a_concluded_run(phase=Phase.HOLDING, rolled_back_at=None, ended_at=None)

    assert the_restoration(run=run).restored is Restored.UNDER_WAY
