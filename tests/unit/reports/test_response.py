from datetime import timedelta

import pytest

from orchestrator.domain.identity import ActorKind, EntryId, IncidentId, Role, RunId
from orchestrator.domain.run import Phase, Run
from orchestrator.domain.timeline import Kind, TimelineEntry
from reports.figures import Censoring
from reports.response import Belonging, Milestone, Response, Ties, response_of
from reports.window import window_of
from tests.builders import RUN, a_concluded_run, a_facilitator, a_responder, a_word, an_entry, at

INCIDENT = IncidentId("incident-1")


def the_response(
    *entries: TimelineEntry, run: Run | None = None, linked_to: RunId = RUN
) -> Response:
    run = run or a_concluded_run()
    ties = Ties(
        runs_of={INCIDENT: {linked_to}},
        corrected={entry.corrects for entry in entries if entry.corrects},
    )
    return response_of(run, window_of(run, [], cut_off=at(60)), entries, ties)


def test_time_to_detect_runs_from_the_start_of_the_fault_to_the_first_word() -> None:
    response = the_response(a_word(occurred_at=at(20), seq=2), a_word(occurred_at=at(14), seq=3))

    time = response.times[Milestone.NOTICED]

    assert time.observed == timedelta(seconds=4)
    assert time.from_entries == (3,)
    assert response.noticed


def test_every_step_of_an_incident_counts_as_noticing() -> None:
    declared = a_word(kind=Kind.DECLARED, occurred_at=at(17), incident=INCIDENT)

    response = the_response(declared)

    assert response.times[Milestone.NOTICED].observed == timedelta(seconds=7)
    assert response.times[Milestone.DECLARED].observed == timedelta(seconds=7)


def test_time_that_the_fault_cut_short_is_a_limit_and_no_duration() -> None:
    response = the_response(a_word(occurred_at=at(14)))

    resolved = response.times[Milestone.RESOLVED]

    assert resolved.observed is None
    assert resolved.value == timedelta(seconds=20)
    assert resolved.censored is Censoring.FAULT_ENDED


def test_what_people_record_after_the_fault_leaves_the_limit_and_is_told() -> None:
    late = a_word(kind=Kind.RESOLVED, occurred_at=at(42), incident=INCIDENT, seq=9)

    response = the_response(late)

    assert response.times[Milestone.RESOLVED].censored is Censoring.FAULT_ENDED
    assert response.times[Milestone.RESOLVED].from_entries == (9,)
    assert response.firsts[Milestone.RESOLVED].since == timedelta(seconds=32)
    assert not response.noticed


def test_limit_of_a_fault_that_is_still_active_says_so() -> None:
    run = a_concluded_run(phase=Phase.HOLDING, rolled_back_at=None, ended_at=None, finding=None)

    time = the_response(run=run).times[Milestone.NOTICED]

    assert time.censored is Censoring.STILL_ACTIVE
    assert time.value == timedelta(seconds=50)


def test_what_counts_is_when_it_was_seen_and_not_when_it_was_told() -> None:
    told_later = a_word(occurred_at=at(15), recorded_at=at(55))

    assert the_response(told_later).times[Milestone.NOTICED].observed == timedelta(seconds=5)


@pytest.mark.parametrize("role", [Role.FACILITATOR, Role.AGENT])
def test_those_who_know_the_plan_notice_nothing(role: Role) -> None:
    response = the_response(a_word(occurred_at=at(14), actor=a_facilitator(role=role)))

    assert not response.noticed
    assert [mark.counts for mark in response.marks] == [False]


def test_plain_note_is_shown_and_not_counted() -> None:
    response = the_response(a_word(kind=Kind.NOTE, occurred_at=at(14)))

    assert not response.noticed
    assert len(response.marks) == 1


def test_machine_is_no_person() -> None:
    response = the_response(an_entry(kind=Kind.SAW, occurred_at=at(14)))

    assert response.marks == ()


def test_script_counts_as_the_person_it_plays() -> None:
    scripted = a_word(occurred_at=at(14), actor=a_responder(kind=ActorKind.SCRIPT))

    assert the_response(scripted).noticed


def test_untied_word_belongs_by_time_alone_and_only_while_the_fault_is_active() -> None:
    during, after = a_word(occurred_at=at(30), seq=1), a_word(occurred_at=at(31), seq=2)

    response = the_response(during, after)

    assert [(mark.entry.seq, mark.belongs) for mark in response.marks] == [(1, Belonging.TIME)]


def test_word_on_another_runs_incident_does_not_belong_by_time() -> None:
    word = a_word(occurred_at=at(20), incident=INCIDENT)

    assert the_response(word, linked_to=RunId("other")).marks == ()


def test_word_on_a_linked_incident_belongs_whenever_it_was() -> None:
    response = the_response(a_word(occurred_at=at(59), incident=INCIDENT))

    assert [mark.belongs for mark in response.marks] == [Belonging.LINKED]


def test_corrected_word_is_shown_and_its_correction_counts() -> None:
    wrong = a_word(id=EntryId("wrong"), occurred_at=at(11), seq=1)
    right = a_word(id=EntryId("right"), occurred_at=at(16), corrects=EntryId("wrong"), seq=2)

    response = the_response(wrong, right)

    assert response.times[Milestone.NOTICED].observed == timedelta(seconds=6)
    assert [mark.counts for mark in response.marks] == [False, True]


def test_word_from_before_the_fault_is_no_detection() -> None:
    response = the_response(a_word(occurred_at=at(3), incident=INCIDENT))

    assert not response.noticed
    assert response.times[Milestone.NOTICED].observed is None


def test_run_without_a_fault_has_no_times() -> None:
    response = the_response(a_word(occurred_at=at(14)), run=a_concluded_run(started_at=None))

    assert {time.value for time in response.times.values()} == {None}
