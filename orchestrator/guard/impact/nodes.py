"""What stands behind a write to a node: the node, and the pods that it would drive away.

A drain is a cordon and evictions, each of which is judged by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from orchestrator.domain.blast_radius import NODES
from orchestrator.domain.undo import Document
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import NOTHING, Impact, spec_of, target_of

_DRIVES_AWAY: Final = "NoExecute"


async def of_node(draft: Draft, around: Surroundings) -> Impact:
    """A node that takes no more pods is lost, and with it the pods that may not stay.

    Those that may stay lose nothing, wherever they belong: they are found to be shown.
    """
    new = _new_taints(draft)
    if not new and not spec_of(draft.after).get("unschedulable"):
        return NOTHING
    node = replace(target_of("nodes", draft.document), workload=NODES)
    driving = [taint for taint in new if taint.get("effect") == _DRIVES_AWAY]
    pods = await around.pods("", fields=f"spec.nodeName={draft.ref.name}")
    away = [pod for pod in pods if not all(_tolerates(pod, taint) for taint in driving)]
    return Impact(
        lost=(node, *await around.tagged(away)),
        staying=tuple(target_of("pods", pod) for pod in pods if pod not in away),
    )


def _new_taints(draft: Draft) -> Sequence[Mapping[str, Any]]:
    before = spec_of(draft.before).get("taints") or ()
    return [taint for taint in spec_of(draft.after).get("taints") or () if taint not in before]


def _tolerates(pod: Document, taint: Mapping[str, Any]) -> bool:
    """Whether a pod may stay for good on a node with the taint."""
    return any(_matches(each, taint) for each in spec_of(pod).get("tolerations") or ())


def _matches(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    # Who tolerates it for a while only is driven away after that.
    if toleration.get("tolerationSeconds") is not None:
        return False
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint.get("key")}
    same = (toleration.get("key"), toleration.get("value") or "")
    return same == (taint.get("key"), taint.get("value") or "")
