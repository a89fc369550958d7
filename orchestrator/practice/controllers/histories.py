"""The revisions of a workload's template, kept as objects of their own.

Stateful sets and daemon sets keep them; deployments keep replica sets instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.sets import CONTROLLER_REVISION
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.writing import create, update
from orchestrator.practice.controllers.owners import claim, reference_to
from orchestrator.practice.controllers.replica_sets import fresh
from orchestrator.practice.controllers.revisions import template_hash

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """The revisions of one workload, the oldest first, and the one of its present template."""

    revisions: list[Object]
    newest: Object

    def named(self, name: str) -> Object | None:
        """The revision of a name, or none."""
        return next((item for item in self.revisions if item["metadata"]["name"] == name), None)


def history_of(store: Store, owner: Object, *, hash_label: str) -> History:
    """The revisions of a workload, with one for its present template made or moved to the front."""
    selector = of_object(owner["spec"]["selector"])
    found = sorted(claim(store, owner, CONTROLLER_REVISION, selector), key=_number)
    template = owner["spec"]["template"]
    same = [item for item in found if template_of(item) == template]
    if not same:
        newest = _made(store, owner, template, _number(found[-1]) + 1 if found else 1, hash_label)
        return History([*found, newest], newest)
    newest = same[-1]
    if newest is not found[-1]:
        # A rollback: the old revision becomes the newest again.
        raised = {**newest, "revision": _number(found[-1]) + 1}
        found.remove(newest)
        newest = update(store, CONTROLLER_REVISION, newest, raised)
        found.append(newest)
    return History(found, newest)


def _number(revision: Object) -> int:
    return int(revision.get("revision", 0))


def template_of(revision: Object) -> Object:
    """The pod template that a revision holds."""
    template = revision["data"]["spec"]["template"]
    return {key: value for key, value in template.items() if key != "$patch"}


def hash_of(revision: Object, hash_label: str) -> str:
    """What tells the template of a revision from others."""
    return str(revision["metadata"].get("labels", {}).get(hash_label, ""))


def _made(store: Store, owner: Object, template: Object, number: int, hash_label: str) -> Object:
    metadata = owner["metadata"]
    collisions = 0
    while True:
        digest = template_hash(template, collisions)
        name = f"{metadata['name']}-{digest}"
        if store.get(CONTROLLER_REVISION, metadata["namespace"], name) is None:
            break
        collisions += 1
    labels = {**_labels_of(template), **_wanted(owner), hash_label: digest}
    revision = {
        "metadata": {
            "name": name, "labels": labels, "ownerReferences": [reference_to(owner)],
            "annotations": dict(metadata.get("annotations", {})),
        },
        "data": {"spec": {"template": {**fresh(template), "$patch": "replace"}}},
        "revision": number,
    }  # fmt: skip
    return create(store, CONTROLLER_REVISION, revision, namespace=metadata["namespace"])


def _labels_of(template: Object) -> Mapping[str, str]:
    labels: Mapping[str, str] = template.get("metadata", {}).get("labels", {})
    return labels


def _wanted(owner: Object) -> Mapping[str, str]:
    labels: Mapping[str, str] = owner["spec"]["selector"].get("matchLabels", {})
    return labels


def forget_history(store: Store, owner: Object, history: History, live: set[str]) -> None:
    """Delete the oldest revisions that nothing lives by, beyond those to keep."""
    limit = owner["spec"].get("revisionHistoryLimit", 10)
    idle = [item for item in history.revisions if item["metadata"]["name"] not in live]
    for revision in idle[: max(0, len(idle) - limit)]:
        delete(store, CONTROLLER_REVISION, revision, Deletion())
