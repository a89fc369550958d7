"""What the run has written so far, as the verdicts count it.

It is read from the journal when the guard starts and follows every write; the journal stays
the truth, and undo reads that.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set

from orchestrator.domain.net_effect import NetEffect, marks_of, net_effect
from orchestrator.domain.undo import UndoRecord, UndoState, Verb


class Ledger:
    """The records of one run, in the order written."""

    def __init__(self, records: Iterable[UndoRecord] = ()) -> None:
        self._records = {record.seq: record for record in records}

    def note(self, record: UndoRecord) -> None:
        """Take note of a record as it stands now."""
        self._records[record.seq] = record

    @property
    def records(self) -> Sequence[UndoRecord]:
        """All records, in the order written."""
        return [self._records[seq] for seq in sorted(self._records)]

    @property
    def counted(self) -> Sequence[UndoRecord]:
        """The records of writes that were made or may have been."""
        return [each for each in self._records.values() if each.state is not UndoState.UNDONE]

    @property
    def marks(self) -> Set[str]:
        """The marks of everything made so far, which a controller may hand on to what it makes."""
        made = (each for each in self.counted if each.verb is Verb.CREATE)
        return {mark for each in made for mark in marks_of(each.after)}

    @property
    def touched(self) -> Set[str]:
        """The keys of everything touched so far."""
        return {key for each in self.counted for key in (each.ref.key, *each.lost)}

    @property
    def lost(self) -> Mapping[str, Set[str]]:
        """For each workload, the keys of the pods taken away so far; for nodes, of the nodes."""
        found: dict[str, set[str]] = defaultdict(set)
        for record in self.counted:
            for workload, portion in (record.workloads or {}).items():
                found[workload].update(portion.lost)
        return found

    def size(self, workload: str) -> int | None:
        """How many pods the workload had when it was first touched; None when it was not yet."""
        for record in self.counted:
            if portion := (record.workloads or {}).get(workload):
                return portion.size
        return None

    def effect(self, path: str) -> NetEffect | None:
        """What the run did to the object at that path; None when it did nothing to it.

        What was put back already counts as well: a rollback may come after the undo.
        """
        records = [each for each in self.records if each.was_made and each.ref.path == path]
        return net_effect(records) if records else None
