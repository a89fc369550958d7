"""Volumes, claims on them, and storage classes."""

from __future__ import annotations

from typing import Final

from orchestrator.practice.api.columns.storage import CLAIM_COLUMNS, CLASS_COLUMNS, VOLUME_COLUMNS
from orchestrator.practice.api.defaults import storage as defaults
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.validation import storage as rules

VOLUME: Final = Kind(
    name="PersistentVolume", plural="persistentvolumes", schema="core.v1.PersistentVolume",
    namespaced=False, short_names=("pv",), has_generation=False, columns=VOLUME_COLUMNS,
    default=defaults.default_volume, validate=rules.volume_causes, returns_deleted=True,
)  # fmt: skip
CLAIM: Final = Kind(
    name="PersistentVolumeClaim", plural="persistentvolumeclaims",
    schema="core.v1.PersistentVolumeClaim", short_names=("pvc",), has_generation=False,
    columns=CLAIM_COLUMNS, default=defaults.default_claim, validate=rules.claim_causes,
    returns_deleted=True,
)  # fmt: skip
STORAGE_CLASS: Final = Kind(
    name="StorageClass", plural="storageclasses", group="storage.k8s.io",
    schema="storage.v1.StorageClass", namespaced=False, short_names=("sc",), has_status=False,
    has_generation=False, columns=CLASS_COLUMNS, default=defaults.default_storage_class,
    validate=rules.storage_class_causes, returns_deleted=True,
)  # fmt: skip
