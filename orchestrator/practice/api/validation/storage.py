"""The rules of volumes and of claims on them."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.quantities import quantity
from orchestrator.practice.api.statuses import Cause

Object = dict[str, Any]
_MODES: Final = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"}
_FIXED: Final = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName "
    "for bound claims"
)
_NO_SOURCE: Final = "must specify a volume type"


def claim_spec_causes(spec: Object, field: str) -> list[Cause]:
    """What is wrong with what a claim asks for."""
    causes = _mode_causes(spec, field)
    storage = spec.get("resources", {}).get("requests", {}).get("storage")
    where = f"{field}.resources[storage]"
    if storage is None:
        causes.append(Cause.required(where))
    elif quantity(storage) <= 0:
        causes.append(Cause.invalid(where, storage, "must be greater than zero"))
    return causes


def _mode_causes(spec: Object, field: str) -> list[Cause]:
    modes = spec.get("accessModes", [])
    if not modes:
        return [Cause.required(f"{field}.accessModes", "at least 1 access mode is required")]
    return [
        Cause.unsupported(f"{field}.accessModes", mode, _MODES)
        for mode in modes
        if mode not in _MODES
    ]


def claim_causes(claim: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a claim."""
    causes = claim_spec_causes(claim["spec"], "spec")
    if old is None or _fixed(claim["spec"]) == _fixed(old["spec"]):
        return causes
    return [*causes, Cause.forbidden("spec", _FIXED)]


def _fixed(spec: Object) -> Object:
    """What of a claim may not change, apart from the volume that it is bound to."""
    changeable = {"resources", "volumeAttributesClassName", "volumeName"}
    return {key: value for key, value in spec.items() if key not in changeable}


def volume_causes(volume: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a persistent volume."""
    spec = volume["spec"]
    causes = _mode_causes(spec, "spec")
    storage = spec.get("capacity", {}).get("storage")
    if not spec.get("capacity"):
        causes.append(Cause.required("spec.capacity"))
    elif storage is None or quantity(storage) <= 0:
        found = spec["capacity"] if storage is None else storage
        text = "must be greater than zero"
        causes.append(Cause.invalid("spec.capacity[storage]", found, text))
    if not any(isinstance(value, dict) for key, value in spec.items() if key not in _NO_VOLUME):
        causes.append(Cause.required("spec", _NO_SOURCE))
    return causes


_NO_VOLUME: Final = {"capacity", "claimRef", "nodeAffinity"}


def storage_class_causes(storage_class: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a storage class."""
    causes = [] if storage_class.get("provisioner") else [Cause.required("provisioner")]
    if old is None:
        return causes
    return causes + [
        Cause.forbidden(key, f"updates to {key} are forbidden.")
        for key in ("parameters", "provisioner", "reclaimPolicy")
        if storage_class.get(key) != old.get(key)
    ]
