"""What a write really touches, put together for the verdict.

It does not decide whether that is too much.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from orchestrator.domain.blast_radius import BlastRadius, Budgets, Write
from orchestrator.domain.changeable import changed_fields
from orchestrator.domain.undo import Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact import (
    admission,
    autoscalers,
    chaos_mesh,
    ingresses,
    nodes,
    policies,
    protection,
    workloads,
)
from orchestrator.guard.impact.budgets import left_of
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import NOTHING, Impact, target_of
from orchestrator.guard.kinds import Expansion
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.upstream import Upstream

_Expand: TypeAlias = Callable[[Draft, Surroundings], Awaitable[Impact]]

_EXPAND: Final[Mapping[Expansion, _Expand]] = {
    Expansion.POD: workloads.of_pod,
    Expansion.WORKLOAD: workloads.of_workload,
    Expansion.JOB: workloads.of_job,
    Expansion.NODE: nodes.of_node,
    Expansion.SERVICE: policies.of_service,
    Expansion.INGRESS: ingresses.of_ingress,
    Expansion.ISOLATION: policies.of_isolation,
    Expansion.BUDGET: protection.of_budget,
    Expansion.QUOTA: policies.of_quota,
    Expansion.AUTOSCALER: autoscalers.of_autoscaler,
    Expansion.CHAOS: chaos_mesh.of_chaos,
    Expansion.WEBHOOKS: admission.of_webhooks,
    Expansion.ADMISSION_POLICY: admission.of_policy,
    Expansion.ADMISSION_BINDING: admission.of_binding,
}


class Targets:
    """Finds what writes touch, by asking the cluster."""

    def __init__(self, upstream: Upstream, ledger: Ledger, radius: BlastRadius) -> None:
        is_narrow = bool(radius.selectors)
        self._around = Surroundings(
            upstream, ledger, radius.namespaces, kinds=radius.kinds, is_narrow=is_narrow
        )
        self._keeps_budgets = radius.disruption_budgets is Budgets.RESPECTED

    async def write(self, draft: Draft) -> Write:
        """The write, expanded to all that it touches.

        Raises: NotLetThrough: that cannot be told; ClusterUnavailable.
        """
        self._around.look_anew()
        expand = _EXPAND.get(draft.call.kind.expansion)
        # What changes nothing touches nothing.
        impact = (
            NOTHING
            if expand is None or draft.changes_nothing
            else await expand(draft, self._around)
        )
        is_new = draft.verb is Verb.CREATE
        counts_budgets = self._keeps_budgets and draft.verb is not Verb.EVICT and not is_new
        is_changed = draft.before is not None and draft.after is not None
        return Write(
            verb=draft.verb,
            kind=draft.ref.kind,
            written=target_of(draft.ref.kind, draft.document),
            lost=impact.lost,
            reached=impact.reached,
            candidates=impact.candidates,
            staying=impact.staying,
            namespaces=impact.namespaces,
            finds=impact.finds,
            sizes=await self._around.sizes(impact.lost),
            left=await left_of(impact, self._around) if counts_budgets else (),
            changed=changed_fields(draft.before or {}, draft.after or {})
            if is_changed
            else frozenset(),
            creates=is_new,
            is_carrier=is_new and draft.call.kind.is_carrier,
            irreversible=impact.irreversible,
            weakened=impact.weakened,
        )
