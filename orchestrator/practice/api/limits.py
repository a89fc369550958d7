"""Quotas and limit ranges of a namespace, applied when an object is created.

What is counted is what a quota names; scopes by priority class are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.quantities import quantity, quantity_text
from orchestrator.practice.api.served.core import POD, SERVICE
from orchestrator.practice.api.served.policies import LIMIT_RANGE, QUOTA
from orchestrator.practice.api.served.storage import CLAIM
from orchestrator.practice.api.statuses import forbidden
from orchestrator.practice.api.store import Store

Object = dict[str, Any]
Amounts = dict[str, float]
_COUNTED: Final = {
    "pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "resourcequotas",
}  # fmt: skip
_COMPUTE: Final = ("cpu", "memory", "ephemeral-storage")


def usage_of(kind: Kind, obj: Object) -> Amounts:
    """How much of each quota's measure an object takes up.

    Units: cores, bytes, or a count.
    """
    used: Amounts = {f"count/{kind.qualified}": 1.0}
    if kind is POD and obj.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        return used
    if not kind.group and kind.plural in _COUNTED:
        used[kind.plural] = 1.0
    if kind is POD:
        used |= _compute(obj["spec"])
    elif kind is SERVICE:
        used |= _doors(obj["spec"])
    elif kind is CLAIM:
        used["requests.storage"] = quantity(obj["spec"]["resources"]["requests"]["storage"])
    return used


def _compute(spec: Object) -> Amounts:
    used: Amounts = {}
    for word in ("requests", "limits"):
        for name in _COMPUTE:
            total = sum(_amounts(spec.get("containers", ()), word, name))
            most = max(_amounts(spec.get("initContainers", ()), word, name), default=0.0)
            if max(total, most):
                used[f"{word}.{name}"] = max(total, most)
                if word == "requests":
                    used[name] = max(total, most)
    return used


def _amounts(containers: Iterable[Object], word: str, name: str) -> list[float]:
    found = [entry.get("resources", {}).get(word, {}).get(name) for entry in containers]
    return [quantity(value) for value in found if value is not None]


def _doors(spec: Object) -> Amounts:
    ports = float(len(spec.get("ports", ())))
    match spec.get("type"):
        case "NodePort":
            return {"services.nodeports": ports}
        case "LoadBalancer":
            return {"services.nodeports": ports, "services.loadbalancers": 1.0}
    return {}


def covers(quota: Object, kind: Kind, obj: Object) -> bool:
    """Whether a quota's scopes hold for an object."""
    scopes = quota["spec"].get("scopes", ())
    if not scopes:
        return True
    if kind is not POD:
        return False
    best = obj.get("status", {}).get("qosClass") == "BestEffort"
    ends = "activeDeadlineSeconds" in obj["spec"]
    held = {
        "BestEffort": best, "NotBestEffort": not best,
        "Terminating": ends, "NotTerminating": not ends,
    }  # fmt: skip
    return all(held.get(scope, False) for scope in scopes)


def charge(store: Store, kind: Kind, obj: Object, *, dry: bool) -> None:
    """Let the quotas of a namespace pay for a new object.

    Raises: ApiError: 403, a quota would be exceeded, or can't tell.
    """
    quotas = [
        quota
        for quota in store.objects(QUOTA, obj["metadata"]["namespace"])
        if covers(quota, kind, obj)
    ]
    if not quotas:
        return
    cost = usage_of(kind, obj)
    for quota in quotas:
        _refuse_unsaid(kind, obj, quota)
        _refuse_excess(kind, obj, quota, cost)
    if dry:
        return
    for quota in quotas:
        _pay(store, quota, cost)


def _refuse_unsaid(kind: Kind, obj: Object, quota: Object) -> None:
    """A quota on cpu or memory wants each container of a pod to say what it takes."""
    if kind is not POD:
        return
    hard = quota.get("status", {}).get("hard", {})
    measures = [name for name in sorted(hard) if name.split(".")[-1] in _COMPUTE]
    lacking: dict[str, list[str]] = {}
    for measure in measures:
        word, _, name = measure.rpartition(".")
        for container in obj["spec"].get("containers", ()):
            if name not in container.get("resources", {}).get(word or "requests", {}):
                lacking.setdefault(container["name"], []).append(measure)
    if not lacking:
        return
    by_measure: dict[str, list[str]] = {}
    for container_name, missing in lacking.items():
        for measure in missing:
            by_measure.setdefault(measure, []).append(container_name)
    listed = "; ".join(f"{measure} for: {','.join(n)}" for measure, n in sorted(by_measure.items()))
    why = f"failed quota: {quota['metadata']['name']}: must specify {listed}"
    raise forbidden(kind, obj["metadata"].get("name", ""), why)


def _refuse_excess(kind: Kind, obj: Object, quota: Object, cost: Mapping[str, float]) -> None:
    status = quota.get("status", {})
    hard, used = status.get("hard", {}), status.get("used", {})
    over = [
        name
        for name in sorted(hard)
        if cost.get(name, 0.0)
        and quantity(used.get(name, "0")) + cost[name] > quantity(hard[name]) + 1e-9
    ]
    if not over:
        return
    asked = ",".join(f"{name}={quantity_text(cost[name], name)}" for name in over)
    taken = ",".join(f"{name}={used.get(name, '0')}" for name in over)
    limit = ",".join(f"{name}={hard[name]}" for name in over)
    why = (
        f"exceeded quota: {quota['metadata']['name']}, requested: {asked}, used: {taken}, "
        f"limited: {limit}"
    )
    raise forbidden(kind, obj["metadata"].get("name", ""), why)


def _pay(store: Store, quota: Object, cost: Mapping[str, float]) -> None:
    status = quota.get("status", {})
    used = dict(status.get("used", {}))
    for name in status.get("hard", {}):
        if cost.get(name):
            used[name] = quantity_text(quantity(used.get(name, "0")) + cost[name], name)
    if used != status.get("used"):
        store.write(QUOTA, {**quota, "status": {**status, "used": used}})


def limit_pod(store: Store, pod: Object) -> None:
    """Give the containers of a new pod what the namespace's limit ranges say; changes the pod.

    Raises: ApiError: 403, a container asks for more or less than it may.
    """
    ranges = list(store.objects(LIMIT_RANGE, pod["metadata"]["namespace"]))
    if not ranges:
        return
    containers = [*pod["spec"].get("initContainers", ()), *pod["spec"].get("containers", ())]
    limits = [limit for found in ranges for limit in found["spec"].get("limits") or ()]
    filled = [_filled(limits, container) for container in containers]
    _note_filled(pod, [text for texts in filled for text in texts])
    causes = [
        text
        for limit in limits
        if limit.get("type") == "Container"
        for container in containers
        for text in _breaches(limit, container)
    ]
    if causes:
        listed = causes[0] if len(causes) == 1 else f"[{', '.join(causes)}]"
        raise forbidden(POD, pod["metadata"].get("name", ""), listed)


def _filled(limits: list[Object], container: Object) -> list[str]:
    """Fill in what a container leaves out, and tell what was filled in."""
    resources = container.setdefault("resources", {})
    told: dict[str, list[str]] = {"request": [], "limit": []}
    for word, key in (("limit", "default"), ("request", "defaultRequest")):
        for limit in limits:
            given = resources.get(f"{word}s", {})
            offered = limit.get(key, {}) if limit.get("type") == "Container" else {}
            added = {name: value for name, value in offered.items() if name not in given}
            if added:
                resources[f"{word}s"] = {**given, **added}
                told[word] += added
    return [
        f"{', '.join(sorted(names))} {word} for container {container['name']}"
        for word, names in told.items()
        if names
    ]


def _note_filled(pod: Object, texts: list[str]) -> None:
    if texts:
        note = f"LimitRanger plugin set: {'; '.join(texts)}"
        annotations = pod["metadata"].get("annotations", {})
        pod["metadata"]["annotations"] = {**annotations, "kubernetes.io/limit-ranger": note}


def _breaches(limit: Object, container: Object) -> list[str]:
    resources = container.get("resources", {})
    texts: list[str] = []
    for name, most in sorted(limit.get("max", {}).items()):
        found = resources.get("limits", {}).get(name)
        if found is None:
            texts.append(f"maximum {name} usage per Container is {most}.  No limit is specified")
        elif quantity(found) > quantity(most):
            texts.append(f"maximum {name} usage per Container is {most}, but limit is {found}")
    for name, least in sorted(limit.get("min", {}).items()):
        found = resources.get("requests", {}).get(name)
        if found is None:
            texts.append(f"minimum {name} usage per Container is {least}.  No request is specified")
        elif quantity(found) < quantity(least):
            texts.append(f"minimum {name} usage per Container is {least}, but request is {found}")
    return texts
