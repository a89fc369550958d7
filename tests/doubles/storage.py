"""The `Storage` and `UndoJournal` ports in memory.

They await where the real ones do, before and after each transaction, so that another task may
come in between; inside a transaction nothing does, and a cancellation waits for its end. A
reference to what is not there is an impossible world, as it is to a database.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import anyio
import anyio.lowlevel

from orchestrator.domain.cluster_identity import may_be_same
from orchestrator.domain.day import ChaosDay, DayState
from orchestrator.domain.day_budget import DayBudget, Reservation
from orchestrator.domain.errors import (
    BudgetExhausted,
    Conflict,
    DatabaseUnavailable,
    DayHalted,
    HeldByAnotherRun,
    LeaseLost,
    NoSuchDay,
    NoSuchPreview,
    NoSuchRun,
    RunStopped,
)
from orchestrator.domain.halt import Halt
from orchestrator.domain.hypothesis import Sample
from orchestrator.domain.identity import (
    DayId,
    EntryId,
    IncidentId,
    PreviewId,
    RunId,
    TokenId,
    WorkerId,
)
from orchestrator.domain.incident import Incident, RunLink
from orchestrator.domain.preview import Preview
from orchestrator.domain.run import Phase, Run
from orchestrator.domain.timeline import TimelineEntry
from orchestrator.domain.undo import UndoRecord, UndoState, Verb
from orchestrator.ports import Held, Token

_UNFINISHED = {Phase.INJECTING, Phase.HOLDING, Phase.ROLLING_BACK, Phase.VERIFYING}
_STOPPABLE = {Phase.ARMED, Phase.INJECTING, Phase.HOLDING}
HANG = 2.0
"""Seconds after which a transaction that hangs is given up."""
_HALTED = "halted by "


class ImpossibleWorld(AssertionError):
    """Something was asked for that cannot be in the real world."""


class Story(Protocol):
    """What happened, in order."""

    def tell(self, part: str) -> None: ...


@dataclass(slots=True)
class _Row:
    """A run with its lease and its flag."""

    run: Run
    holder: WorkerId | None = None
    held_until: float | None = None
    stop: str | None = None

    def is_free(self) -> bool:
        return self.held_until is None or self.held_until < anyio.current_time()


@dataclass(slots=True)
class _Day:
    """A day with what belongs to it."""

    day: ChaosDay
    entries: list[TimelineEntry] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    halts: list[Halt] = field(default_factory=list)
    last_incident: int = 0


class MemoryStorage:
    """Everything that is remembered, for as long as the test lasts.

    `story` is told of every phase that a run moves to. `outages` says for each call how often
    it will find no database, `bugs` how often it will raise what nobody foresaw; `hanging` names
    calls that hang until they are resumed, or for `HANG` seconds.
    """

    def __init__(self) -> None:
        self.story: Story | None = None
        self.outages: dict[str, int] = {}
        self.hanging: set[str] = set()
        self.bugs: dict[str, int] = {}
        self._days: dict[DayId, _Day] = {}
        self._rows: dict[RunId, _Row] = {}
        self._links: list[RunLink] = []
        self._samples: list[Sample] = []
        self._parts: dict[RunId, Reservation] = {}
        self._previews: dict[PreviewId, Preview] = {}
        self.touched_by: Callable[[RunId], frozenset[str]] = lambda _: frozenset()
        self.goes_on: Callable[[RunId], bool] = lambda _: False
        self.is_left_over: Callable[[Run], bool] = lambda _: False
        self._tokens: dict[TokenId, tuple[Token, str]] = {}
        self._entry_ids: set[EntryId] = set()
        self._news = anyio.Event()
        self._resumed = anyio.Event()
        self._lost: dict[RunId, anyio.Event] = defaultdict(anyio.Event)

    def resume(self, call: str) -> None:
        """Let calls that hang go on."""
        self.hanging.discard(call)
        resumed, self._resumed = self._resumed, anyio.Event()
        resumed.set()

    async def until_lost(self, run: RunId) -> None:
        """Wait until a holder was told that it holds a run no more."""
        await self._lost[run].wait()

    @asynccontextmanager
    async def _transaction(self, call: str) -> AsyncIterator[None]:
        # Shielded and bounded, as the real one is: a transaction is not cut in two.
        with anyio.move_on_after(HANG, shield=True) as patience:
            await anyio.lowlevel.checkpoint()
            while call in self.hanging:
                await self._resumed.wait()
        if patience.cancelled_caught or self.outages.get(call, 0):
            self.outages[call] = max(self.outages.get(call, 0) - 1, 0)
            raise DatabaseUnavailable(database="memory", problem="it is out")
        if self.bugs.get(call, 0):
            self.bugs[call] -= 1
            raise RuntimeError("nobody foresaw this")
        yield
        news, self._news = self._news, anyio.Event()
        news.set()
        with anyio.CancelScope(shield=True):
            await anyio.lowlevel.checkpoint()

    # Days

    async def add_day(
        self, day: ChaosDay, runs: Sequence[Run], entries: Sequence[TimelineEntry]
    ) -> None:
        async with self._transaction("add_day"):
            if day.id in self._days:
                raise ImpossibleWorld(f"a second day {day.id}")
            self._days[day.id] = _Day(day)
            self._rows |= {run.id: _Row(run) for run in runs}
            self._append(entries)

    async def day(self, day: DayId) -> ChaosDay:
        async with self._transaction("day"):
            return self._known(day).day

    def _known(self, day: DayId) -> _Day:
        if day not in self._days:
            raise NoSuchDay(day=day)
        return self._days[day]

    async def days(self) -> Sequence[ChaosDay]:
        async with self._transaction("days"):
            kept = [kept.day for kept in self._days.values()]
            return sorted(kept, key=lambda day: day.created_at, reverse=True)

    async def save_day(
        self, day: ChaosDay, *, was: ChaosDay, entries: Sequence[TimelineEntry]
    ) -> None:
        async with self._transaction("save_day"):
            self._still(was).day = day
            self._append(entries)

    async def open_day(
        self,
        day: ChaosDay,
        *,
        was: ChaosDay,
        runs: Sequence[tuple[Run, Run]],
        entries: Sequence[TimelineEntry],
    ) -> None:
        async with self._transaction("open_day"):
            kept = self._still(was)
            for _, before in runs:
                self._as_it_was(before)
            for run, before in runs:
                self._set(run, before)
            kept.day = day
            self._append(entries)

    def _still(self, was: ChaosDay) -> _Day:
        kept = self._days.get(was.id)
        if kept is None or kept.day.state != was.state:
            raise Conflict(f"day {was.id} is no longer {was.state}; read it again")
        return kept

    # Runs

    async def run(self, run: RunId) -> Run:
        async with self._transaction("run"):
            return self._row(run).run

    def _row(self, run: RunId) -> _Row:
        if run not in self._rows:
            raise NoSuchRun(run=run)
        return self._rows[run]

    async def runs(self, day: DayId) -> Sequence[Run]:
        async with self._transaction("runs"):
            return [row.run for row in self._rows.values() if row.run.day == day]

    async def move(self, run: Run, *, was: Run, entries: Sequence[TimelineEntry]) -> None:
        async with self._transaction("move"):
            halt = self._halt(run.day)
            if run.phase is Phase.INJECTING and halt is not None:
                raise DayHalted(day=run.day, reason=halt.reason)
            self._set(run, was)
            self._append(entries)

    def _set(self, run: Run, was: Run) -> None:
        self._as_it_was(was).run = run
        if self.story is not None:
            self.story.tell(f"-> {run.phase}")

    def _as_it_was(self, was: Run) -> _Row:
        row = self._row(was.id)
        if row.run.fence != was.fence:
            raise LeaseLost(run=was.id)
        if row.run.phase != was.phase:
            raise Conflict(f"run {was.id} is {row.run.phase}, no longer {was.phase}")
        return row

    async def claim(
        self, *, worker: WorkerId, now: datetime, lease: timedelta, day: DayId | None = None
    ) -> Run | None:
        async with self._transaction("claim"):
            rows = sorted(self._rows.values(), key=lambda row: row.run.planned_at)
            abandoned = [row for row in rows if row.run.phase in _UNFINISHED and row.is_free()]
            due = [row for row in rows if self._is_due(row, now, day)]
            for row in abandoned + due:
                return self._take(row, worker, lease)
            return None

    def _is_due(self, row: _Row, now: datetime, day: DayId | None) -> bool:
        run = row.run
        return (
            run.phase is Phase.ARMED
            and run.planned_at <= now
            and row.is_free()
            and day in {None, run.day}
            and self._may_start(run.day)
        )

    def _may_start(self, day: DayId) -> bool:
        return self._halt(day) is None and self._days[day].day.state is DayState.OPEN

    def _take(self, row: _Row, worker: WorkerId, lease: timedelta) -> Run:
        row.run = replace(row.run, fence=row.run.fence + 1)
        row.holder, row.held_until = worker, anyio.current_time() + lease.total_seconds()
        return row.run

    async def take(self, run: Run, *, worker: WorkerId, lease: timedelta) -> Run:
        async with self._transaction("take"):
            row = self._rows.get(run.id)
            if row is None or not row.is_free():
                raise Conflict(f"run {run.id} is held by another conductor, which restores it")
            return self._take(row, worker, lease)

    def may_hold_fault(self, run: RunId) -> bool:
        """Whether something of a run may be in the cluster."""
        return run in self._rows and self._rows[run].run.phase.may_hold_fault

    def is_fenced(self, run: RunId, fence: int) -> bool:
        """Whether the fence of a run is that one; a run that is not there has none."""
        return run in self._rows and self._rows[run].run.fence == fence

    def is_held(self, run: RunId, *, fence: int, grace: timedelta) -> bool:
        """Whether the holder with that fence still holds a run, or did until so shortly ago."""
        if not self.is_fenced(run, fence):
            return False
        until = self._rows[run].held_until
        return until is None or until >= anyio.current_time() - grace.total_seconds()

    def is_free(self, run: RunId) -> bool:
        """Whether nobody holds a run at this moment."""
        return self._row(run).is_free()

    def forget_box(self, run: RunId) -> None:
        """Have a run that its day's plan knows nothing of, which is nobody's doing but a bug's."""
        row = self._row(run)
        row.run = replace(row.run, box="nowhere")

    def steal(self, run: RunId) -> None:
        """Give a run to another holder at once, as when the lease was over unnoticed."""
        self._take(self._row(run), WorkerId("thief"), timedelta(minutes=10))

    async def renew(self, run: Run, *, worker: WorkerId, lease: timedelta) -> Held:
        async with self._transaction("renew"):
            row = self._held(run, worker)
            if row is None:
                self._lost[run.id].set()
                raise LeaseLost(run=run.id)
            row.held_until = anyio.current_time() + lease.total_seconds()
            return Held(stop=row.stop)

    def _held(self, run: Run, worker: WorkerId) -> _Row | None:
        row = self._rows.get(run.id)
        if row and row.run.fence == run.fence and row.holder == worker:
            return row
        return None

    async def release(self, run: Run, *, worker: WorkerId) -> None:
        async with self._transaction("release"):
            row = self._held(run, worker)
            if row is not None:
                row.holder = row.held_until = None

    async def request_stop(self, run: RunId, *, reason: str) -> None:
        async with self._transaction("request_stop"):
            row = self._row(run)
            if row.stop is None or row.stop.startswith(_HALTED):
                row.stop = reason

    async def stops(self, runs: Collection[RunId]) -> Mapping[RunId, str]:
        async with self._transaction("stops"):
            return {run: stop for run in runs if (stop := self.stop_of(run)) is not None}

    def stop_of(self, run: RunId) -> str | None:
        """Why a run is to stop, if it is."""
        return self._rows[run].stop if run in self._rows else None

    async def next_due(self, day: DayId | None = None) -> datetime | None:
        async with self._transaction("next_due"):
            due = [
                row.run.planned_at
                for row in self._rows.values()
                if row.run.phase is Phase.ARMED
                and row.is_free()
                and day in {None, row.run.day}
                and self._may_start(row.run.day)
            ]
            return min(due, default=None)

    async def unfinished(self) -> Sequence[Run]:
        async with self._transaction("unfinished"):
            runs = [row.run for row in self._rows.values() if row.run.phase in _UNFINISHED]
            return sorted(runs, key=lambda run: run.planned_at)

    # Halts

    async def engage(self, halt: Halt, entries: Sequence[TimelineEntry]) -> None:
        async with self._transaction("engage"):
            kept = self._known(halt.day)
            if self._halt(halt.day) is None:
                kept.halts.append(halt)
            for row in self._rows.values():
                if row.run.day == halt.day and row.run.phase in _STOPPABLE:
                    row.stop = row.stop or f"{_HALTED}{halt.by.name}: {halt.reason}"
            self._append(entries)

    async def writing(self, day: DayId) -> Sequence[RunId]:
        async with self._transaction("writing"):
            return [
                run
                for run, row in self._rows.items()
                if row.run.day == day and self._is_writing(row)
            ]

    def _is_writing(self, row: _Row) -> bool:
        if row.run.phase is Phase.ROLLING_BACK:
            return self.is_left_over(row.run)
        in_method = row.run.phase in {Phase.INJECTING, Phase.HOLDING}
        return in_method and (row.stop is None or self.goes_on(row.run.id))

    async def release_halt(self, halt: Halt, entries: Sequence[TimelineEntry]) -> None:
        async with self._transaction("release_halt"):
            if self._halt(halt.day) is None:
                raise Conflict(f"day {halt.day} is not halted")
            self._days[halt.day].halts[-1] = halt
            for row in self._rows.values():
                waiting = row.run.phase in {Phase.PLANNED, Phase.ARMED}
                if row.run.day == halt.day and waiting and (row.stop or "").startswith(_HALTED):
                    row.stop = None
            self._append(entries)

    async def halt(self, day: DayId) -> Halt | None:
        async with self._transaction("halt"):
            return self._halt(day)

    def _halt(self, day: DayId) -> Halt | None:
        halts = self._days[day].halts if day in self._days else []
        return halts[-1] if halts and halts[-1].is_engaged else None

    async def halts(self) -> Sequence[Halt]:
        async with self._transaction("halts"):
            opened = [day for day, kept in self._days.items() if kept.day.state is DayState.OPEN]
            found = [halt for day in opened if (halt := self._halt(day)) is not None]
            return sorted(found, key=lambda halt: halt.engaged_at)

    # Budget and previews

    async def reserve(self, run: Run, reservation: Reservation, *, budget: DayBudget) -> None:
        async with self._transaction("reserve"):
            if self._row(run.id).run.fence != run.fence:
                raise LeaseLost(run=run.id)
            if problem := budget.overdrawn(self._held_parts(run.day), reservation):
                raise BudgetExhausted(run=run.id, problem=problem)
            self._parts[run.id] = reservation

    async def reservations(self, day: DayId) -> Sequence[Reservation]:
        async with self._transaction("reservations"):
            return self._held_parts(day)

    def _held_parts(self, day: DayId) -> list[Reservation]:
        over = {Phase.CONCLUDED, Phase.CANCELLED}
        rows = [self._rows[run] for run in sorted(self._parts)]
        return [
            replace(part, targets=part.targets | self.touched_by(part.run))
            for row in rows
            if row.run.day == day and row.run.phase not in over
            for part in (self._parts[row.run.id],)
        ]

    async def add_preview(self, preview: Preview) -> None:
        async with self._transaction("add_preview"):
            if preview.id in self._previews:
                raise ImpossibleWorld(f"a second preview {preview.id}")
            self._previews[preview.id] = preview

    async def preview(self, preview: PreviewId) -> Preview:
        async with self._transaction("preview"):
            return self._known_preview(preview)

    def _known_preview(self, preview: PreviewId) -> Preview:
        if preview not in self._previews:
            raise NoSuchPreview(preview=preview)
        return self._previews[preview]

    async def approve(
        self,
        preview: PreviewId,
        *,
        by: str,
        at: datetime,
        entries: Sequence[TimelineEntry] = (),
    ) -> None:
        async with self._transaction("approve"):
            known = self._known_preview(preview)
            if known.approved_at is None:
                self._previews[preview] = replace(known, approved_by=by, approved_at=at)
                self._append(entries)

    async def approved(self, subject: str) -> Preview | None:
        async with self._transaction("approved"):
            found = [
                (each.approved_at, each.made_at, each)
                for each in self._previews.values()
                if each.subject == subject and each.approved_at is not None
            ]
            return max(found, key=lambda each: each[:2])[2] if found else None

    # Timeline

    def _append(self, entries: Sequence[TimelineEntry]) -> list[TimelineEntry]:
        numbered: list[TimelineEntry] = []
        for entry in entries:
            self._known(entry.day)
            if entry.id in self._entry_ids:
                raise ImpossibleWorld(f"a second entry {entry.id}")
        for entry in entries:
            kept = self._known(entry.day).entries
            numbered.append(replace(entry, seq=len(kept) + 1))
            kept.append(numbered[-1])
            self._entry_ids.add(entry.id)
        return numbered

    async def append(self, entries: Sequence[TimelineEntry]) -> Sequence[TimelineEntry]:
        async with self._transaction("append"):
            return self._append(entries)

    async def timeline(
        self, day: DayId, *, after: int = 0, limit: int | None = None
    ) -> Sequence[TimelineEntry]:
        async with self._transaction("timeline"):
            entries = self._days[day].entries if day in self._days else []
            return entries[after:][:limit]

    async def changed(self, day: DayId, *, after: int, patience: timedelta) -> bool:
        with anyio.move_on_after(patience.total_seconds()):
            while True:
                news = self._news
                await anyio.lowlevel.checkpoint()
                if day in self._days and len(self._days[day].entries) > after:
                    return True
                await news.wait()
        return False

    # Incidents

    async def add_incident(
        self, incident: Incident, links: Sequence[RunLink], entries: Sequence[TimelineEntry]
    ) -> Incident:
        async with self._transaction("add_incident"):
            kept = self._known(incident.day)
            if not incident.is_shadow:
                kept.last_incident += 1
                incident = replace(incident, key=f"INC-{kept.last_incident}")
            if any(other.key == incident.key for other in kept.incidents):
                raise ImpossibleWorld(f"a second incident {incident.key}")
            kept.incidents.append(incident)
            self._links += links
            self._append(entries)
            return incident

    async def incidents(self, day: DayId) -> Sequence[Incident]:
        async with self._transaction("incidents"):
            kept = self._days[day].incidents if day in self._days else []
            return sorted(kept, key=lambda incident: incident.recorded_at)

    async def save_incident(
        self, incident: Incident, *, was: Incident, entries: Sequence[TimelineEntry]
    ) -> None:
        async with self._transaction("save_incident"):
            kept = self._known(incident.day).incidents
            for index, other in enumerate(kept):
                if other.id == incident.id and other.status == was.status:
                    kept[index] = incident
                    self._append(entries)
                    return
            raise Conflict(f"{incident.key} is no longer {was.status}; read it again")

    async def link(self, link: RunLink, entries: Sequence[TimelineEntry]) -> None:
        async with self._transaction("link"):
            if not self._is_known(link.incident) or link.run not in self._rows:
                raise ImpossibleWorld(f"a link to what is not there: {link}")
            if any((o.run, o.incident) == (link.run, link.incident) for o in self._links):
                return
            self._links.append(link)
            self._append(entries)

    def _is_known(self, incident: IncidentId) -> bool:
        return any(o.id == incident for kept in self._days.values() for o in kept.incidents)

    async def links(self, day: DayId) -> Sequence[RunLink]:
        async with self._transaction("links"):
            return [link for link in self._links if self._rows[link.run].run.day == day]

    # Samples

    async def add_samples(self, samples: Sequence[Sample]) -> None:
        async with self._transaction("add_samples"):
            if unknown := [sample.run for sample in samples if sample.run not in self._rows]:
                raise ImpossibleWorld(f"samples of runs that are not there: {unknown}")
            self._samples += samples

    async def samples(self, run: RunId) -> Sequence[Sample]:
        async with self._transaction("samples"):
            mine = [sample for sample in self._samples if sample.run == run]
            return sorted(mine, key=lambda sample: sample.at)

    # Tokens

    async def add_token(self, token: Token, *, secret_hash: str) -> None:
        async with self._transaction("add_token"):
            if token.id in self._tokens:
                raise ImpossibleWorld(f"a second token {token.id}")
            self._tokens[token.id] = (token, secret_hash)

    async def token(self, *, token: TokenId) -> tuple[Token, str] | None:
        async with self._transaction("token"):
            return self._tokens.get(token)


class MemoryUndoJournal:
    """What each run changed, for as long as the test lasts; it knows who holds a run."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage
        self._records: dict[RunId, list[UndoRecord]] = defaultdict(list)
        self._baselines: dict[RunId, Mapping[str, Any]] = {}
        storage.touched_by = self._touched_by
        storage.goes_on = self._goes_on
        storage.is_left_over = self._is_left_over

    def _touched_by(self, run: RunId) -> frozenset[str]:
        counted = [each for each in self._records[run] if each.state is not UndoState.UNDONE]
        return frozenset(key for each in counted for key in (each.ref.key, *each.lost))

    def _goes_on(self, run: RunId) -> bool:
        def is_open(each: UndoRecord) -> bool:
            is_command = each.verb is Verb.EXEC and each.state is UndoState.DONE
            return is_command or each.state is UndoState.INTENT

        return any(is_open(each) for each in self._records[run])

    def _is_left_over(self, run: Run) -> bool:
        since = run.rolled_back_at
        return any(
            each.state is UndoState.INTENT and since is not None and each.at <= since
            for each in self._records[run.id]
        )

    async def is_stopped(self, run: RunId) -> bool:
        await anyio.lowlevel.checkpoint()
        return self._storage.stop_of(run) is not None

    async def is_free(self, run: RunId) -> bool:
        await anyio.lowlevel.checkpoint()
        return self._storage.is_free(run)

    async def is_held(self, run: RunId, *, fence: int, grace: timedelta) -> bool:
        await anyio.lowlevel.checkpoint()
        return self._storage.is_held(run, fence=fence, grace=grace)

    async def intend(self, record: UndoRecord, *, fence: int, of_method: bool = True) -> UndoRecord:
        await anyio.lowlevel.checkpoint()
        if not self._storage.is_fenced(record.run, fence):
            raise LeaseLost(run=record.run)
        if of_method and (stop := self._storage.stop_of(record.run)) is not None:
            raise RunStopped(run=record.run, reason=stop)
        if (other := self._other_on(record)) is not None:
            raise HeldByAnotherRun(run=record.run, other=other, target=record.ref.key)
        kept = self._records[record.run]
        kept.append(replace(record, seq=len(kept) + 1))
        numbered = kept[-1]
        await anyio.lowlevel.checkpoint()
        return numbered

    def _other_on(self, record: UndoRecord) -> RunId | None:
        """A run that may hold a fault in the same object of the same cluster."""
        mine = self._baselines.get(record.run)
        for run in sorted(self._records):
            open_paths = {
                each.ref.path for each in self._records[run] if each.state is not UndoState.UNDONE
            }
            if (
                run != record.run
                and record.ref.path in open_paths
                and self._storage.may_hold_fault(run)
                and may_be_same(mine, self._baselines.get(run))
            ):
                return run
        return None

    async def settle(self, record: UndoRecord) -> None:
        await anyio.lowlevel.checkpoint()
        kept = self._records[record.run]
        if not 1 <= record.seq <= len(kept):
            raise ImpossibleWorld(f"settled what was never intended: {record.seq}")
        kept[record.seq - 1] = record
        await anyio.lowlevel.checkpoint()

    async def records(self, run: RunId) -> Sequence[UndoRecord]:
        await anyio.lowlevel.checkpoint()
        return list(self._records[run])

    async def keep_baseline(self, run: RunId, baseline: Mapping[str, Any]) -> None:
        await anyio.lowlevel.checkpoint()
        self._baselines.setdefault(run, dict(baseline))
        await anyio.lowlevel.checkpoint()

    async def baseline(self, run: RunId) -> Mapping[str, Any] | None:
        await anyio.lowlevel.checkpoint()
        return self._baselines.get(run)
