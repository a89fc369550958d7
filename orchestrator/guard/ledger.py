"""What the run has written so far, as the verdicts count it.

It is read from the journal when the guard starts and follows every write; the journal stays
the truth, and undo reads that.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from orchestrator.domain.net_effect import NetEffect, marks_of, net_effect
from orchestrator.domain.undo import UndoRecord, UndoState, Verb


@dataclass(slots=True)
class _Sums:
    """What counts of the records so far; each only adds to it."""

    touched: set[str] = field(default_factory=set)
    lost: dict[str, set[str]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    marks: set[str] = field(default_factory=set)

    def add(self, record: UndoRecord) -> None:
        self.touched.update((record.ref.key, *record.lost))
        for workload, portion in (record.workloads or {}).items():
            self.lost.setdefault(workload, set()).update(portion.lost)
            self.sizes.setdefault(workload, portion.size)
        if record.verb is Verb.CREATE:
            self.marks.update(marks_of(record.after))


class Ledger:
    """The records of one run, in the order written."""

    def __init__(self, records: Iterable[UndoRecord] = ()) -> None:
        self._records: dict[int, UndoRecord] = {}
        self._of_path: dict[str, dict[int, UndoRecord]] = defaultdict(dict)
        self._sums = _Sums()
        for record in records:
            self.note(record)

    def note(self, record: UndoRecord) -> None:
        """Take note of a record as it stands now."""
        before = self._records.get(record.seq)
        self._records[record.seq] = record
        self._of_path[record.ref.path][record.seq] = record
        if before is None or (_counts(before) and _counts(record)):
            self._count(record)
        else:
            self._count_anew()

    def _count(self, record: UndoRecord) -> None:
        if _counts(record):
            self._sums.add(record)

    def _count_anew(self) -> None:
        self._sums = _Sums()
        for record in self.records:
            self._count(record)

    @property
    def records(self) -> Sequence[UndoRecord]:
        """All records, in the order written."""
        return _in_order(self._records)

    @property
    def marks(self) -> Set[str]:
        """The marks of everything made so far, which a controller may hand on to what it makes."""
        return self._sums.marks

    @property
    def touched(self) -> Set[str]:
        """The keys of everything touched so far."""
        return self._sums.touched

    @property
    def lost(self) -> Mapping[str, Set[str]]:
        """For each workload, the keys of the pods taken away so far; for nodes, of the nodes."""
        return self._sums.lost

    def size(self, workload: str) -> int | None:
        """How many pods the workload had when it was first touched; None when it was not yet."""
        return self._sums.sizes.get(workload)

    def effect(self, path: str) -> NetEffect | None:
        """What the run did to the object at that path; None when it did nothing to it.

        What was put back already counts as well: a rollback may come after the undo.
        """
        records = [each for each in _in_order(self._of_path.get(path, {})) if each.was_made]
        return net_effect(records) if records else None


def _counts(record: UndoRecord) -> bool:
    """Whether the write was made, or may have been."""
    return record.state is not UndoState.UNDONE


def _in_order(records: Mapping[int, UndoRecord]) -> list[UndoRecord]:
    return [records[seq] for seq in sorted(records)]
