"""Whatever was recorded, however little or contradictory, there is a sound debrief of it."""

import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.domain.identity import Actor, ActorKind, EntryId, IncidentId, Role, RunId
from orchestrator.domain.incident import Status
from orchestrator.domain.plan import Expectation, Window
from orchestrator.domain.record import DayRecord
from orchestrator.domain.run import Finding, Injection, Phase, Run
from orchestrator.domain.timeline import Kind, Lane, Precision, TimelineEntry
from reports.debrief import debrief_of
from reports.html import debrief_html
from reports.markdown import debrief_markdown
from reports.response import Milestone
from reports.summary import LINES, summary_of
from reports.swimlane import NARROW, swimlane_svg
from tests.builders import (
    DAWN,
    a_box,
    a_day,
    a_link,
    a_plan,
    a_record,
    a_run,
    a_sample,
    an_entry,
    an_experiment,
    an_incident,
)
from tests.unit.reports.pages import Page

RUNS = [RunId(f"run-{n}") for n in range(3)]
INCIDENTS = [IncidentId(f"incident-{n}") for n in range(3)]
words = st.text(max_size=20)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def instants() -> st.SearchStrategy[datetime]:
    seconds = st.floats(-50, 600) | st.integers(-3, 60)
    return seconds.map(lambda passed: DAWN + timedelta(seconds=passed))


maybe = st.none() | instants()


@st.composite
def a_run_of_any_kind(draw: st.DrawFn, place: int) -> Run:
    return a_run(
        id=RUNS[place],
        box=draw(st.sampled_from(["payment-gone", "no-such-box"])),
        title=draw(words),
        planned_at=draw(instants()),
        phase=draw(st.sampled_from(Phase)),
        finding=draw(st.none() | st.sampled_from(Finding)),
        injection=draw(st.none() | st.sampled_from(Injection)),
        reason=draw(words),
        **{
            f"{name}_at": draw(maybe)
            for name in ("started", "injected", "proven", "rolled_back", "ended")
        },
    )


@st.composite
def an_entry_of_any_kind(draw: st.DrawFn) -> TimelineEntry:
    actor = Actor(
        kind=draw(st.sampled_from(ActorKind)),
        name=draw(words),
        role=draw(st.none() | st.sampled_from(Role)),
    )
    return an_entry(
        occurred_at=draw(instants()),
        recorded_at=draw(instants()),
        lane=draw(st.sampled_from(Lane)),
        kind=draw(st.sampled_from(Kind)),
        text=draw(words),
        actor=actor,
        source=draw(words),
        precision=draw(st.sampled_from(Precision)),
        run=draw(st.none() | st.sampled_from([*RUNS, RunId("gone")])),
        incident=draw(st.none() | st.sampled_from(INCIDENTS)),
        corrects=draw(st.none() | st.just(EntryId("entry-1"))),
        details=draw(st.dictionaries(st.sampled_from(["evidence", "kept", "pending"]), json)),
    )


@st.composite
def a_record_of_any_kind(draw: st.DrawFn) -> DayRecord:
    runs = [draw(a_run_of_any_kind(place)) for place in range(draw(st.integers(0, 3)))]
    return a_record(
        day=_day(draw),
        runs=runs,
        entries=draw(st.lists(an_entry_of_any_kind(), max_size=8)),
        incidents=[
            an_incident(
                id=each, key=draw(words), title=draw(words), status=draw(st.sampled_from(Status)),
                run=draw(st.none() | st.sampled_from(RUNS)),
            )
            for each in INCIDENTS[: draw(st.integers(0, 3))]
        ],
        links=[
            a_link(run=draw(st.sampled_from(RUNS)), incident=draw(st.sampled_from(INCIDENTS)))
            for _ in range(draw(st.integers(0, 3)))
        ],
        samples={
            run.id: [
                a_sample(
                    run=run.id, at=draw(instants()), within=draw(st.booleans()),
                    probe=draw(st.sampled_from(["checkout succeeds", "another"])),
                    value=draw(words | st.floats().map(str)), problem=draw(words),
                )
                for _ in range(draw(st.integers(0, 6)))
            ]
            for run in runs
        },
    )  # fmt: skip


def _day(draw: st.DrawFn) -> Any:
    window = Window(zone=draw(st.sampled_from(["UTC", "Nowhere/Land", "Asia/Kathmandu", ""])),
                    opens_at=draw(instants()), closes_at=draw(instants()))  # fmt: skip
    expects = (Expectation(what=draw(words), within=draw(st.none() | st.just(timedelta(1)))),)
    document = {
        "steady-state-hypothesis": draw(json),
        "method": draw(json),
        "extensions": [{"name": "chaosday", "expects": draw(json)}],
    }
    return a_day(
        plan=a_plan(name=draw(words), window=window, agenda=(a_box(expects=expects),)),
        experiments=draw(
            st.just({}) | st.just({"scaled-to-zero": an_experiment(document=document)})
        ),
        opened_at=draw(maybe),
        closed_at=draw(maybe),
        revealed_at=draw(maybe),
        is_scripted=draw(st.booleans()),
    )


@given(record=a_record_of_any_kind(), generated_at=instants())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_record_has_a_sound_debrief(record: DayRecord, generated_at: datetime) -> None:
    debrief = debrief_of(record, generated_at=generated_at, version="0.1.0")

    html = debrief_html(debrief)
    page = Page(html)
    assert page.unbalanced == []
    assert max(page.ids.values()) == 1
    assert [link for link in page.links if link.removeprefix("#") not in page.ids] == []
    assert page.loads == []

    assert html.encode()
    assert debrief_markdown(debrief).encode()
    assert ET.fromstring(swimlane_svg(debrief, standalone=True)).tag  # noqa: S314 - our own
    assert ET.fromstring(swimlane_svg(debrief, layout=NARROW)).tag  # noqa: S314 - our own
    assert len(summary_of(debrief)) <= LINES


@given(record=a_record_of_any_kind(), generated_at=instants())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_duration_exceeds_its_fault_and_none_is_negative(
    record: DayRecord, generated_at: datetime
) -> None:
    debrief = debrief_of(record, generated_at=generated_at, version="0.1.0")

    for run in debrief.runs:
        times = [run.response.times[each].value for each in Milestone]
        if run.window is None:
            assert set(times) == {None}
            continue
        lasted = run.window.until - run.window.began_at
        assert all(isinstance(t, timedelta) and timedelta() <= t <= lasted for t in times)
        shares = [figure.value for p in run.probes for figure in (p.before, p.during, p.after)]
        assert all(share is None or 0 <= float(str(share)) <= 1 for share in shares)
