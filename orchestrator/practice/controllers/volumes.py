"""The volume controllers: claims get volumes that are there, and both stay while they are in use.

No volume is made: a claim for which none is there waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.defaults.storage import CLAIM_PROTECTION, VOLUME_PROTECTION
from orchestrator.practice.api.quantities import quantity
from orchestrator.practice.api.served.core import POD
from orchestrator.practice.api.served.storage import CLAIM, VOLUME
from orchestrator.practice.api.store import Change, Store
from orchestrator.practice.api.writing import set_status, update
from orchestrator.practice.controllers.loops import ControlLoop, Key, key_of, own_key
from orchestrator.practice.controllers.recording import Recorder

Object = dict[str, Any]
NAME: Final = "persistentvolume-controller"
BOUND: Final = {
    "pv.kubernetes.io/bind-completed": "yes",
    "pv.kubernetes.io/bound-by-controller": "yes",
}
_NOT_FOUND: Final = "no persistent volumes available for this claim and no storage class is set"


class Volumes:
    """Looks after all claims and volumes. Keys of volumes have no namespace."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, NAME)

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {CLAIM: self._on_claim, VOLUME: self._on_volume, POD: self._on_pod}
        return ControlLoop(self._store, NAME, watches, self.reconcile)

    def _on_claim(self, change: Change) -> Iterable[Key]:
        yield key_of(change.stored.object)
        volume = change.stored.object["spec"].get("volumeName")
        if volume:
            yield "", volume

    def _on_volume(self, change: Change) -> Iterable[Key]:
        """The volume, and the claims that wait for one."""
        yield from own_key(change)
        for claim in self._store.objects(CLAIM):
            if claim["status"].get("phase") == "Pending":
                yield key_of(claim)

    def _on_pod(self, change: Change) -> Iterable[Key]:
        """The claims that a pod may have been the last to use."""
        pod = change.stored.object
        for name in claims_of(pod):
            claim = self._store.get(CLAIM, pod["metadata"]["namespace"], name)
            if claim is not None and "deletionTimestamp" in claim["metadata"]:
                yield key_of(claim)

    def reconcile(self, key: Key) -> timedelta | None:
        """Look after one claim or one volume."""
        if key[0]:
            claim = self._store.get(CLAIM, *key)
            if claim is not None:
                self._tend_claim(claim)
        else:
            volume = self._store.get(VOLUME, *key)
            if volume is not None:
                self._tend_volume(volume)
        return None

    def _tend_claim(self, claim: Object) -> None:
        if "deletionTimestamp" in claim["metadata"]:
            if not self._is_used(claim):
                self._unprotect(claim, CLAIM_PROTECTION)
            return
        if claim["status"].get("phase") != "Pending":
            return
        fitting = [volume for volume in self._store.objects(VOLUME) if _fits(claim, volume)]
        if fitting:
            self._bind(claim, min(fitting, key=lambda item: (_size(item), key_of(item))))
        else:
            self._explain(claim)

    def _explain(self, claim: Object) -> None:
        name = claim["spec"].get("storageClassName")
        if name:
            text = f'storageclass.storage.k8s.io "{name}" not found'
            self._events.note(claim, "ProvisioningFailed", text, warning=True)
        else:
            self._events.note(claim, "FailedBinding", _NOT_FOUND)

    def _bind(self, claim: Object, volume: Object) -> None:
        metadata = claim["metadata"]
        reference = {
            "kind": CLAIM.name, "apiVersion": "v1", "namespace": metadata["namespace"],
            "name": metadata["name"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        }  # fmt: skip
        spec = {**volume["spec"], "claimRef": reference}
        volume = update(self._store, VOLUME, volume, {**volume, "spec": spec})
        self._set_phase(volume, "Bound")
        annotations = {**metadata.get("annotations", {}), **BOUND}
        bound = {
            **claim,
            "metadata": {**metadata, "annotations": annotations},
            "spec": {**claim["spec"], "volumeName": volume["metadata"]["name"]},
        }
        status = {
            "phase": "Bound",
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["capacity"]["storage"]},
        }
        set_status(self._store, CLAIM, update(self._store, CLAIM, claim, bound), status)

    def _tend_volume(self, volume: Object) -> None:
        reference = volume["spec"].get("claimRef")
        claim = self._claim_of(reference) if reference else None
        if "deletionTimestamp" in volume["metadata"] and claim is None:
            self._unprotect(volume, VOLUME_PROTECTION)
        elif reference is None:
            self._set_phase(volume, "Available")
        elif claim is None and reference.get("uid"):
            self._set_phase(volume, "Released")

    def _claim_of(self, reference: Object) -> Object | None:
        claim = self._store.get(CLAIM, reference.get("namespace", ""), reference.get("name", ""))
        uid = reference.get("uid")
        return claim if claim is not None and uid in {None, claim["metadata"]["uid"]} else None

    def _set_phase(self, volume: Object, phase: str) -> None:
        if volume["status"].get("phase") != phase:
            status = {"phase": phase, "lastPhaseTransitionTime": stamp(self._store.now())}
            set_status(self._store, VOLUME, volume, {**volume["status"], **status})

    def _is_used(self, claim: Object) -> bool:
        namespace, name = key_of(claim)
        return any(
            name in claims_of(pod)
            for pod in self._store.objects(POD, namespace)
            if pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"}
            and pod["spec"].get("nodeName")
        )

    def _unprotect(self, obj: Object, finalizer: str) -> None:
        metadata = obj["metadata"]
        left = [name for name in metadata.get("finalizers", ()) if name != finalizer]
        kind = CLAIM if finalizer == CLAIM_PROTECTION else VOLUME
        if len(left) < len(metadata.get("finalizers", ())):
            update(self._store, kind, obj, {**obj, "metadata": {**metadata, "finalizers": left}})


def claims_of(pod: Object) -> set[str]:
    """The names of the claims that a pod uses."""
    return {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes", ())
        if "persistentVolumeClaim" in volume
    }


def _size(volume: Object) -> float:
    return quantity(volume["spec"]["capacity"]["storage"])


def _fits(claim: Object, volume: Object) -> bool:
    """Whether a volume that is free, or meant for a claim, is what the claim asks for."""
    wanted, offered = claim["spec"], volume["spec"]
    if "deletionTimestamp" in volume["metadata"]:
        return False
    reference = offered.get("claimRef")
    if reference is not None:
        named = (reference.get("namespace", ""), reference.get("name", ""))
        if named != key_of(claim) or reference.get("uid"):
            return False
    if wanted.get("volumeName", volume["metadata"]["name"]) != volume["metadata"]["name"]:
        return False
    return (
        wanted.get("storageClassName", "") == offered.get("storageClassName", "")
        and wanted.get("volumeMode") == offered.get("volumeMode")
        and set(wanted["accessModes"]) <= set(offered["accessModes"])
        and quantity(wanted["resources"]["requests"]["storage"]) <= _size(volume)
    )
