from datetime import timedelta

from orchestrator.domain.identity import ActorKind, IncidentId
from orchestrator.domain.outcome import Outcome
from orchestrator.domain.record import DayRecord
from orchestrator.domain.run import Finding, Injection, Phase
from orchestrator.domain.timeline import Kind
from reports.debrief import Debrief, debrief_of
from reports.facts import facts_of
from reports.response import Milestone
from reports.summary import LINES, summary_of
from tests.builders import (
    RUN,
    a_concluded_run,
    a_day,
    a_facilitator,
    a_link,
    a_record,
    a_responder,
    a_run,
    a_word,
    an_entry,
    an_incident,
    at,
    samples_at,
)
from tests.unit.reports.days import a_compressed_day, a_long_day

LOST = [*samples_at([5, 8]), *samples_at([12, 20], within=False), *samples_at([32])]
HELD = samples_at([5, 8, 12, 20, 32])


def the_debrief(record: DayRecord) -> Debrief:
    return debrief_of(record, generated_at=at(60), version="0.1.0")


def the_outcome(record: DayRecord) -> Outcome | None:
    (run,) = the_debrief(record).runs
    return run.outcome


def test_loss_that_people_noticed_is_found_by_people() -> None:
    record = a_record(runs=[a_concluded_run()], samples=LOST, entries=[a_word(occurred_at=at(15))])

    assert the_outcome(record) is Outcome.HUMAN_FOUND


def test_loss_without_people_is_undetected_and_read_without_blame() -> None:
    debrief = the_debrief(a_record(runs=[a_concluded_run()], samples=LOST))

    assert debrief.runs[0].outcome is Outcome.UNDETECTED
    assert any("nobody recorded noticing it while it was active" in f for f in facts_of(debrief))


def test_loss_that_people_noticed_after_the_fault_is_undetected() -> None:
    declared = a_word(kind=Kind.DECLARED, occurred_at=at(40), incident=IncidentId("incident-1"))
    record = a_record(
        runs=[a_concluded_run()],
        samples=LOST,
        entries=[declared],
        incidents=[an_incident()],
        links=[a_link()],
    )

    assert the_outcome(record) is Outcome.UNDETECTED


def test_steady_state_that_held_is_absorbed() -> None:
    run = a_concluded_run(finding=Finding.HELD)

    assert the_outcome(a_record(runs=[run], samples=HELD)) is Outcome.ABSORBED


def test_run_without_samples_is_indeterminate() -> None:
    run = a_concluded_run(finding=Finding.UNKNOWN)

    assert the_outcome(a_record(runs=[run])) is Outcome.INDETERMINATE


def test_ineffective_run_says_nothing_of_people() -> None:
    run = a_concluded_run(finding=Finding.INEFFECTIVE, injection=Injection.NOT_EFFECTIVE)

    assert the_outcome(a_record(runs=[run], samples=HELD)) is Outcome.INEFFECTIVE


def test_unfit_run_is_not_started() -> None:
    run = a_concluded_run(finding=Finding.UNFIT, injection=None)

    assert the_outcome(a_record(runs=[run], samples=LOST)) is Outcome.NOT_STARTED


def test_aborted_run_keeps_its_outcome_and_cuts_its_times() -> None:
    run = a_concluded_run(finding=Finding.ABORTED, rolled_back_at=at(18), reason="halted")

    (review,) = the_debrief(a_record(runs=[run], samples=LOST)).runs

    assert review.outcome is Outcome.UNDETECTED
    assert review.response.times[Milestone.NOTICED].value == timedelta(seconds=8)


def test_stranded_run_has_an_outcome_and_is_not_counted_as_restored() -> None:
    run = a_concluded_run(phase=Phase.STRANDED, finding=Finding.STRANDED)

    debrief = the_debrief(a_record(runs=[run], samples=LOST))

    assert debrief.runs[0].outcome is Outcome.UNDETECTED
    assert debrief.counts.restored.value == 0


def test_run_that_has_not_ended_has_no_outcome_yet() -> None:
    run = a_concluded_run(phase=Phase.HOLDING, finding=None, rolled_back_at=None, ended_at=None)

    assert the_outcome(a_record(runs=[run], samples=LOST)) is None


def test_day_without_runs_is_a_day_all_the_same() -> None:
    debrief = the_debrief(a_record())

    assert facts_of(debrief) == ["The agenda has no runs."]
    assert debrief.counts.planned.value == 0


def test_planned_run_is_not_started() -> None:
    assert the_outcome(a_record(runs=[a_run()])) is Outcome.NOT_STARTED


def test_incident_without_a_run_is_found_and_not_injected() -> None:
    debrief = the_debrief(a_record(runs=[a_concluded_run()], incidents=[an_incident()]))

    assert [each.incident.key for each in debrief.unlinked] == ["INC-1"]
    assert "INC-1: found, not injected." in facts_of(debrief)


def test_shadow_incident_is_no_incident_of_people() -> None:
    shadow = an_incident(run=RUN, key="")

    assert the_debrief(a_record(runs=[a_concluded_run()], incidents=[shadow])).incidents == ()


def test_halts_are_paired_with_their_release() -> None:
    kim = a_facilitator()
    entries = [
        an_entry(kind=Kind.HALTED, occurred_at=at(20), actor=kim, details={"reason": "real"}),
        an_entry(kind=Kind.RELEASED, occurred_at=at(40), actor=kim),
        an_entry(kind=Kind.HALTED, occurred_at=at(50), actor=kim, text="the day is halted"),
    ]

    first, second = the_debrief(a_record(entries=entries)).halts

    assert (first.reason, second.reason) == ("real", "the day is halted")
    assert first.released is not None
    assert second.released is None


def test_scripted_people_are_known_from_the_day_or_from_an_entry() -> None:
    scripted = a_word(actor=a_responder(kind=ActorKind.SCRIPT))

    assert the_debrief(a_record(day=a_day(is_scripted=True))).is_scripted
    assert the_debrief(a_record(entries=[scripted])).is_scripted
    assert not the_debrief(a_record(entries=[a_word()])).is_scripted


def test_compressed_day_is_told_in_ten_lines() -> None:
    lines = summary_of(the_debrief(a_compressed_day()))

    assert len(lines) <= LINES
    assert "played by a script" in lines[0]
    assert "A bad image of stock rolled out: active 0:14, nobody recorded" in lines[5]


def test_day_with_more_runs_than_lines_says_how_many_more() -> None:
    lines = summary_of(the_debrief(a_long_day()))

    assert len(lines) == LINES
    assert "  and 5 more runs" in lines


def test_debrief_of_the_same_record_is_the_same() -> None:
    assert the_debrief(a_long_day()) == the_debrief(a_long_day())
