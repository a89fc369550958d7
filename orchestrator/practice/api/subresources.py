"""The subresources that are more than a part of their object: scale, binding, eviction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from orchestrator.practice.api.applying import Application, applied
from orchestrator.practice.api.barring import Attempt, refuse_barred
from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.kinds import Kind, Scale
from orchestrator.practice.api.ownership import SYSTEM, Author
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.core import NODE, POD
from orchestrator.practice.api.served.others import DISRUPTION_BUDGET
from orchestrator.practice.api.statuses import ApiError, Cause, conflict, internal, invalid
from orchestrator.practice.api.store import Store
from orchestrator.practice.api.writing import current, set_status, update

Object = dict[str, Any]
SCALE: Final = Kind(
    name="Scale", plural="scales", group="autoscaling", schema="autoscaling.v1.Scale"
)
SUCCESS: Final[Object] = {
    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
}  # fmt: skip
_BINDING: Final = replace(POD, plural="pods/binding")
_PLACE_LABELS: Final = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
_UNCOUNTED: Final = {"Pending", "Succeeded", "Failed"}


def scale_of(kind: Kind, obj: Object) -> Object:
    """The scale of a workload."""
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    where = kind.scale or _PLAIN
    status: Object = {"replicas": _read(obj, where.present)}
    selector = where.selector(obj)
    if selector:
        status["selector"] = selector
    replicas = _read(obj, where.wanted)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def _no_selector(_obj: Object) -> str:
    return ""


_PLAIN: Final = Scale(_no_selector)


def _read(obj: Object, path: tuple[str, ...]) -> int:
    """The number at a path, 0 where there is none."""
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, int) else 0


def _written(obj: Object, path: tuple[str, ...], number: int) -> Object:
    """The object with a number at a path."""
    head, *rest = path
    inner = obj.get(head)
    below = inner if isinstance(inner, dict) else {}
    return {**obj, head: _written(below, tuple(rest), number) if rest else number}


def rescale(
    store: Store,
    kind: Kind,
    obj: Object,
    scale: Object,
    *,
    dry: bool,
    by: Author,
    force: bool | None = None,
) -> Object:
    """Give a workload the number of replicas that a scale says.

    Shape: force is None unless the scale is applied.
    Raises: ApiError: the number is negative, the scale is of an older version, or it is applied
    and in conflict.
    """
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        text = "must be greater than or equal to 0"
        cause = Cause.invalid("spec.replicas", replicas, text)
        raise invalid(SCALE, obj["metadata"]["name"], [cause])
    metadata = dict(obj["metadata"])
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version:
        metadata["resourceVersion"] = version
    path = (kind.scale or _PLAIN).wanted
    wanted = {**_written(obj, path, replicas), "metadata": metadata}
    if force is not None:
        wish = Application(
            kind=kind, configuration=_written({}, path, replicas), manager=by.manager,
            subresource=by.subresource, force=force, at=store.now(),
        )  # fmt: skip
        wanted, by = applied(wish, obj | {"metadata": metadata}, metadata["name"]), SYSTEM
    asked = Attempt(
        kind=kind,
        operation="UPDATE",
        name=obj["metadata"]["name"],
        namespace=obj["metadata"].get("namespace", ""),
        part="scale",
        new=scale,
        old=scale_of(kind, obj),
    )
    return scale_of(kind, update(store, kind, obj, wanted, asked=asked, dry=dry, by=by))


def bind(store: Store, pod: Object, node: str, *, dry: bool = False) -> None:
    """Assign a pod to a node.

    Raises: ApiError: 409, it has a node already or is being deleted.
    """
    metadata, taken = pod["metadata"], pod["spec"].get("nodeName")
    if "deletionTimestamp" in metadata:
        why = f"pod {metadata['name']} is being deleted, cannot be assigned to a host"
        raise conflict(_BINDING, metadata["name"], why)
    if taken:
        why = f'pod {metadata["name"]} is already assigned to node "{taken}"'
        raise conflict(_BINDING, metadata["name"], why)
    scheduled = {
        "type": "PodScheduled", "status": "True", "lastProbeTime": None,
        "lastTransitionTime": stamp(store.now()),
    }  # fmt: skip
    refuse_barred(store, _new_part(pod, "binding"))
    others = [
        condition for condition in pod.get("status", {}).get("conditions", ())
        if condition["type"] != "PodScheduled"
    ]  # fmt: skip
    status = {**pod.get("status", {}), "conditions": [*others, scheduled]}
    bound = {
        **pod,
        "metadata": {**metadata, "labels": {**metadata.get("labels", {}), **_place(store, node)}},
        "spec": {**pod["spec"], "nodeName": node},
        "status": status,
    }
    if not dry:
        store.write(POD, bound)


def _place(store: Store, node: str) -> Object:
    """The labels that say where a node is; its pods get them as well."""
    labels = (store.get(NODE, "", node) or {"metadata": {}})["metadata"].get("labels", {})
    return {key: labels[key] for key in _PLACE_LABELS if key in labels}


def evict(store: Store, pod: Object, deletion: Deletion) -> None:
    """Delete a pod unless a disruption budget forbids it.

    Raises: ApiError: 429, a budget would be broken.
    """
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    refuse_barred(store, _new_part(pod, "eviction"))
    if _counts(pod):
        budget = _budget(store, pod)
        if budget is not None and not _is_spare(pod, budget):
            _spend(store, budget, name, dry=deletion.dry)
    if not deletion.dry:
        _mark_disrupted(store, pod)
    delete(store, POD, current(store, POD, namespace, name), deletion, is_evicted=True)


def _new_part(pod: Object, part: str) -> Attempt:
    """What is made of a pod that is bound or evicted; it has none of the pod's labels."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    return Attempt(kind=POD, operation="CREATE", name=name, namespace=namespace, part=part, new={})


def _counts(pod: Object) -> bool:
    return (
        pod.get("status", {}).get("phase") not in _UNCOUNTED
        and "deletionTimestamp" not in pod["metadata"]
    )


def _budget(store: Store, pod: Object) -> Object | None:
    labels = pod["metadata"].get("labels", {})
    found = [
        budget
        for budget in store.objects(DISRUPTION_BUDGET, pod["metadata"]["namespace"])
        if "selector" in budget.get("spec", {})
        and of_object(budget["spec"]["selector"]).holds(labels)
    ]
    if len(found) > 1:
        raise internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does "
            "not support."
        )
    return found[0] if found else None


def _is_spare(pod: Object, budget: Object) -> bool:
    """Whether a pod that is not ready may go without touching the budget."""
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod["status"].get("conditions", ())
    )
    if ready:
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status", {})
    return (
        bool(status.get("desiredHealthy")) and status["currentHealthy"] >= status["desiredHealthy"]
    )


def _spend(store: Store, budget: Object, pod: str, *, dry: bool) -> None:
    status, metadata = budget.get("status", {}), budget["metadata"]
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        text = f"The disruption budget {metadata['name']} is still being processed by the server."
        raise _refusal(text, retry_seconds=10)
    if status.get("disruptionsAllowed", 0) <= 0:
        text = (
            f"The disruption budget {metadata['name']} needs {status.get('desiredHealthy', 0)} "
            f"healthy pods and has {status.get('currentHealthy', 0)} currently"
        )
        raise _refusal(text)
    if dry:
        return
    disrupted = {**status.get("disruptedPods", {}), pod: stamp(store.now())}
    left = status["disruptionsAllowed"] - 1
    spent = {**status, "disruptionsAllowed": left, "disruptedPods": disrupted}
    set_status(store, DISRUPTION_BUDGET, budget, spent)


def _refusal(text: str, *, retry_seconds: int = 0) -> ApiError:
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": text}]}
    if retry_seconds:
        details["retryAfterSeconds"] = retry_seconds
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return ApiError(429, "TooManyRequests", message, details=details)


def _mark_disrupted(store: Store, pod: Object) -> None:
    condition = {
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastProbeTime": None,
        "lastTransitionTime": stamp(store.now()),
    }  # fmt: skip
    others = [
        entry for entry in pod.get("status", {}).get("conditions", ())
        if entry["type"] != "DisruptionTarget"
    ]  # fmt: skip
    set_status(store, POD, pod, {**pod.get("status", {}), "conditions": [*others, condition]})
