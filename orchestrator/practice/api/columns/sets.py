"""The tables of stateful sets, daemon sets and their revisions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.columns.ages import AGE, NAME
from orchestrator.practice.api.columns.workloads import (
    CONTAINERS,
    IMAGES,
    SELECTOR,
    counted,
    pairs_text,
)
from orchestrator.practice.api.kinds import Column

Object = dict[str, Any]


def _ready(stateful_set: Object, _now: datetime) -> str:
    ready = stateful_set.get("status", {}).get("readyReplicas", 0)
    return f"{ready}/{stateful_set['spec']['replicas']}"


def _node_selector(daemon_set: Object, _now: datetime) -> str:
    return pairs_text(daemon_set["spec"]["template"]["spec"].get("nodeSelector"))


def _controller(revision: Object, _now: datetime) -> str:
    for owner in revision["metadata"].get("ownerReferences", ()):
        if owner.get("controller"):
            group = owner["apiVersion"].partition("/")[0]
            return f"{owner['kind'].lower()}.{group}/{owner['name']}"
    return "<none>"


def _revision(revision: Object, _now: datetime) -> int:
    return int(revision.get("revision", 0))


STATEFUL_SET_COLUMNS: Final = (NAME, Column("Ready", _ready), AGE, CONTAINERS, IMAGES)
DAEMON_SET_COLUMNS: Final = (
    NAME,
    Column("Desired", counted("status", "desiredNumberScheduled"), "integer"),
    Column("Current", counted("status", "currentNumberScheduled"), "integer"),
    Column("Ready", counted("status", "numberReady"), "integer"),
    Column("Up-to-date", counted("status", "updatedNumberScheduled"), "integer"),
    Column("Available", counted("status", "numberAvailable"), "integer"),
    Column("Node Selector", _node_selector),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
)
REVISION_COLUMNS: Final = (
    NAME, Column("Controller", _controller), Column("Revision", _revision), AGE,
)  # fmt: skip
