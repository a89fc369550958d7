from dataclasses import replace

import pytest

from orchestrator.domain.identity import ActorKind, IncidentId
from orchestrator.domain.record import DayRecord
from orchestrator.domain.timeline import Kind
from reports.debrief import debrief_of
from reports.html import debrief_html
from reports.rules import RULES
from tests.builders import (
    a_box,
    a_concluded_run,
    a_day,
    a_link,
    a_plan,
    a_record,
    a_responder,
    a_sample,
    a_word,
    an_entry,
    an_experiment,
    an_incident,
    at,
)
from tests.unit.reports.days import a_compressed_day, a_long_day
from tests.unit.reports.pages import Page

HOSTILE = "</style></title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;"


def the_html(record: DayRecord) -> str:
    return debrief_html(debrief_of(record, generated_at=at(40000), version="0.1.0"))


def a_hostile_record() -> DayRecord:
    hostile = a_responder(name=HOSTILE)
    box = a_box(title=HOSTILE, service=HOSTILE, team=HOSTILE)
    document = {
        "title": HOSTILE,
        "description": HOSTILE,
        "steady-state-hypothesis": {"probes": [{"name": HOSTILE, "tolerance": [HOSTILE]}]},
        "method": [{"type": "action", "name": HOSTILE}],
        "extensions": [{"name": "chaosday", "expects": [{"what": HOSTILE, "within": 5}]}],
    }
    plan = a_plan(name=HOSTILE, agenda=(box,))
    told = {"evidence": HOSTILE, "kept": [HOSTILE], "pending": [HOSTILE], "reason": HOSTILE}
    kinds = (Kind.WRITE, Kind.REFUSED, Kind.PROOF, Kind.RESTORED, Kind.HALTED)
    run = a_concluded_run(title=HOSTILE, reason=HOSTILE)
    return a_record(
        day=a_day(plan=plan, experiments={"scaled-to-zero": an_experiment(document=document)}),
        runs=[run],
        entries=[
            *(
                an_entry(kind=k, occurred_at=at(12), run=run.id, text=HOSTILE, details=told)
                for k in kinds
            ),
            a_word(occurred_at=at(15), text=HOSTILE, actor=hostile, source=HOSTILE),
            a_word(kind=Kind.DECLARED, occurred_at=at(16), incident=IncidentId("incident-1")),
        ],
        incidents=[an_incident(title=HOSTILE, key=HOSTILE, opened_by=HOSTILE, service=HOSTILE)],
        links=[a_link(because=HOSTILE)],
        samples=[a_sample(at=at(13), probe=HOSTILE, value=HOSTILE, problem=HOSTILE)],
    )


RECORDS = {
    "compressed": a_compressed_day,
    "long": a_long_day,
    "empty": a_record,
    "hostile": a_hostile_record,
}


@pytest.fixture(params=RECORDS)
def record(request: pytest.FixtureRequest) -> DayRecord:
    return RECORDS[request.param]()


def test_every_tag_is_closed(record: DayRecord) -> None:
    assert Page(the_html(record)).unbalanced == []


def test_every_id_is_unique_and_every_link_leads_somewhere_on_the_page(record: DayRecord) -> None:
    page = Page(the_html(record))

    assert [name for name, times in page.ids.items() if times > 1] == []
    assert [link for link in page.links if link.removeprefix("#") not in page.ids] == []


def test_page_loads_nothing_and_runs_nothing(record: DayRecord) -> None:
    page = Page(the_html(record))

    assert page.loads == []
    assert page.handlers == []
    assert page.tags["script"] == page.tags["link"] == page.tags["img"] == 0
    assert page.tags["iframe"] == page.tags["object"] == page.tags["form"] == 0


def test_page_forbids_itself_every_request() -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'" in the_html(a_record())


def test_what_people_and_experiments_wrote_is_shown_and_never_markup() -> None:
    html = the_html(a_hostile_record())

    assert "<script" not in html
    assert "<img" not in html
    assert html.count("</style>") == 1
    assert Page(html).text.count("<script>alert(1)</script>") > 10


def test_every_entry_has_an_anchor_of_its_own() -> None:
    record = a_compressed_day()

    page = Page(the_html(record))

    assert {f"e-{entry.seq}" for entry in record.entries} <= page.ids.keys()


def test_every_rule_is_explained_with_an_anchor() -> None:
    page = Page(the_html(a_record()))

    assert {f"how-{rule.slug}" for rule in RULES} <= page.ids.keys()


def test_scripted_people_are_said_to_be_at_the_top_and_beside_each_entry() -> None:
    record = a_compressed_day()
    scripted = sum(entry.actor.kind is ActorKind.SCRIPT for entry in record.entries)

    html = the_html(record)

    front, timeline = html.split('id="known"')[0], html.split('<section id="timeline"')[1]
    assert "Scripted people." in front
    assert timeline.count(">scripted</span>") == scripted


def test_incident_that_a_script_opened_says_so() -> None:
    incidents = the_html(a_compressed_day()).split('<section id="incidents"')[1]

    assert incidents.split("</section>")[0].count("scripted responder") == 2


def test_day_of_humans_says_nothing_of_scripts() -> None:
    assert "cripted" not in Page(the_html(a_long_day())).text


def test_name_stands_only_beside_its_bearers_own_words() -> None:
    words = a_word(occurred_at=at(15), text="it is slow", actor=a_responder(name="Zoë"))
    step = replace(words, kind=Kind.ACKNOWLEDGED, text="INC-1 acknowledged")
    record = a_record(runs=[a_concluded_run()], entries=[step, words], incidents=[an_incident()])

    text = Page(the_html(record)).text

    # Once in the run, once in the timeline, each time after the quotation.
    assert text.count("Zoë") == text.count("it is slow Zoë") == 2
    assert "Ada" not in text


def test_unrevealed_day_warns_before_it_is_passed_on() -> None:
    assert "Not revealed yet." in Page(the_html(a_record())).text
    assert "Not revealed yet." not in Page(the_html(a_long_day())).text


def test_limit_is_never_read_as_a_duration() -> None:
    text = Page(the_html(a_record(runs=[a_concluded_run()]))).text

    assert "not within 0:20, the fault ended then" in text


def test_missing_samples_read_as_unknown() -> None:
    text = Page(the_html(a_record(runs=[a_concluded_run()]))).text

    assert "steady state not measured" in text
    assert "0%" not in text


def test_first_screen_comes_in_the_order_that_readers_need() -> None:
    html = the_html(a_compressed_day())

    places = [html.index(f'id="{name}"') for name in ("known", "outcomes", "lanes", "runs")]

    assert places == sorted(places)
    assert html.index("Exercise.") < places[0]
