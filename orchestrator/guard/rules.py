"""Rules about what a write does to its object, beside the limits of the run.

A write that could not be put back, or that would gain powers over the cluster, is refused
whatever the plan says. Where a write may lie and how much it may take is the blast radius's to
say.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orchestrator.domain.blast_radius import Denied
from orchestrator.domain.net_effect import NetEffect
from orchestrator.domain.undo import Change, Document, Path, Verb, value_at
from orchestrator.guard.drafting import Draft

_REVISION: Final[Path] = ("metadata", "annotations", "deployment.kubernetes.io/revision")
_PLAIN_SERVICE: Final = frozenset({None, "ClusterIP"})


def never(draft: Draft) -> Denied | None:
    """Why no run may make this write; None when one might."""
    return _fields(draft) or _finalizers(draft) or _privileges(draft) or _volumes(draft)


def _finalizers(draft: Draft) -> Denied | None:
    """An object is not made with a finalizer that nobody takes off: it could not be deleted."""
    if draft.before is not None or draft.call.kind.is_carrier:
        return None
    named = ((draft.call.body or {}).get("metadata") or {}).get("finalizers")
    if draft.verb is Verb.CREATE and named:
        return Denied(
            rule="finalizers",
            reason="an object that is created with metadata.finalizers may never go again;"
            " leave them out",
        )
    return None


def _fields(draft: Draft) -> Denied | None:
    for path in draft.changes:
        if not any(path[: len(allowed)] == allowed for allowed in draft.call.kind.fields):
            return Denied(
                rule="fields",
                reason=f"{'.'.join(path)} is no field that can be changed and safely put back",
            )
    if draft.before is not None and draft.after is not None:
        before, after = (value_at(each, _REVISION) for each in (draft.before, draft.after))
        if before != after:
            return Denied(rule="fields", reason=f"{'.'.join(_REVISION)} is its controller's")
    return None


def _privileges(draft: Draft) -> Denied | None:
    if draft.after is None:
        return None
    gained = _powers(draft.ref.kind, draft.after) - _powers(draft.ref.kind, draft.before or {})
    if gained:
        return Denied(
            rule="privileges", reason=f"it would give pods what they do not have: {min(gained)}"
        )
    return None


def _powers(kind: str, document: Document) -> frozenset[str]:
    """What pods made from an object may do beyond running an image."""
    spec = document.get("spec") or {}
    match kind:
        case "services":
            outside = spec.get("type") not in _PLAIN_SERVICE or bool(spec.get("externalIPs"))
            return frozenset({f"type {spec.get('type')} or external addresses"} if outside else ())
        case "pods":
            return frozenset(_pod_powers(spec))
        case _:
            return frozenset(_pod_powers((spec.get("template") or {}).get("spec") or {}))


def _pod_powers(spec: Mapping[str, Any]) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield name
    account = spec.get("serviceAccountName")
    if account and account != "default":
        yield f"the service account {account}"
    for volume in spec.get("volumes") or ():
        for source in ("hostPath", "secret", "persistentVolumeClaim", "csi"):
            if source in volume:
                yield f"the {source} of volume {volume.get('name')}: {volume[source]}"
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "secret" in source:
                yield f"the secret of volume {volume.get('name')}: {source['secret']}"
    for group in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(group) or ():
            yield from _container_powers(container)


def _container_powers(container: Mapping[str, Any]) -> Iterator[str]:
    context = container.get("securityContext") or {}
    for name in ("privileged", "allowPrivilegeEscalation", "procMount"):
        if context.get(name):
            yield name
    for capability in (context.get("capabilities") or {}).get("add") or ():
        yield f"the capability {capability}"
    for source in container.get("envFrom") or ():
        if "secretRef" in source:
            yield f"the secret {source['secretRef'].get('name')}"
    for variable in container.get("env") or ():
        if reference := (variable.get("valueFrom") or {}).get("secretKeyRef"):
            yield f"the secret {reference.get('name')}"


def _volumes(draft: Draft) -> Denied | None:
    spec = (draft.before or {}).get("spec") or {}
    policy = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    when = "whenDeleted" if draft.after is None else "whenScaled"
    if policy.get(when) == "Delete" and (draft.after is None or _is_smaller(draft)):
        return Denied(
            rule="irreversible", reason=f"its volumes would be deleted with its pods ({when})"
        )
    return None


def _is_smaller(draft: Draft) -> bool:
    before, after = draft.changes.get(("spec", "replicas"), (0, 0))
    return bool(before > after)


def not_ours(draft: Draft, effect: NetEffect | None) -> Denied | None:
    """Why a write may not be made while the run rolls back; None when it may.

    Then only what the run itself did may be written, as far as nobody else has changed it.
    """
    if effect is None:
        return Denied(rule="rollback", reason="this run has not changed it, so has nothing to undo")
    match draft.verb:
        case Verb.EVICT:
            return Denied(rule="rollback", reason="an eviction undoes nothing")
        case Verb.EXEC if not any(each.verb is Verb.EXEC for each in effect.records):
            return Denied(rule="rollback", reason="this run has not run a command in it")
        case Verb.DELETE if not effect.made(draft.document):
            return Denied(rule="rollback", reason="this run did not create it")
        case Verb.CREATE if effect.deleted is None:
            return Denied(rule="rollback", reason="this run did not delete it")
        case Verb.CHANGE if not effect.made(draft.document):
            return _changed_by_others(draft, effect)
        case _:
            return None


def _changed_by_others(draft: Draft, effect: NetEffect) -> Denied | None:
    for path in draft.changes:
        ours = [(each, c) for each, c in effect.changes.items() if _overlap(each, path)]
        field = ".".join(path)
        if not ours:
            return Denied(rule="rollback", reason=f"this run has not changed {field}")
        if not all(_holds(draft.document, each, change) for each, change in ours):
            return Denied(rule="rollback", reason=f"{field} was changed by others meanwhile")
    return None


def _overlap(one: Path, other: Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _holds(document: Document, path: Path, change: Change) -> bool:
    return value_at(document, path) in change.ours


def puts_back(draft: Draft, effect: NetEffect | None) -> bool:
    """Whether a write does nothing but restore what was there before the run."""
    if effect is None:
        return False
    if draft.verb is Verb.DELETE:
        return effect.made(draft.document)
    return draft.verb is Verb.CHANGE and all(
        path in effect.changes and after == effect.changes[path].was
        for path, (_, after) in draft.changes.items()
    )


def removes_own(draft: Draft, effect: NetEffect | None) -> bool:
    """Whether a write takes away nothing but what the run itself made."""
    return draft.verb is Verb.DELETE and effect is not None and effect.made(draft.document)


def not_carried(draft: Draft, effect: NetEffect | None) -> Denied | None:
    """Why a write may not touch something that carries a fault; None when it may.

    A client that was told that its object exists already may take another's for its own.
    """
    is_own = effect is not None and effect.made(draft.document)
    if draft.verb is Verb.CREATE or not draft.call.kind.is_carrier or is_own:
        return None
    return Denied(
        rule="own", reason="this run did not make it, and only what it made may it change or delete"
    )
