"""One run of the debrief in Markdown.

It draws nothing and computes nothing.
"""

from collections.abc import Iterable, Sequence

from reports.pen import Pen, footnote, plain, table
from reports.review import RunReview
from reports.rules import BELONGS, EXPECTATION, RESTORATION
from reports.steady import ProbeReview
from reports.window import FaultWindow
from reports.words import FINDINGS, INJECTIONS, UNKNOWN, lasting, listed, outcome_words


def run_lines(place: int, run: RunReview, pen: Pen) -> Iterable[str]:
    """Everything on one run. Shape: place counts runs from 1."""
    yield from (f"## Run {place}: {plain(run.run.title)}", "")
    words = outcome_words(run.outcome)
    yield f"**{words.name}**: {words.sentence}."
    if run.run.finding:
        reason = f" ({plain(run.run.why)})" if run.run.why else ""
        yield f"Finding: {FINDINGS[run.run.finding]}{reason}."
    yield ""
    if run.window:
        yield from _fault(run, run.window, pen)
        yield from _steady(run.probes, pen)
        yield from _response(run, pen)
    yield from _expectations(run, pen)
    yield from _mechanics(run, pen)


def _fault(run: RunReview, window: FaultWindow, pen: Pen) -> Iterable[str]:
    proof = INJECTIONS[run.proof.injection] if run.proof.injection else UNKNOWN
    after = f", after {pen.figure(run.proof.after)}" if run.proof.after.is_known else ""
    evidence = f": {plain(run.proof.evidence)}" if run.proof.evidence else ""
    note = f" ({window.ended.note})" if window.ended.note and window.ended.is_known else ""
    yield f"- Injected: {plain(listed(run.actions) if run.actions else 'an unnamed action')}"
    yield f"- Fault began: {pen.figure(window.began)}"
    yield f"- Fault ended: {pen.figure(window.ended)}{note}"
    yield f"- Active for: {pen.figure(window.lasted)}"
    yield f"- Proof of injection: {proof}{after}{evidence}"
    yield ""


def _steady(probes: Sequence[ProbeReview], pen: Pen) -> Iterable[str]:
    yield from ("### Steady state", "")
    if not probes:
        yield from ("The steady state was not measured: unknown.", "")
        return
    head = ["probe", "tolerance", "before", "while active", "after"]
    head += ["first lost", "restored", "longest out"]
    yield from table(head, [_probe(probe, pen) for probe in probes])


def _probe(probe: ProbeReview, pen: Pen) -> list[str]:
    figures = (probe.before, probe.during, probe.after)
    moments = (probe.first_lost, probe.restored, probe.longest_out)
    name = [plain(probe.probe), plain(probe.tolerance) or "not said"]
    return [*name, *map(pen.figure, (*figures, *moments))]


def _response(run: RunReview, pen: Pen) -> Iterable[str]:
    yield from ("### Who noticed what when", "")
    yield from (f"- {each}: {pen.figure(time)}" for each, time in run.response.times.items())
    yield ""
    if not run.response.marks:
        yield from ("No entry of a person belongs to this run.", "")
        return
    rows = [
        [
            lasting(mark.since),
            mark.entry.kind,
            pen.words(mark.entry),
            pen.seat(mark.entry.actor),
            mark.belongs + ("" if mark.counts else ", not counted"),
            f"\\#{mark.entry.seq}",
        ]
        for mark in run.response.marks
    ]
    head = ["from start", "kind", "words", "who", f"belongs{footnote(BELONGS)}", "entry"]
    yield from table(head, rows)


def _expectations(run: RunReview, pen: Pen) -> Iterable[str]:
    if not run.expectations:
        return
    yield from ("### Expectation and observation", "")
    rows = [
        [
            plain(each.what),
            lasting(each.within) if each.within is not None else "not said",
            pen.figure(each.observed) if each.observed else "no rule decides",
            each.verdict,
            "",
        ]
        for each in run.expectations
    ]
    verdict = f"came to{footnote(EXPECTATION)}"
    yield from table(["expected", "within", "observed", verdict, "what we now believe"], rows)


def _mechanics(run: RunReview, pen: Pen) -> Iterable[str]:
    restoration = run.restoration
    took = f", after {pen.figure(restoration.took)}" if restoration.took.is_known else ""
    yield from ("### Writes and restoration", "")
    yield f"- Writes to inject: {pen.figure(run.writes.injecting)}"
    yield f"- Writes to restore: {pen.figure(run.writes.restoring)}"
    yield f"- Refused by the guard: {pen.figure(run.writes.refused)}"
    yield f"- Restoration: {restoration.restored}{took or footnote(RESTORATION)}"
    yield from (f"- Kept, because others changed it: {plain(kept)}" for kept in restoration.kept)
    yield from (f"- **Not as before:** {plain(pending)}" for pending in restoration.pending)
    yield ""
