"""Asks the cluster what the guard's account may do: whether that is enough, and whether too much.

It changes nothing: a review is a question that the API server answers at once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio

from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.domain.plan import Plan
from orchestrator.guard.credentials import load_access
from orchestrator.guard.excess import beyond, places_for, samples_beyond
from orchestrator.guard.permissions import Permission, needed_for
from orchestrator.guard.upstream import Upstream, connected
from orchestrator.ports import Clock

_REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_RULES: Final = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What the guard's account lacks, and what it has beyond its needs."""

    missing: tuple[Permission, ...] = ()
    excess: tuple[Permission, ...] = ()
    unlisted: str = ""
    """Why there may be more in excess than is told; empty where the cluster listed everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """What the account may do in each namespace that was asked about."""

    rules: Mapping[str, Sequence[Mapping[str, Any]]]
    unlisted: str = ""


async def review(plan: Plan, *, clock: Clock) -> Reviewed:
    """Ask the cluster of a plan about the account that its guards would use.

    Raises: KubeconfigUnreadable; ClusterUnavailable.
    """
    cluster = plan.cluster
    access = await asyncio.to_thread(
        load_access, kubeconfig=cluster.kubeconfig, context=cluster.context, clock=clock
    )
    async with connected(access) as upstream:
        needed, listed = needed_for(plan), await _listed(upstream, places_for(plan))
        samples = samples_beyond(plan) if listed.unlisted else ()
        allowed = await _allowed(upstream, [*needed, *samples])
    excess = {*beyond(plan, listed.rules), *(each for each in samples if each in allowed)}
    return Reviewed(
        missing=tuple(each for each in needed if each not in allowed),
        excess=tuple(sorted(excess)),
        unlisted=listed.unlisted,
    )


async def _listed(upstream: Upstream, places: Sequence[str]) -> _Listed:
    """The rules of the account in each of the places, as far as the cluster lists them."""
    rules: dict[str, Sequence[Mapping[str, Any]]] = {}
    unlisted = ""
    for place in places:
        reply = await upstream.send("POST", _RULES, body=_question(place))
        if not reply.is_success:
            return _Listed(rules={}, unlisted=reply.message())
        status = reply.document().get("status") or {}
        rules[place] = status.get("resourceRules") or ()
        if status.get("incomplete") is True:
            unlisted = unlisted or status.get("evaluationError") or "it does not say why"
    return _Listed(rules=rules, unlisted=unlisted)


def _question(place: str) -> dict[str, Any]:
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": place},
    }


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
