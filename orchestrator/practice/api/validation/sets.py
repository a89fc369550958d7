"""The rules of stateful sets and daemon sets."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.names import name_causes
from orchestrator.practice.api.validation.pods import template_causes
from orchestrator.practice.api.validation.storage import claim_spec_causes
from orchestrator.practice.api.validation.workloads import (
    count_causes,
    selector_causes,
    share_causes,
)

Object = dict[str, Any]
_CHANGEABLE: Final = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
_FIXED: Final = (
    f"updates to statefulset spec for fields other than "
    f"{', '.join(repr(name) for name in _CHANGEABLE[:-1])} and {_CHANGEABLE[-1]!r} are forbidden"
)
_MANAGEMENT: Final = ("OrderedReady", "Parallel")
_STRATEGIES: Final = ("RollingUpdate", "OnDelete")


def stateful_set_causes(stateful_set: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a stateful set."""
    spec = stateful_set["spec"]
    causes = _management_causes(spec) + _stateful_strategy_causes(spec["updateStrategy"])
    for index, claim in enumerate(spec.get("volumeClaimTemplates", ())):
        field = f"spec.volumeClaimTemplates[{index}]"
        causes += claim_spec_causes(claim["spec"], f"{field}.spec")
        if not claim.get("metadata", {}).get("name"):
            causes.append(Cause.required(f"{field}.metadata.name"))
    for key in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
        causes += count_causes(spec.get(key, 0), f"spec.{key}")
    causes += count_causes(spec.get("ordinals", {}).get("start", 0), "spec.ordinals.start")
    if spec.get("serviceName"):
        causes += name_causes(spec["serviceName"], "spec.serviceName", "label")
    causes += _chosen_causes(spec, "statefulset") + _template_causes(spec)
    if old is not None and _fixed(spec) != _fixed(old["spec"]):
        causes.append(Cause.forbidden("spec", _FIXED))
    return causes


def _fixed(spec: Object) -> Object:
    return {key: value for key, value in spec.items() if key not in _CHANGEABLE}


def _template_causes(spec: Object) -> list[Cause]:
    """What is wrong with the template, as it is once each pod has got its claims."""
    template = spec["template"]
    claims = [
        {"name": claim.get("metadata", {}).get("name", ""), "persistentVolumeClaim": {}}
        for claim in spec.get("volumeClaimTemplates", ())
    ]
    names = {claim["name"] for claim in claims}
    volumes = [
        volume for volume in template["spec"].get("volumes", ()) if volume.get("name") not in names
    ]
    filled = {**template, "spec": {**template["spec"], "volumes": [*volumes, *claims]}}
    return template_causes(filled, "spec.template")


def _management_causes(spec: Object) -> list[Cause]:
    found = spec["podManagementPolicy"]
    if found in _MANAGEMENT:
        return []
    text = "must be 'OrderedReady' or 'Parallel'"
    return [Cause.invalid("spec.podManagementPolicy", found, text)]


def _stateful_strategy_causes(strategy: Object) -> list[Cause]:
    if strategy["type"] not in _STRATEGIES:
        text = "must be 'RollingUpdate' or 'OnDelete'"
        return [Cause.invalid("spec.updateStrategy", strategy, text)]
    rolling, field = strategy.get("rollingUpdate"), "spec.updateStrategy.rollingUpdate"
    if rolling is None:
        return []
    if strategy["type"] == "OnDelete":
        text = "only allowed for updateStrategy 'RollingUpdate'"
        return [Cause.invalid(field, rolling, text)]
    causes = count_causes(rolling.get("partition", 0), f"{field}.partition")
    if "maxUnavailable" in rolling:
        causes += share_causes(rolling["maxUnavailable"], f"{field}.maxUnavailable")
    return causes


def daemon_set_causes(daemon_set: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a daemon set."""
    spec = daemon_set["spec"]
    causes = _chosen_causes(spec, "daemonset")
    causes += template_causes(spec["template"], "spec.template")
    for key in ("minReadySeconds", "revisionHistoryLimit"):
        causes += count_causes(spec.get(key, 0), f"spec.{key}")
    causes += _daemon_strategy_causes(spec["updateStrategy"])
    if old is not None and spec.get("selector") != old["spec"].get("selector"):
        causes.append(Cause.invalid("spec.selector", spec.get("selector"), "field is immutable"))
    return causes


def _daemon_strategy_causes(strategy: Object) -> list[Cause]:
    if strategy["type"] not in _STRATEGIES:
        return [Cause.unsupported("spec.updateStrategy", strategy, _STRATEGIES)]
    if strategy["type"] == "OnDelete":
        return []
    rolling, field = strategy["rollingUpdate"], "spec.updateStrategy.rollingUpdate"
    causes: list[Cause] = []
    for key in ("maxUnavailable", "maxSurge"):
        causes += share_causes(rolling.get(key), f"{field}.{key}")
    counts = [key for key in ("maxUnavailable", "maxSurge") if rolling.get(key) not in {0, "0%"}]
    if not causes and not counts:
        text = "cannot be 0 when maxSurge is 0"
        causes.append(Cause.required(f"{field}.maxUnavailable", text))
    if not causes and len(counts) > 1:
        text = "may not be set when maxUnavailable is non-zero"
        causes.append(Cause.invalid(f"{field}.maxSurge", rolling["maxSurge"], text))
    return causes


def _chosen_causes(spec: Object, name: str) -> list[Cause]:
    """What is wrong with which pods a workload chooses."""
    selector = spec.get("selector")
    if selector is None:
        return [Cause.required("spec.selector")]
    causes = selector_causes(selector, "spec.selector")
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        text = f"empty selector is invalid for {name}"
        causes.append(Cause.invalid("spec.selector", selector, text))
    labels = spec["template"].get("metadata", {}).get("labels", {})
    if not causes and not of_object(selector).holds(labels):
        text = "`selector` does not match template `labels`"
        causes.append(Cause.invalid("spec.template.metadata.labels", labels, text))
    return causes
