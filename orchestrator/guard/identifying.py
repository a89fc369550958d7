"""Finds out which cluster answers, so that nothing is ever put back in another one.

It does not decide what follows from it beyond a refusal.
"""

from typing import Final

from orchestrator.domain.cluster_identity import (
    ANCHOR,
    ClusterIdentity,
    elsewhere,
    identity_from,
    identity_of,
)
from orchestrator.domain.errors import AnotherCluster, ClusterUnavailable, NotApproved
from orchestrator.domain.guarding import GuardAssignment
from orchestrator.domain.identity import RunId
from orchestrator.domain.net_effect import uid_of
from orchestrator.guard.upstream import Upstream
from orchestrator.ports import UndoJournal

_UNTOLD: Final = frozenset({401, 403, 404})
"""Answers to an account that may not see the namespace."""


async def identify(upstream: Upstream) -> ClusterIdentity:
    """Which cluster answers. Raises: ClusterUnavailable."""
    reply = await upstream.send("GET", ANCHOR)
    found = reply.document()
    uid = uid_of(found) if reply.is_success else ""
    # A page of somebody in between says nothing of the cluster.
    is_untold = reply.status in _UNTOLD and found.get("kind") == "Status"
    if not uid and not is_untold:
        problem = f"GET {ANCHOR}: {reply.message()}"
        raise ClusterUnavailable(cluster=upstream.server, problem=problem)
    return identity_of(uid=uid, server=upstream.server)


async def must_be_the_same(run: RunId, upstream: Upstream, journal: UndoJournal) -> None:
    """Refuse a cluster that is not the one in which the run took its baseline.

    A run that took none wrote nothing. Raises: AnotherCluster; Unavailable.
    """
    was = identity_from(await journal.baseline(run))
    if was is None:
        return
    now = await identify(upstream)
    if not now.is_same_as(was):
        raise AnotherCluster(
            f"run {run} was in the cluster {was}, and the kubeconfig now leads to {now}: nothing"
            f" was written; name the first by `KUBECONFIG=... chaosday restore {run}`"
        )


async def must_be_approved(assignment: GuardAssignment, upstream: Upstream) -> None:
    """Refuse to start in a cluster that is not the one of the approved preview.

    One that is recovering puts right what it did where it was. Raises: NotApproved;
    ClusterUnavailable.
    """
    if assignment.approved_in is None or assignment.recovering:
        return
    if problem := elsewhere(assignment.approved_in, await identify(upstream)):
        raise NotApproved(run=assignment.run, problem=problem)
