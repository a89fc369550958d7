"""Defaults of volumes, claims and storage classes.

Binding a claim to a volume is nobody's business here.
"""

from __future__ import annotations

from typing import Any, Final

Object = dict[str, Any]
CLAIM_PROTECTION: Final = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION: Final = "kubernetes.io/pv-protection"


def default_claim_spec(spec: Object) -> None:
    """Fill in what a claim asks for."""
    spec.setdefault("volumeMode", "Filesystem")


def default_claim(claim: Object) -> None:
    """Fill in a claim."""
    default_claim_spec(claim.setdefault("spec", {}))
    claim.setdefault("status", {"phase": "Pending"})


def default_volume(volume: Object) -> None:
    """Fill in a persistent volume."""
    spec = volume.setdefault("spec", {})
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")
    volume.setdefault(
        "status",
        {"phase": "Pending", "lastPhaseTransitionTime": volume["metadata"]["creationTimestamp"]},
    )


def default_storage_class(storage_class: Object) -> None:
    """Fill in a storage class."""
    storage_class.setdefault("reclaimPolicy", "Delete")
    storage_class.setdefault("volumeBindingMode", "Immediate")
