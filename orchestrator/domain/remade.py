"""What an object that a run made in another's place has otherwise, and whether a patch mends it.

A field that an API server keeps as it was made is put back by making the object anew. It does
not decide whether that is done; `deciding` does.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from orchestrator.domain.changeable import DEFAULT_FIELDS
from orchestrator.domain.undo import Document, Path, changed_leaves

MARK: Final = re.compile(r"x-[0-9a-f]{8}")
"""The annotation by which an object that we created is known, though its uid never came back."""

_BINDING: Final = frozenset(
    {
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
    }
)
_TOKEN: Final = re.compile(r"kube-api-access-[a-z0-9]{5}")
"""What admission calls the volume with a pod's own token, anew for each pod."""


_PLACES: Final = frozenset({"topology.kubernetes.io/region", "topology.kubernetes.io/zone"})
"""Labels that a pod is given when it is bound, of the node that it is bound to."""

_BY_NODES: Final = re.compile(r"(practice\.chaosday\.io|cni\.projectcalico\.org|k8s\.ovn\.org|"
                              r"k8s\.v1\.cni\.cncf\.io)/")  # fmt: skip
"""Annotations in which a node or its network tells where a pod of its own is."""


def anew(kind: str, document: Document) -> Document:
    """An object as it is made once more, without what ties it to where it was."""
    if kind == "jobs":
        return _unbound(document)
    return _unplaced(document) if kind == "pods" else document


def essentials(kind: str, document: Document) -> Document:
    """An object without what is another in each that is made of the same file."""
    found = anew(kind, document)
    if kind != "pods":
        return found
    metadata = found.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k not in _PLACES}
    return {
        **found,
        "spec": _without_token_names(found.get("spec")),
        "metadata": {**metadata, "labels": labels or None},
    }


def _unplaced(pod: Document) -> Document:
    """A pod without its node and without what that one wrote."""
    spec = {key: value for key, value in (pod.get("spec") or {}).items() if key != "nodeName"}
    metadata = dict(pod.get("metadata") or {})
    if "annotations" in metadata:
        said = metadata["annotations"] or {}
        left = {key: value for key, value in said.items() if not _BY_NODES.match(key)}
        metadata["annotations"] = left or None
    return {**pod, "spec": spec, "metadata": metadata}


def _without_token_names(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_token_names(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_token_names(each) for each in value]
    return "kube-api-access" if isinstance(value, str) and _TOKEN.fullmatch(value) else value


def _unbound(job: Document) -> Document:
    """A job without what ties it to the pods of the one that was deleted.

    An API server binds a job to its pods by its uid, and accepts no other binding.
    """
    spec = dict(job.get("spec") or {})
    if spec.get("manualSelector"):
        return job
    spec.pop("selector", None)
    template = dict(spec.get("template") or {})
    metadata = dict(template.get("metadata") or {})
    labels = metadata.get("labels") or {}
    metadata["labels"] = {k: v for k, v in labels.items() if k not in _BINDING}
    return {**job, "spec": {**spec, "template": {**template, "metadata": metadata}}}


def leaves_between(kind: str, before: Document, after: Document) -> dict[Path, tuple[Any, Any]]:
    """The leaf fields in which two objects of one name differ for good."""
    counted = changed_leaves(essentials(kind, before), essentials(kind, after))
    leaves = changed_leaves(before, after)
    return {path: values for path, values in leaves.items() if path in counted}


def is_patched(kind: str, path: Path, now: Document) -> bool:
    """Whether an API server takes a change of a field in the object that is there now."""
    if path[0] == "metadata":
        return True
    if kind == "pods" or now.get("immutable"):
        return False
    allowed = [tuple(each.split(".")) for each in DEFAULT_FIELDS.get(kind, ())]
    if path[:2] == ("spec", "template"):
        return any(each[:2] == path[:2] for each in allowed)
    return any(path[: len(each)] == each for each in allowed)


def is_mark(path: Path) -> bool:
    """Whether a field is an annotation of ours."""
    return path[:2] == ("metadata", "annotations") and bool(MARK.fullmatch(path[-1]))
