"""Pods made from the templates of workloads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.practice.controllers.owners import reference_to
from orchestrator.practice.controllers.replica_sets import fresh

Object = dict[str, Any]


def pod_of(
    owner: Object, template: Object, *, labels: Mapping[str, str] | None = None, name: str = ""
) -> Object:
    """A new pod that an owner controls; without a name it gets one that begins with the owner's."""
    wanted = template.get("metadata", {})
    metadata: Object = {
        "generateName": f"{owner['metadata']['name']}-",
        "labels": {**wanted.get("labels", {}), **(labels or {})},
        "ownerReferences": [reference_to(owner)],
    }
    if wanted.get("annotations"):
        metadata["annotations"] = dict(wanted["annotations"])
    if name:
        metadata["name"] = name
    return {"metadata": metadata, "spec": fresh(template["spec"])}
