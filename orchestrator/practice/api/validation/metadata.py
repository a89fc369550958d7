"""What every object's metadata may not say.

The rest of the object is its kind's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.names import (
    annotation_causes,
    key_causes,
    label_causes,
    name_causes,
)

if TYPE_CHECKING:
    from orchestrator.practice.api.kinds import Kind

Object = dict[str, Any]
_STANDARD: Final = {"kubernetes", "orphan", "foregroundDeletion"}


def metadata_causes(kind: Kind, new: Object, old: Object | None) -> list[Cause]:
    """What is wrong with an object's metadata."""
    metadata = new["metadata"]
    causes = [] if old is not None else _name_causes(kind, metadata)
    causes += label_causes(metadata.get("labels", {}), "metadata.labels")
    causes += annotation_causes(metadata.get("annotations", {}), "metadata.annotations")
    causes += _owner_causes(metadata)
    causes += _finalizer_causes(metadata, old, qualified=not (kind.is_custom or kind.cleanup))
    return causes


def _name_causes(kind: Kind, metadata: Object) -> list[Cause]:
    name = metadata.get("name", "")
    if not name:
        return [Cause.required("metadata.name", "name or generateName is required")]
    # Nobody judges what the names of events begin with.
    start = "" if kind.name == "Event" else metadata.get("generateName", "")
    # What a name begins with may end in a dash.
    begun = f"{start[:-1]}x" if start.endswith("-") else start
    causes = name_causes(begun, "metadata.generateName", kind.name_rule) if start else []
    return causes + name_causes(name, "metadata.name", kind.name_rule)


def _owner_causes(metadata: Object) -> list[Cause]:
    causes: list[Cause] = []
    owners = metadata.get("ownerReferences", [])
    for owner in owners:
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                text = "version must not be empty" if key == "apiVersion" else "must not be empty"
                causes.append(Cause.invalid(f"metadata.ownerReferences.{key}", "", text))
    controllers = [owner for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        names = ", ".join(f"{owner['kind']}/{owner['name']}" for owner in controllers)
        causes.append(
            Cause.invalid(
                "metadata.ownerReferences",
                owners,
                'Only one reference can have Controller set to true. Found "true" in references'
                f" for {names}",
            )
        )
    return causes


def _finalizer_causes(metadata: Object, old: Object | None, *, qualified: bool) -> list[Cause]:
    finalizers = metadata.get("finalizers", [])
    causes = [cause for name in finalizers for cause in key_causes(name, "metadata.finalizers")]
    text = "name is neither a standard finalizer name nor is it fully qualified"
    causes += [
        Cause.invalid(f"metadata.finalizers[{index}]", name, text)
        for index, name in enumerate(finalizers)
        if qualified and "/" not in name and name not in _STANDARD
    ]
    if old is None or "deletionTimestamp" not in old["metadata"]:
        return causes
    added = [name for name in finalizers if name not in old["metadata"].get("finalizers", [])]
    if added:
        causes.append(
            Cause.forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, found new"
                f" finalizers {added!r}",
            )
        )
    return causes
