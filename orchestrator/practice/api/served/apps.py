"""The kinds of the group apps."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.columns.workloads import (
    DEPLOYMENT_COLUMNS,
    REPLICA_SET_COLUMNS,
    selector_text,
)
from orchestrator.practice.api.defaults.workloads import default_deployment, default_replica_set
from orchestrator.practice.api.kinds import Kind, Scale
from orchestrator.practice.api.selectors import field
from orchestrator.practice.api.validation.workloads import deployment_causes, replica_set_causes

Object = dict[str, Any]


def _selector(obj: Object) -> str:
    return selector_text(obj["spec"].get("selector"))


DEPLOYMENT: Final = Kind(
    name="Deployment", plural="deployments", group="apps", schema="apps.v1.Deployment",
    short_names=("deploy",), categories=("all",), columns=DEPLOYMENT_COLUMNS,
    default=default_deployment, validate=deployment_causes, scale=Scale(_selector),
    counts_annotations=True,
)  # fmt: skip
REPLICA_SET: Final = Kind(
    name="ReplicaSet", plural="replicasets", group="apps", schema="apps.v1.ReplicaSet",
    short_names=("rs",), categories=("all",), columns=REPLICA_SET_COLUMNS,
    fields={"status.replicas": field("status.replicas")}, index_labels=True,
    default=default_replica_set, validate=replica_set_causes, scale=Scale(_selector),
)  # fmt: skip
