"""The tables of volumes, claims and storage classes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.columns.ages import AGE, NAME
from orchestrator.practice.api.kinds import Column
from orchestrator.practice.api.selectors import field

Object = dict[str, Any]
_SHORT: Final = {
    "ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}  # fmt: skip


def _text(path: str, otherwise: str = "") -> Any:
    read = field(path)

    def cell(obj: Object, _now: datetime) -> str:
        return read(obj) or otherwise

    return cell


def _modes(modes: Any) -> str:
    return ",".join(short for mode, short in _SHORT.items() if mode in (modes or ()))


def _phase(obj: Object, _now: datetime) -> str:
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    return str(obj.get("status", {}).get("phase", ""))


def _volume_modes(volume: Object, _now: datetime) -> str:
    return _modes(volume["spec"].get("accessModes"))


def _claim_modes(claim: Object, _now: datetime) -> str:
    bound = claim["spec"].get("volumeName")
    return _modes(claim.get("status", {}).get("accessModes")) if bound else ""


def _claim_capacity(claim: Object, _now: datetime) -> str:
    bound = claim["spec"].get("volumeName")
    return str(claim.get("status", {}).get("capacity", {}).get("storage", "0")) if bound else ""


def _claimed_by(volume: Object, _now: datetime) -> str:
    reference = volume["spec"].get("claimRef")
    return f"{reference.get('namespace', '')}/{reference.get('name', '')}" if reference else ""


_CLASS: Final = Column("StorageClass", _text("spec.storageClassName"))
_ATTRIBUTES: Final = Column(
    "VolumeAttributesClass", _text("spec.volumeAttributesClassName", "<unset>")
)
_MODE: Final = Column("VolumeMode", _text("spec.volumeMode", "<unset>"), priority=1)
VOLUME_COLUMNS: Final = (
    NAME,
    Column("Capacity", _text("spec.capacity.storage", "0")),
    Column("Access Modes", _volume_modes),
    Column("Reclaim Policy", _text("spec.persistentVolumeReclaimPolicy")),
    Column("Status", _phase),
    Column("Claim", _claimed_by),
    _CLASS,
    _ATTRIBUTES,
    Column("Reason", _text("status.reason")),
    AGE,
    _MODE,
)
CLAIM_COLUMNS: Final = (
    NAME,
    Column("Status", _phase),
    Column("Volume", _text("spec.volumeName")),
    Column("Capacity", _claim_capacity),
    Column("Access Modes", _claim_modes),
    _CLASS,
    _ATTRIBUTES,
    AGE,
    _MODE,
)


def _expands(storage_class: Object, _now: datetime) -> bool:
    return bool(storage_class.get("allowVolumeExpansion"))


CLASS_COLUMNS: Final = (
    NAME,
    Column("Provisioner", _text("provisioner")),
    Column("ReclaimPolicy", _text("reclaimPolicy")),
    Column("VolumeBindingMode", _text("volumeBindingMode")),
    Column("AllowVolumeExpansion", _expands),
    AGE,
)
