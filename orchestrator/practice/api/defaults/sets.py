"""Defaults of stateful sets and daemon sets.

Pod templates are filled in by `defaults.pods`.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.defaults.pods import default_template
from orchestrator.practice.api.defaults.storage import default_claim_spec

Object = dict[str, Any]
GENERATION: Final = "deprecated.daemonset.template.generation"


def default_stateful_set(stateful_set: Object) -> None:
    """Fill in a stateful set."""
    spec = stateful_set.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    default_template(spec.setdefault("template", {}))
    for claim in spec.get("volumeClaimTemplates", ()):
        claim |= {"kind": "PersistentVolumeClaim", "apiVersion": "v1"}
        default_claim_spec(claim.setdefault("spec", {}))
        claim.setdefault("status", {"phase": "Pending"})
    stateful_set.setdefault("status", {"replicas": 0, "availableReplicas": 0})


def default_daemon_set(daemon_set: Object) -> None:
    """Fill in a daemon set; its annotation counts the changes of its template."""
    spec = daemon_set.setdefault("spec", {})
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    default_template(spec.setdefault("template", {}))
    annotations = daemon_set["metadata"].get("annotations", {})
    daemon_set["metadata"]["annotations"] = {GENERATION: "1"} | annotations
    counts = (
        "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady",
    )  # fmt: skip
    daemon_set.setdefault("status", dict.fromkeys(counts, 0))
