"""What a run changed, and how it is put back without touching what others changed.

    intent ──> done ──> undone | kept (others changed it) | left (nothing to do)
       └────────────────────^

It does not speak to the cluster: the guard carries out what is decided here.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

from orchestrator.domain.identity import RunId

Document: TypeAlias = Mapping[str, Any]
"""A Kubernetes object as JSON."""

Path: TypeAlias = tuple[str, ...]
"""Where a leaf field lies in an object."""


class Verb(StrEnum):
    """What was done to an object."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    EVICT = "evict"
    EXEC = "exec"
    """A command in a container, of which nothing can be put back."""


class UndoState(StrEnum):
    """How far one record of the journal is."""

    INTENT = "intent"
    DONE = "done"
    UNDONE = "undone"
    KEPT = "kept"
    """Somebody else changed it meanwhile, so theirs stays."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRef:
    """Which object, and the path by which the API server knows it."""

    path: str
    kind: str
    namespace: str
    name: str
    uid: str = ""

    @property
    def key(self) -> str:
        """Names the object for people."""
        return f"{self.kind}/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What one write took of one workload.

    Shape: lost holds the keys of the pods taken away or cut off; size is the number of pods
    when the workload was first touched.
    """

    size: int
    lost: tuple[str, ...] = ()
    staying: tuple[str, ...] = ()
    """Of nodes: the keys of the pods that go on running on the lost ones."""


IRREVERSIBLE: Final = "a command cannot be put back"
"""The note of a command that was run, which nothing but the run's rollbacks takes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRecord:
    """One write, with the object before and after.

    Shape: before is None for a create; after is None for a delete. Between intent and done,
    after is what a dry run promised.
    """

    run: RunId
    seq: int
    at: datetime
    verb: Verb
    ref: ObjectRef
    before: Document | None
    after: Document | None
    lost: tuple[str, ...] = ()
    """Keys of everything behind the write, counted against the blast radius."""
    workloads: Mapping[str, Portion] | None = None
    """For each workload behind the write, what it lost."""
    state: UndoState = UndoState.INTENT
    note: str = ""

    @property
    def was_made(self) -> bool:
        """Whether the write was made, or may have been, put back meanwhile or not.

        One that never was is undone from the start, and its note says why.
        """
        return self.state is not UndoState.UNDONE or self.note in {"", IRREVERSIBLE}


SERVER_FIELDS: Final[frozenset[Path]] = frozenset(
    {
        ("metadata", "resourceVersion"),
        ("metadata", "generation"),
        ("metadata", "managedFields"),
        ("metadata", "uid"),
        ("metadata", "creationTimestamp"),
        ("metadata", "annotations", "deployment.kubernetes.io/revision"),
        ("status",),
    }
)
"""What a server or a controller writes, which is never ours to restore."""

KEYED: Final[Mapping[Path, tuple[str, ...]]] = {("spec", "taints"): ("key", "effect")}
"""Lists that others write as well, entry by entry, with the fields that tell entries apart."""


class _Absent:
    """The value of a field that is not there."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent()


def changed_leaves(before: Document, after: Document) -> dict[Path, tuple[Any, Any]]:
    """The leaf fields that differ, each with its value before and after.

    Shape: lists are leaves, but for those in `KEYED`, whose entries are; a field that is
    absent on one side has `ABSENT` there, and a field that is null is as good as absent, as
    it is to an API server.
    """
    found: dict[Path, tuple[Any, Any]] = {}
    _compare(before, after, (), found)
    return found


def _compare(before: Any, after: Any, path: Path, found: dict[Path, tuple[Any, Any]]) -> None:
    before, after = _or_absent(before), _or_absent(after)
    if path in SERVER_FIELDS or before == after:
        return
    if path in KEYED:
        old, new = entries(before, path), entries(after, path)
        for key in sorted(old.keys() | new.keys()):
            pair = (_or_absent(old.get(key)), _or_absent(new.get(key)))
            if pair[0] != pair[1]:
                found[*path, key] = pair
        return
    if _has_leaves(before, after):
        old, new = _fields(before), _fields(after)
        for key in sorted(old.keys() | new.keys()):
            _compare(old.get(key), new.get(key), (*path, key), found)
        return
    found[path] = (before, after)


def entries(value: Any, path: Path) -> Mapping[str, Any]:
    """The entries of a list in `KEYED` by their keys."""
    names = KEYED[path]
    found = value if isinstance(value, list) else ()
    return {":".join(str(each.get(name, "")) for name in names): each for each in found}


def _has_leaves(before: Any, after: Any) -> bool:
    """Whether two values differ field by field, and not as a whole."""
    pair = (before, after)
    return all(value is ABSENT or isinstance(value, Mapping) for value in pair) and not any(
        value is ABSENT and not other for value, other in (pair, pair[::-1])
    )


def _fields(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _or_absent(value: Any) -> Any:
    return ABSENT if value is None else value


def value_at(document: Document, path: Path) -> Any:
    """The value of a leaf, or `ABSENT`; null is as good as absent."""
    here: Any = document
    for position, key in enumerate(path):
        if path[:position] in KEYED:
            here = entries(here, path[:position])
        if not isinstance(here, Mapping) or key not in here:
            return ABSENT
        here = here[key]
    return _or_absent(here)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field that is not as it was, and whose it is now."""

    object: str
    field: str
    before: str
    ours: str
    now: str

    def __str__(self) -> str:
        return f"{self.object} {self.field}: was {self.before}, we set {self.ours}, now {self.now}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """What to write to put one object back, and what stays because others changed it.

    Shape: patch is a JSON merge patch; empty when nothing of ours is left.
    """

    patch: Mapping[str, Any]
    kept: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What we did to one leaf field.

    Shape: ours holds every value that may be ours: more than one while it is unknown
    whether the last write was made.
    """

    was: Any
    ours: tuple[Any, ...]


def restoring(*, key: str, before: Document, after: Document, now: Document) -> Restoring:
    """Decide field by field what to put back, given the object as it is now.

    Only leaf fields that we changed and that still hold our value are put back.
    """
    leaves = changed_leaves(before, after)
    changes = {path: Change(was=was, ours=(ours,)) for path, (was, ours) in leaves.items()}
    return putting_back(key=key, changes=changes, added=added_maps(before, leaves), now=now)


def added_maps(before: Document, leaves: Mapping[Path, tuple[Any, Any]]) -> frozenset[Path]:
    """The maps that were not there before and came with the changed fields that they hold."""
    return frozenset(
        path[:end]
        for path, (was, ours) in leaves.items()
        if was is ABSENT and ours is not ABSENT
        for end in range(1, len(path) + (ours == {}))
        if value_at(before, path[:end]) is ABSENT
    )


def putting_back(
    *, key: str, changes: Mapping[Path, Change], added: Set[Path], now: Document
) -> Restoring:
    """As `restoring`, from what was done to each field and the maps that were added."""
    patch: dict[str, Any] = {}
    kept: list[Difference] = []
    for path, change in changes.items():
        current = value_at(now, path)
        if current == change.was:
            continue
        if current in change.ours:
            _put(patch, path, None if change.was is ABSENT else change.was)
            continue
        # Of a map that we added empty, what is in it now tells.
        if path not in added:
            kept.append(_difference(key, path, change, current))
    for path in added:
        if value_at(now, path) == {} and value_at(patch, path) is ABSENT:
            _put(patch, path, None)
    whole = _without_shells(_with_whole_lists(patch, now), now, added)
    return Restoring(patch=whole, kept=tuple(kept))


def _without_shells(
    patch: Mapping[str, Any], now: Document, added: Set[Path], path: Path = ()
) -> dict[str, Any]:
    """The patch with maps that we added taken away whole where it would leave them empty.

    An empty map is no absent one: a deployment that is not rolled out step by step may have no
    `rollingUpdate`, however empty. A map that was empty before, or holds others' fields, stays.
    """
    found: dict[str, Any] = {}
    for key, value in patch.items():
        inner, here = now.get(key), (*path, key)
        found[key] = value
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            rest = _without_shells(value, inner, added, here)
            found[key] = None if here in added and _empties(rest, inner) else rest
    return found


def _empties(patch: Mapping[str, Any], now: Document) -> bool:
    left = {name for name, value in now.items() if value is not None}
    return left <= patch.keys() and not any(value is not None for value in patch.values())


def _with_whole_lists(patch: dict[str, Any], now: Document) -> dict[str, Any]:
    """The patch with lists in `KEYED` whole, as a merge patch has them, others' entries too."""
    for path in KEYED:
        wanted = value_at(patch, path)
        if wanted is ABSENT:
            continue
        found = {**entries(value_at(now, path), path), **wanted}
        _put(patch, path, [each for each in found.values() if each is not None] or None)
    return patch


def _difference(key: str, path: Path, change: Change, current: Any) -> Difference:
    return Difference(
        object=key,
        field=".".join(path),
        before=repr(change.was),
        ours=repr(change.ours[-1]),
        now=repr(current),
    )


def _put(patch: dict[str, Any], path: Path, value: Any) -> None:
    here = patch
    for key in path[:-1]:
        if not isinstance(here.get(key), dict):
            here[key] = {}
        here = here[key]
    here[path[-1]] = value


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """What came of putting a run's changes back and comparing with the baseline.

    Shape: pending says what is not yet as before; empty when restoration is proven. Notes tell of
    what went wrong beside it.
    """

    undone: tuple[str, ...] = ()
    kept: tuple[Difference, ...] = ()
    pending: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_proven(self) -> bool:
        """Whether nothing of ours is left and the world is as before, others' changes aside."""
        return not self.pending
