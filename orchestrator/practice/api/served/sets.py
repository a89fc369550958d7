"""The kinds of the group apps that keep more than a number of equal pods."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.columns.sets import (
    DAEMON_SET_COLUMNS,
    REVISION_COLUMNS,
    STATEFUL_SET_COLUMNS,
)
from orchestrator.practice.api.columns.workloads import selector_text
from orchestrator.practice.api.defaults.sets import default_daemon_set, default_stateful_set
from orchestrator.practice.api.kinds import Kind, Scale
from orchestrator.practice.api.validation.sets import daemon_set_causes, stateful_set_causes

Object = dict[str, Any]


def _selector(obj: Object) -> str:
    return selector_text(obj["spec"].get("selector"))


STATEFUL_SET: Final = Kind(
    name="StatefulSet", plural="statefulsets", group="apps", schema="apps.v1.StatefulSet",
    short_names=("sts",), categories=("all",), columns=STATEFUL_SET_COLUMNS,
    default=default_stateful_set, validate=stateful_set_causes, scale=Scale(_selector),
)  # fmt: skip
DAEMON_SET: Final = Kind(
    name="DaemonSet", plural="daemonsets", group="apps", schema="apps.v1.DaemonSet",
    short_names=("ds",), categories=("all",), columns=DAEMON_SET_COLUMNS,
    default=default_daemon_set, validate=daemon_set_causes,
)  # fmt: skip
CONTROLLER_REVISION: Final = Kind(
    name="ControllerRevision", plural="controllerrevisions", group="apps",
    schema="apps.v1.ControllerRevision", has_status=False, has_generation=False,
    columns=REVISION_COLUMNS,
)  # fmt: skip
