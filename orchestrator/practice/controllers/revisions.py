"""The replica sets of a deployment: which is the newest, and what its revision is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from zlib import crc32

import msgspec

from orchestrator.practice.api.writing import REVISION
from orchestrator.practice.controllers.arithmetic import DESIRED, MAX, bounds_of
from orchestrator.practice.controllers.replica_sets import fresh

Object = dict[str, Any]
HISTORY: Final = "deployment.kubernetes.io/revision-history"
HASH: Final = "pod-template-hash"
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_NOT_COPIED: Final = {
    "kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAX,
    "deprecated.deployment.rollback.to",
}  # fmt: skip


def revision_of(obj: Object) -> int:
    """The revision that an object is marked with, 0 when it has none."""
    text = obj["metadata"].get("annotations", {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def template_hash(template: Object, collisions: int = 0) -> str:
    """The label value that tells the pods of one template from those of another.

    `collisions` is how many other templates of the deployment gave the same value before.
    """
    encoded = msgspec.json.encode(template, order="deterministic")
    number = crc32(encoded + (str(collisions).encode() if collisions else b""))
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(number))


def _without_hash(template: Object) -> Object:
    metadata = template.get("metadata", {})
    labels = {key: value for key, value in metadata.get("labels", {}).items() if key != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def newest_of(deployment: Object, replica_sets: Sequence[Object]) -> Object | None:
    """The oldest replica set that has the deployment's present template, or none."""
    wanted = _without_hash(deployment["spec"]["template"])
    for replica_set in replica_sets:
        if _without_hash(replica_set["spec"]["template"]) == wanted:
            return replica_set
    return None


def annotations_of(deployment: Object, replica_set: Object | None, revision: int) -> Object:
    """The annotations that the newest replica set should have."""
    copied = {
        key: value
        for key, value in deployment["metadata"].get("annotations", {}).items()
        if key not in _NOT_COPIED
    }
    kept = (replica_set or {"metadata": {}})["metadata"].get("annotations", {})
    annotations = {**kept, **copied, **sizes_noted(deployment)}
    old = kept.get(REVISION, "")
    if old.isdigit() and int(old) >= revision:
        return annotations
    annotations[REVISION] = str(revision)
    if old:
        annotations[HISTORY] = ",".join([*filter(None, kept.get(HISTORY, "").split(",")), old])
    return annotations


def sizes_noted(deployment: Object) -> Object:
    """The annotations by which a later scaling knows what a replica set was sized for."""
    replicas = deployment["spec"]["replicas"]
    return {DESIRED: str(replicas), MAX: str(replicas + bounds_of(deployment).surge)}


def replica_set_for(
    deployment: Object, *, name: str, digest: str, owner: Object, annotations: Object, size: int
) -> Object:
    """A replica set for the deployment's present template."""
    spec = deployment["spec"]
    template = fresh(spec["template"])
    labels = {**template.get("metadata", {}).get("labels", {}), HASH: digest}
    template["metadata"] = {**template.get("metadata", {}), "labels": labels}
    selector = fresh(spec["selector"])
    selector["matchLabels"] = {**selector.get("matchLabels", {}), HASH: digest}
    wanted: Object = {"replicas": size, "selector": selector, "template": template}
    if spec.get("minReadySeconds"):
        wanted["minReadySeconds"] = spec["minReadySeconds"]
    metadata = {
        "name": name, "labels": dict(labels), "annotations": annotations,
        "ownerReferences": [owner],
    }  # fmt: skip
    return {"metadata": metadata, "spec": wanted}
