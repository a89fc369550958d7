"""Asks the cluster what the guard's account may do: whether that is enough, and whether too much.

It changes nothing: a review is a question that the API server answers at once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import anyio

from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.plan import Plan
from orchestrator.guard.credentials import load_access
from orchestrator.guard.permissions import Permission, excess_beyond, needed_for
from orchestrator.guard.upstream import Upstream, connected

_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What the guard's account lacks, and what it has beyond its needs."""

    missing: tuple[Permission, ...] = ()
    excess: tuple[Permission, ...] = ()


async def review(plan: Plan) -> Reviewed:
    """Ask the cluster of a plan about the account that its guards would use.

    Raises: KubeconfigUnreadable; ClusterUnavailable.
    """
    cluster = plan.cluster
    access = await asyncio.to_thread(
        load_access, kubeconfig=cluster.kubeconfig, context=cluster.context
    )
    async with connected(access) as upstream:
        needed, beyond = needed_for(plan), excess_beyond(plan)
        allowed = await _allowed(upstream, [*needed, *beyond])
    return Reviewed(
        missing=tuple(each for each in needed if each not in allowed),
        excess=tuple(each for each in beyond if each in allowed),
    )


async def _allowed(upstream: Upstream, permissions: Sequence[Permission]) -> set[Permission]:
    """Those of the permissions that the account has."""
    found: set[Permission] = set()
    problems: list[ClusterUnavailable] = []
    limit = anyio.CapacityLimiter(_AT_ONCE)

    async def ask(permission: Permission) -> None:
        async with limit:
            try:
                if not problems and await _is_allowed(upstream, permission):
                    found.add(permission)
            except ClusterUnavailable as error:
                problems.append(error)

    async with anyio.create_task_group() as tasks:
        for permission in permissions:
            tasks.start_soon(ask, permission)
    if problems:
        raise problems[0]
    return found


async def _is_allowed(upstream: Upstream, permission: Permission) -> bool:
    resource, _, part = permission.resource.partition("/")
    attributes = {
        "namespace": permission.namespace,
        "group": permission.group,
        "resource": resource,
        "subresource": part,
        "verb": permission.verb,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    reply = await upstream.send("POST", _REVIEWS, body=body)
    if not reply.is_success:
        problem = f"it does not say what the account may do: {reply.message()}"
        raise ClusterUnavailable(cluster=upstream.server, problem=problem)
    return (reply.document().get("status") or {}).get("allowed") is True
