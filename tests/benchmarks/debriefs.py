"""A debrief of a large day, against only turning its record into JSON."""

import time
from datetime import timedelta

import msgspec

from orchestrator.domain.identity import EntryId, RunId
from orchestrator.domain.record import DayRecord
from reports.debrief import debrief_of
from reports.html import debrief_html
from tests.benchmarks.rows import Row
from tests.builders import a_concluded_run, a_day, a_sample, a_word, at

RUNS, ENTRIES, SAMPLES = 8, 2000, 50_000


def _record() -> DayRecord:
    runs = [a_concluded_run(id=RunId(f"run-{i}")) for i in range(RUNS)]
    entries = [
        a_word(id=EntryId(f"entry-{i}"), seq=i + 1, occurred_at=at(i % 60)) for i in range(ENTRIES)
    ]
    each = SAMPLES // RUNS
    samples = {
        run.id: [
            a_sample(run=run.id, at=at(0) + timedelta(seconds=45 * i / each), within=i % 7 != 0)
            for i in range(each)
        ]
        for run in runs
    }
    return DayRecord(
        day=a_day(), runs=runs, entries=entries, incidents=[], links=[], samples=samples
    )


def measure() -> list[Row]:
    record = _record()
    ours, bare = [], []
    for _ in range(5):
        begun = time.perf_counter()
        debrief_html(debrief_of(record, generated_at=at(600), version="bench"))
        ours.append((time.perf_counter() - begun) * 1000)
        begun = time.perf_counter()
        msgspec.json.encode(msgspec.to_builtins(record, enc_hook=str))
        bare.append((time.perf_counter() - begun) * 1000)
    return [
        Row(what=f"debrief as HTML: {RUNS} runs, {ENTRIES:,} entries, {SAMPLES:,} samples",
            ours=ours, beside="the record as JSON", theirs=bare, unit="ms", budget="500 ms")
    ]  # fmt: skip
