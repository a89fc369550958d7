"""The debrief in Markdown, for wikis and repositories.

It draws nothing; each number carries a footnote that says how it is computed.
"""

from collections.abc import Iterable

from orchestrator.domain.timeline import TimelineEntry
from reports.debrief import Debrief, HaltReview
from reports.facts import facts_of
from reports.markdown_run import run_lines
from reports.matrix import Cell, matrix_of
from reports.pen import Pen, footnote, footnotes, plain, table
from reports.response import Milestone
from reports.review import RunReview
from reports.rules import LIMITS, OUTCOME
from reports.words import listed, outcome_words, writable


def debrief_markdown(debrief: Debrief) -> str:
    """The whole debrief as one document."""
    pen = Pen(zone=debrief.zone, people=debrief.day.plan.people)
    parts = (
        _front(debrief, pen),
        _outcomes(debrief, pen),
        _overview(debrief, pen),
        *(run_lines(place, run, pen) for place, run in enumerate(debrief.runs, start=1)),
        _incidents(debrief, pen),
        _timeline(debrief, pen),
        _method(debrief, pen),
    )
    return writable("\n".join(line for part in parts for line in part) + "\n")


def _front(debrief: Debrief, pen: Pen) -> Iterable[str]:
    day = debrief.day
    yield from (f"# {plain(day.plan.name)}", "")
    opened = pen.stamp(day.opened_at or day.plan.window.opens_at)
    yield f"{opened} ({plain(day.plan.window.zone)}), {day.plan.environment} environment."
    yield from ("", "**Exercise.** Every fault was injected on purpose and removed again,")
    yield from ("unless it says otherwise.", "")
    if debrief.is_scripted:
        yield "**Scripted people.** People of this day were played by a script; their entries"
        yield "say so. Their times tell how the script was written, and nothing of a team."
        yield ""
    if not day.revealed_at:
        yield from ("**Not revealed yet.** This holds what responders may not see.", "")
    yield from ("## What we now know", "")
    yield from (f"- {plain(fact)}" for fact in facts_of(debrief))
    yield ""


def _outcomes(debrief: Debrief, pen: Pen) -> Iterable[str]:
    matrix = matrix_of(debrief)
    yield from ("## Outcomes", "")
    yield from table(
        [footnote(OUTCOME), "people noticed while it was active", "nobody recorded noticing it"],
        [
            ["**steady state lost**", *map(_cell, matrix.lost)],
            ["**steady state held**", *map(_cell, matrix.held)],
        ],
    )
    yield from (f"- {_cell(cell)}: {cell.words.sentence}" for cell in matrix.outside)
    yield from (f"- Halted at {_halt(halt, pen)}" for halt in debrief.halts)
    yield ""


def _cell(cell: Cell) -> str:
    titles = plain(listed([run.run.title for run in cell.runs])) if cell.runs else ""
    return f"{cell.words.name}: {len(cell.runs)}" + (f" ({titles})" if titles else "")


def _halt(halt: HaltReview, pen: Pen) -> str:
    released = f", released at {pen.clock(halt.released.occurred_at)}" if halt.released else ""
    return f"{pen.clock(halt.halted.occurred_at)}: {plain(halt.reason)}{released}"


def _overview(debrief: Debrief, pen: Pen) -> Iterable[str]:
    yield from ("## The day in numbers", "")
    yield "Times run from the start of the fault; “> 0:12” reads: not within 0:12, the fault"
    yield from ("ended then.", "")
    head = ["run", "outcome", "fault began", "active", *Milestone, "restoration"]
    yield from table(head, [_line(run, pen) for run in debrief.runs])


def _line(run: RunReview, pen: Pen) -> list[str]:
    name = [plain(run.run.title), outcome_words(run.outcome).name]
    if run.window is None:
        return [*name, "nothing was injected", *[""] * (len(Milestone) + 2)]
    times = [pen.brief(run.response.times[each]) for each in Milestone]
    window = [pen.figure(run.window.began), pen.figure(run.window.lasted)]
    return [*name, *window, *times, run.restoration.restored]


def _incidents(debrief: Debrief, pen: Pen) -> Iterable[str]:
    titles = {run.run.id: run.run.title for run in debrief.runs}
    yield from ("## Incidents", "")
    rows = [
        [
            plain(f"{each.incident.key} {each.incident.title}"),
            pen.stamp(each.incident.opened_at),
            plain(each.opener(debrief.day.plan.people)),
            each.incident.status,
            plain(", ".join(titles[link.run] for link in each.links)) or "found, not injected",
        ]
        for each in debrief.incidents
    ]
    if not rows:
        yield from ("No incident was declared.", "")
        return
    yield from table(["incident", "opened", "by", "came to", "run"], rows)


def _timeline(debrief: Debrief, pen: Pen) -> Iterable[str]:
    titles = {run.run.id: run.run.title for run in debrief.runs}

    def line(entry: TimelineEntry) -> list[str]:
        return [
            str(entry.seq),
            pen.stamp(entry.occurred_at),
            pen.stamp(entry.recorded_at),
            entry.kind.replace("_", " "),
            pen.words(entry),
            plain(titles.get(entry.run, "")) if entry.run else "",
            pen.seat(entry.actor),
            plain(entry.source),
        ]

    yield from ("## Timeline", "", f"Times in {plain(debrief.day.plan.window.zone)}.", "")
    head = ["no.", "occurred", "recorded", "kind", "what", "run", "who", "source"]
    yield from table(head, map(line, debrief.entries))


def _method(debrief: Debrief, pen: Pen) -> Iterable[str]:
    yield from ("## How the numbers are computed", "")
    yield from (f"- {limit}" for limit in LIMITS)
    yield ""
    yield from footnotes()
    written, version = pen.stamp(debrief.generated_at), plain(debrief.version)
    yield from ("", "---", "", f"Written {written} by chaosday {version}; data up to")
    if debrief.entries:
        last = debrief.entries[-1]
        yield f"entry {last.seq}, recorded {pen.stamp(last.recorded_at)}."
    else:
        yield "nothing: the timeline holds no entry."
