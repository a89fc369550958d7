"""What stands behind a write to an autoscaler: the workload that it scales.

What an autoscaler does later is neither counted nor put back, so it gets no more room than it
had. How fast it scales within that is not looked at.
"""

from collections.abc import Mapping
from typing import Any, Final

from orchestrator.domain.undo import ABSENT, Document, Path, Verb, value_at
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import (
    NOTHING,
    Impact,
    spec_of,
    specs_of,
    target_of,
    touches_spec,
    untold,
)

_LEAST: Final[Path] = ("spec", "minReplicas")
_MOST: Final[Path] = ("spec", "maxReplicas")
_ROOTS: Final[Mapping[str, tuple[str, str]]] = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
}


async def of_autoscaler(draft: Draft, around: Surroundings) -> Impact:
    """The workload that an autoscaler scales, which must keep its size."""
    if draft.verb is Verb.CREATE:
        raise untold(
            draft.ref.key, "what it scales later cannot be told now; scale the workload itself"
        )
    if not touches_spec(draft):
        return NOTHING
    _check_room(draft, around)
    found = [target_of(*await _scaled(spec, draft, around)) for spec in specs_of(draft)]
    return Impact(reached=tuple({target.key: target for target in found}.values()))


def _check_room(draft: Draft, around: Surroundings) -> None:
    """Refuse bounds that let it scale further than it may now, or might before the run."""
    if draft.before is None or draft.after is None:
        return
    least, most = (_bound(value_at(draft.after, each)) for each in (_LEAST, _MOST))
    lowest = min(_bound(value_at(draft.before, _LEAST)), _bound(around.was(draft, _LEAST)))
    highest = max(_bound(value_at(draft.before, _MOST)), _bound(around.was(draft, _MOST)))
    if least < lowest or most > highest:
        raise untold(
            draft.ref.key,
            f"it could scale to between {least} and {most}, and now only to between {lowest} and"
            f" {highest}; what it did would not be put back, so scale the workload itself",
        )


def _bound(value: Any) -> int:
    # An API server takes one for a lower bound that is left out; zero is another bound.
    return 1 if value is ABSENT else int(value)


async def _scaled(
    spec: Mapping[str, Any], draft: Draft, around: Surroundings
) -> tuple[str, Document]:
    reference = spec.get("scaleTargetRef") or {}
    kind, name = str(reference.get("kind")), str(reference.get("name"))
    root, plural = _ROOTS.get(kind, ("", ""))
    path = f"{root}/namespaces/{draft.ref.namespace}/{plural}/{name}"
    found = await around.read(path) if root else None
    if found is None:
        raise untold(draft.ref.key, f"what it scales, {kind} {name}, is not known here")
    now = int(spec_of(found).get("replicas", 1))
    least, most = (_bound(value_at({"spec": spec}, each)) for each in (_LEAST, _MOST))
    if spec is spec_of(draft.after) and now and not least <= now <= most:
        raise untold(
            draft.ref.key,
            f"{plural}/{name} with its {now} pods would be scaled to between {least} and {most},"
            " which would not be put back; scale it instead",
        )
    return plural, found
