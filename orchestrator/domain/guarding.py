"""What the conductor and the guard say to each other: values to and from plain documents.

One JSON object a line, both ways. The guard's first line in is its assignment; its first line
out says that it is ready, or why it failed. Then commands are numbered and answered, and events
come unasked. It does not read or write the lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, TypeAlias

from orchestrator.domain.blast_radius import BlastRadius, Budgets
from orchestrator.domain.changeable import changed_fields
from orchestrator.domain.cluster_identity import ClusterIdentity, identity_to
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.identity import RunId
from orchestrator.domain.labels import Operator, Requirement
from orchestrator.domain.undo import Difference, Restoration, UndoRecord
from orchestrator.domain.verbs import WriteVerb, done_by, in_order

DRY_RUN: Final = "dry_run"
"""The rule by which a dry run refuses what a run might do, since it has no dry run."""
STOP: Final = "stop"
"""The rule by which a guard refuses a write of a method whose run was asked to stop."""
OTHER_RUN: Final = "other_run"
"""The rule by which a guard refuses what another run wrote to and has not put back."""

Line: TypeAlias = Mapping[str, Any]
"""One line, as JSON holds it."""


class Command(StrEnum):
    """What the conductor may ask of the guard, as `{"id": n, "do": ...}`."""

    BASELINE = "baseline"
    PLAY = "play"
    RESTRAIN = "restrain"
    ROLL_BACK = "roll_back"
    """The method has ended, and its rollbacks begin."""
    UNDO = "undo"
    VERIFY = "verify"
    """With `patience_seconds`."""
    END = "end"


class Trouble(StrEnum):
    """Why a guard could not begin."""

    KUBECONFIG = "kubeconfig"
    CLUSTER = "cluster"
    ANOTHER_CLUSTER = "another_cluster"
    """Not the one in which its run was before."""
    NOT_APPROVED = "not_approved"
    """Not the cluster of the preview that was approved."""
    ASSIGNMENT = "assignment"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardAssignment:
    """Which run to guard, where, and within which limits.

    `fence` is that of the conductor who holds the run. Empty strings mean: the kubeconfig of
    the guard's environment, its current context.
    """

    run: RunId
    radius: BlastRadius
    fence: int = 0
    kubeconfig: str = ""
    context: str = ""
    recovering: bool = False
    rehearsing: bool = False
    """Whether every write is to be a dry run; then nothing is kept and nothing has to be undone."""
    may_reach: tuple[str, ...] = ()
    """Where the runner's requests may go beside the cluster, as HOST:PORT."""
    approved_in: ClusterIdentity | None = None
    """The cluster of the approved preview; None where none is needed or it was not noted."""


def assignment_to_line(assignment: GuardAssignment) -> dict[str, Any]:
    """The first line to the guard."""
    return {
        "run": assignment.run,
        "fence": assignment.fence,
        "kubeconfig": assignment.kubeconfig,
        "context": assignment.context,
        "recovering": assignment.recovering,
        "rehearsing": assignment.rehearsing,
        "may_reach": list(assignment.may_reach),
        "approved_in": None if assignment.approved_in is None else asdict(assignment.approved_in),
        "radius": radius_to_line(assignment.radius),
    }


def assignment_from_line(line: Line) -> GuardAssignment:
    """Read the first line. Raises: InvalidValue: when it is no assignment."""
    try:
        return GuardAssignment(
            run=RunId(str(line["run"])),
            fence=int(line["fence"]),
            kubeconfig=str(line.get("kubeconfig") or ""),
            context=str(line.get("context") or ""),
            # Whatever is not plainly false is taken for recovering, which permits less.
            recovering=line.get("recovering", False) is not False,
            # Whatever is not plainly false is taken for rehearsing, in which nothing is written.
            rehearsing=line.get("rehearsing", False) is not False,
            may_reach=tuple(_texts(line.get("may_reach", []))),
            approved_in=_identity(line.get("approved_in")),
            radius=radius_from_line(line["radius"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise InvalidValue(
            field="assignment", value=str(line)[:200], problem=f"cannot be read: {error!r}"
        ) from error


def _identity(line: Line | None) -> ClusterIdentity | None:
    if line is None:
        return None
    return ClusterIdentity(uid=str(line["uid"]), server=str(line["server"]))


def radius_to_line(radius: BlastRadius) -> dict[str, Any]:
    """The limits of a run."""
    return {
        "namespaces": sorted(radius.namespaces),
        "selectors": dict(radius.selectors),
        "expressions": [
            {"key": each.key, "operator": each.operator.value, "values": list(each.values)}
            for each in radius.expressions
        ],
        "kinds": sorted(radius.kinds),
        "creates": sorted(radius.creates),
        "fields": {kind: sorted(fields) for kind, fields in radius.fields.items()},
        "most_objects": radius.most_objects,
        "named": sorted(radius.named),
        "most_share": _share_to_line(radius.most_share),
        "most_node_share": _share_to_line(radius.most_node_share),
        "shares": None
        if radius.shares is None
        else {workload: _share_to_line(share) for workload, share in radius.shares.items()},
        "longest_seconds": radius.longest.total_seconds(),
        "disruption_budgets": radius.disruption_budgets.value,
        "irreversible": sorted(radius.irreversible),
        "reads_secrets": radius.reads_secrets,
        # Left out where nothing is listed, as limits were written before there were verbs: an
        # approval is of a digest of this.
        **({"verbs": _verbs_to_line(radius.verbs)} if radius.verbs else {}),
    }


def radius_from_line(line: Line) -> BlastRadius:
    """Read the limits of a run. Raises: KeyError, TypeError, ValueError; InvalidValue."""
    shares = line["shares"]
    return BlastRadius(
        namespaces=frozenset(_texts(line["namespaces"])),
        selectors={str(key): str(value) for key, value in line["selectors"].items()},
        expressions=tuple(map(_requirement, line["expressions"])),
        kinds=frozenset(_texts(line["kinds"])),
        verbs={
            str(kind): frozenset(map(WriteVerb, _texts(each)))
            for kind, each in line.get("verbs", {}).items()
        },
        creates=frozenset(_texts(line["creates"])),
        fields={str(kind): frozenset(_texts(each)) for kind, each in line["fields"].items()},
        most_objects=int(line["most_objects"]),
        named=frozenset(_texts(line["named"])),
        most_share=_share_from_line(line["most_share"]),
        most_node_share=_share_from_line(line["most_node_share"]),
        shares=None
        if shares is None
        else {str(workload): _share_from_line(share) for workload, share in shares.items()},
        longest=timedelta(seconds=line["longest_seconds"]),
        disruption_budgets=Budgets(line["disruption_budgets"]),
        irreversible=frozenset(_texts(line["irreversible"])),
        reads_secrets=line["reads_secrets"] is True,
    )


def _verbs_to_line(verbs: Mapping[str, frozenset[WriteVerb]]) -> dict[str, list[str]]:
    return {kind: [verb.value for verb in in_order(each)] for kind, each in verbs.items()}


def _share_to_line(share: Fraction) -> list[int]:
    return [share.numerator, share.denominator]


def _share_from_line(pair: Any) -> Fraction:
    numerator, denominator = pair
    return Fraction(int(numerator), int(denominator))


def _requirement(line: Line) -> Requirement:
    return Requirement(
        key=str(line["key"]),
        operator=Operator(line["operator"]),
        values=tuple(_texts(line["values"])),
    )


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{values!r} is not a list of texts")
    return values


def restoration_to_line(restoration: Restoration) -> dict[str, Any]:
    """What came of putting a run's changes back."""
    return {
        "undone": list(restoration.undone),
        "kept": [asdict(difference) for difference in restoration.kept],
        "pending": list(restoration.pending),
        "notes": list(restoration.notes),
    }


def restoration_from_line(line: Line) -> Restoration:
    """Read what came of putting a run's changes back. Raises: KeyError, TypeError."""
    return Restoration(
        undone=tuple(line["undone"]),
        kept=tuple(Difference(**difference) for difference in line["kept"]),
        pending=tuple(line["pending"]),
        notes=tuple(line["notes"]),
    )


def ready(
    url: str,
    cluster: ClusterIdentity | None = None,
    *,
    contexts: Mapping[str, str] | None = None,
    elsewhere: Sequence[str] = (),
) -> dict[str, Any]:
    """The guard listens at that address, which holds its token.

    Shape: cluster is which one a rehearsal is in, so that an approval can be pinned to it;
    contexts are those of the kubeconfig that lead to this cluster, each with its namespace;
    elsewhere are the others.
    """
    return {
        "event": "ready",
        "url": url,
        "contexts": dict(contexts or {}),
        "elsewhere": list(elsewhere),
        **(identity_to(cluster) if cluster else {}),
    }


def failed(trouble: Trouble, detail: str) -> dict[str, Any]:
    """The guard cannot begin."""
    return {"event": "failed", "error": trouble.value, "detail": detail}


def write_made(*, at: datetime, verb: str, target: str, lost: Sequence[str]) -> dict[str, Any]:
    """The guard let a write through."""
    return {
        "event": "write",
        "at": at.isoformat(),
        "verb": verb,
        "target": target,
        "lost": list(lost),
    }


def foreseen(record: UndoRecord) -> dict[str, Any]:
    """A dry run let a write through that the run would make, told in the words of a plan."""
    before, after = record.before, record.after
    changed = changed_fields(before, after) if before and after else frozenset()
    portions = (record.workloads or {}).items()
    return {
        "event": "foreseen",
        "verb": " and ".join(in_order(done_by(record.verb, changed))),
        "target": record.ref.key,
        "touched": list(record.lost),
        "behind": {workload: list(portion.lost) for workload, portion in portions},
        "sizes": {workload: portion.size for workload, portion in portions},
        "staying": [key for _, portion in portions for key in portion.staying],
    }


def write_refused(
    *, at: datetime, target: str, rule: str, reason: str, is_command: bool = False
) -> dict[str, Any]:
    """The guard refused a request."""
    return {
        "event": "refused",
        "at": at.isoformat(),
        "target": target,
        "rule": rule,
        "reason": reason,
        "is_command": is_command,
    }


def is_refused_command(line: Line) -> bool:
    """Whether a line says that the guard refused a command in a container."""
    return line.get("event") == "refused" and line.get("is_command") is True


def answer(number: Any, **result: Any) -> dict[str, Any]:
    """A command was carried out."""
    return {"id": number, "ok": True, **result}


def excuse(number: Any, detail: str) -> dict[str, Any]:
    """A command was not carried out, and why."""
    return {"id": number, "ok": False, "detail": detail}
