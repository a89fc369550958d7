"""What stands behind a write, before it is judged.

It asks nothing of the cluster.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.blast_radius import Found, Target
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.labels import Requirement, requirements_of
from orchestrator.domain.net_effect import is_leaving, uid_of
from orchestrator.domain.undo import Document, Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.refusals import NotLetThrough


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a write touches beside the object in the request.

    Shape: as in `Write`; at_once is how many of the lost are down at the same time, None for
    all of them.
    """

    lost: tuple[Target, ...] = ()
    reached: tuple[Target, ...] = ()
    candidates: tuple[Target, ...] = ()
    staying: tuple[Target, ...] = ()
    namespaces: frozenset[str] = frozenset()
    finds: tuple[Found, ...] = ()
    at_once: int | None = None
    irreversible: str = ""
    weakened: str = ""


NOTHING = Impact()


def target_of(kind: str, document: Document) -> Target:
    """The object as something that is touched."""
    metadata = document["metadata"]
    return Target(
        kind=kind,
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
        uid=uid_of(document),
        labels=metadata.get("labels") or {},
    )


def invented(number: int, *, name: str, namespace: str, labels: Mapping[str, str]) -> Target:
    """A pod that has no name yet: a pod that is named later is never taken for it."""
    return Target(kind="pods", namespace=namespace, name=f"{name}#{number}", labels=labels)


def spec_of(document: Document | None) -> Mapping[str, Any]:
    """The spec of an object; empty when there is none."""
    found = (document or {}).get("spec")
    return found if isinstance(found, Mapping) else {}


def touches_spec(draft: Draft) -> bool:
    """Whether a write is about more than the metadata of its object."""
    return draft.verb is not Verb.CHANGE or any(path[0] == "spec" for path in draft.changes)


def specs_of(draft: Draft) -> Iterator[Mapping[str, Any]]:
    """The spec of the written object before the write and after it, as far as there is one."""
    for document in (draft.before, draft.after):
        if document is not None:
            yield spec_of(document)


def labels_of(document: Document) -> Mapping[str, str]:
    """The labels of an object."""
    return (document.get("metadata") or {}).get("labels") or {}


def is_running(pod: Document) -> bool:
    """Whether a pod is there to be taken away."""
    phase = (pod.get("status") or {}).get("phase")
    return not is_leaving(pod) and phase not in {"Succeeded", "Failed"}


def is_healthy(pod: Document) -> bool:
    """Whether a pod counts for a PodDisruptionBudget."""
    conditions: Sequence[Mapping[str, Any]] = (pod.get("status") or {}).get("conditions") or ()
    ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    return ready and is_running(pod)


def selector_of(selector: Mapping[str, Any] | None, *, key: str) -> tuple[Requirement, ...]:
    """The conditions of a selector. Raises: NotLetThrough: it cannot be understood."""
    try:
        return requirements_of(selector)
    except (InvalidValue, KeyError) as error:
        raise untold(key, f"its selector cannot be understood ({error})") from None


def untold(key: str, reason: str) -> NotLetThrough:
    """The refusal of a write of which nobody can tell what it would touch."""
    return NotLetThrough(target=key, rule="expansion", reason=reason)
