import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, timedelta
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.record import DayRecord
from orchestrator.domain.timeline import Kind
from reports.debrief import debrief_of
from reports.drawing.axis import axis_over
from reports.drawing.lettering import cut, width_of, wrapped
from reports.drawing.row import Layout
from reports.drawing.spacing import spread, tiered
from reports.swimlane import NARROW, WIDE, swimlane_svg
from reports.zoom import CLOSE, CLOSE_NARROW, Close, zoom_svg
from tests.builders import a_concluded_run, a_facilitator, a_record, a_word, an_entry, at
from tests.unit.reports.days import a_compressed_day, a_long_day

SVG = "{http://www.w3.org/2000/svg}"
SIZES = {"sw-title": 14, "sw-heading": 18, "sw-tiny": 10, "sw-pill-text": 12.5}
SMALL = {"sw-small", "sw-label", "sw-halt-label"}


def a_crowded_day() -> DayRecord:
    kinds = (Kind.SAW, Kind.DECLARED, Kind.ACKNOWLEDGED, Kind.ESCALATED, Kind.MITIGATED)
    run = a_concluded_run(title="A title that goes on and on until nobody remembers its start " * 3)
    words = [
        a_word(kind=kind, run=run.id, occurred_at=at(11 + n / 50)) for n, kind in enumerate(kinds)
    ]
    halts = [
        an_entry(kind=Kind.HALTED, occurred_at=at(12 + n), actor=a_facilitator()) for n in range(5)
    ]
    return a_record(runs=[run], entries=[*words, *halts])


DAYS = {"compressed": a_compressed_day(), "long": a_long_day(), "crowded": a_crowded_day()}


def boxes(svg: str) -> Iterator[tuple[str, float, float, float, float]]:
    """Each text with the room it takes: left, top, right, bottom."""
    for text in ET.fromstring(svg).iter(f"{SVG}text"):  # noqa: S314 - our own drawing
        classes = set((text.get("class") or "").split())
        size = next(
            (SIZES[name] for name in classes if name in SIZES), 11 if classes & SMALL else 12
        )
        words = text.text or ""
        # Letters are drawn narrower than they are reckoned, so a little overlap is none.
        width = 0.9 * width_of(words, size)
        x, y = float(text.get("x") or 0), float(text.get("y") or 0)
        left = {"middle": x - width / 2, "end": x - width}.get(text.get("text-anchor") or "", x)
        yield words, left, y - 0.7 * size, left + width, y


def collisions(svg: str) -> list[tuple[str, str]]:
    return [
        (one[0], other[0])
        for one, other in combinations(boxes(svg), 2)
        if one[1] < other[3] and other[1] < one[3] and one[2] < other[4] and other[2] < one[4]
    ]


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=lambda layout: layout.name)
@pytest.mark.parametrize("day", DAYS)
def test_labels_of_a_day_keep_apart_and_inside(day: str, layout: Layout) -> None:
    debrief = debrief_of(DAYS[day], generated_at=at(40000), version="0.1.0")

    svg = swimlane_svg(debrief, layout=layout, standalone=True)

    assert collisions(svg) == []
    assert [b for b in boxes(svg) if b[1] < 0 or b[3] > layout.width] == []


@pytest.mark.parametrize("close", [CLOSE, CLOSE_NARROW], ids=lambda close: close.name)
@pytest.mark.parametrize("day", DAYS)
def test_labels_of_a_run_keep_apart_and_inside(day: str, close: Close) -> None:
    debrief = debrief_of(DAYS[day], generated_at=at(40000), version="0.1.0")

    for run in debrief.started:
        svg = zoom_svg(run, zone=UTC, prefix="run", close=close)

        assert collisions(svg) == []
        assert [b for b in boxes(svg) if b[1] < 0 or b[3] > close.width] == []


def test_drawing_that_stands_alone_is_sound_xml_with_title_and_description() -> None:
    debrief = debrief_of(a_compressed_day(), generated_at=at(100), version="0.1.0")

    drawing = ET.fromstring(swimlane_svg(debrief, standalone=True))  # noqa: S314 - our own

    assert drawing.get("role") == "img"
    assert drawing.findtext(f"{SVG}title") == "Swimlane of Demo: a compressed Chaos Day"
    assert drawing.findtext(f"{SVG}desc")
    assert "prefers-color-scheme" in (drawing.findtext(f"{SVG}style") or "")


def test_told_later_is_drawn_hollow() -> None:
    debrief = debrief_of(a_compressed_day(), generated_at=at(100), version="0.1.0")

    svg = swimlane_svg(debrief)

    assert 'class="sw-mark sw-noticed sw-hollow"' in svg
    assert 'class="sw-mark sw-declared"' in svg


@given(
    st.lists(st.floats(0, 300), min_size=1, max_size=20).map(sorted),
    st.floats(1, 40),
)
def test_spread_keeps_order_gap_and_room(wanted: list[float], gap: float) -> None:
    places = spread(wanted, gap=gap, low=0, high=300)

    room = min(gap, 300 / max(1, len(wanted) - 1))
    assert len(places) == len(wanted)
    assert all(later - earlier >= room - 1e-6 for earlier, later in pairwise(places))
    assert all(-1e-6 <= place <= 300 + 1e-6 for place in places)


def test_spread_leaves_alone_what_is_apart() -> None:
    assert spread([10, 40, 90], gap=15, low=0, high=100) == [10, 40, 90]


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(1, 80)), max_size=12))
def test_tiers_keep_labels_apart(found: list[tuple[float, float]]) -> None:
    extents = sorted((start, start + width) for start, width in found)

    tiers = tiered(extents, gap=5)

    for (one, a), (other, b) in combinations(zip(extents, tiers, strict=True), 2):
        assert a != b or one[1] + 5 <= other[0]


@given(st.floats(0.01, 4_000_000), st.floats(40, 90))
def test_ticks_have_room_for_their_labels(seconds: float, room: float) -> None:
    axis = axis_over(at(0), at(seconds), left=100, right=700)

    for ticks in (axis.by_the_clock(UTC, room=room), axis.since(at(seconds / 3), room=room)):
        assert len(ticks) <= 600 / room + 2
        assert all(b.x - a.x >= room - 0.01 for a, b in pairwise(ticks))
        assert all(100 <= tick.x <= 700 for tick in ticks)


def test_time_without_extent_still_has_an_axis() -> None:
    axis = axis_over(at(0), at(0), left=0, right=100)

    assert axis.end - axis.start > timedelta(seconds=30)


@given(st.text(max_size=60), st.floats(20, 200))
def test_cut_text_fits(text: str, width: float) -> None:
    assert width_of(cut(text, 12, width), 12) <= width or cut(text, 12, width) == "…"


def test_long_title_takes_no_more_lines_than_it_may() -> None:
    lines = wrapped("Network latency between payment and its bank on Tuesdays", 14, 160, lines=2)

    assert lines[0] == "Network latency"
    assert lines[1].endswith("…")
    assert len(lines) == 2
