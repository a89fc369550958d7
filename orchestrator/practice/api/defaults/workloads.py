"""Defaults of deployments, replica sets and disruption budgets.

Pod templates are filled in by `defaults.pods`.
"""

from __future__ import annotations

from typing import Any

from orchestrator.practice.api.defaults.pods import default_template

Object = dict[str, Any]


def default_deployment(deployment: Object) -> None:
    """Fill in a deployment."""
    spec = deployment.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    _default_strategy(spec.setdefault("strategy", {}))
    default_template(spec.setdefault("template", {}))
    deployment.setdefault("status", {})


def _default_strategy(strategy: Object) -> None:
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def default_replica_set(replica_set: Object) -> None:
    """Fill in a replica set."""
    spec = replica_set.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    template = spec.setdefault("template", {})
    default_template(template)
    labels = template["metadata"].get("labels")
    if labels:
        spec.setdefault("selector", {"matchLabels": dict(labels)})
        replica_set["metadata"].setdefault("labels", dict(labels))
    replica_set.setdefault("status", {"replicas": 0})


def default_budget(budget: Object) -> None:
    """Fill in a pod disruption budget."""
    budget.setdefault("spec", {})
    budget.setdefault(
        "status",
        {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
    )
