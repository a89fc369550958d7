"""Tells whether the guard's account may do what a plan needs, and whether it may do more.

A cluster that is not there is no fault of the plan: then it says that nobody was asked.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import anyio
import click

from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.plan import Plan
from orchestrator.guard.permissions import Permission
from orchestrator.guard.reviewing import Reviewed, review

_AT_MOST: Final = 12
"""How many lines are told; an account that may do a lot may do a lot of things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The answer of the cluster, or why there is none."""

    reviewed: Reviewed | None = None
    problem: str = ""

    @property
    def is_lacking(self) -> bool:
        """Whether the account may not do something that a run of the plan would."""
        return self.reviewed is not None and bool(self.reviewed.missing)


def access_of(plan: Plan) -> Asked:
    """Ask the cluster of a plan."""
    try:
        return Asked(reviewed=anyio.run(partial(review, plan, clock=SystemClock())))
    except Unavailable as error:
        return Asked(problem=str(error))


def access_document(asked: Asked) -> dict[str, Any]:
    """The answer for machines."""
    reviewed = asked.reviewed or Reviewed()
    return {
        "asked": asked.reviewed is not None,
        "problem": asked.problem,
        "missing": [str(each) for each in reviewed.missing],
        "excess": [str(each) for each in reviewed.excess],
        "unlisted": reviewed.unlisted,
    }


def tell_access(asked: Asked) -> None:
    """The answer for people."""
    if asked.reviewed is None:
        click.echo(f"the cluster was not asked what the guard may do there: {asked.problem}")
        return
    for permission in asked.reviewed.missing:
        click.echo(f"MISSING: the guard's account may not {permission}")
    if asked.reviewed.missing:
        click.echo("grant what is missing: chaosday rbac PLAN | kubectl apply -f -")
    _tell_excess(asked.reviewed)


def _tell_excess(reviewed: Reviewed) -> None:
    if reviewed.excess:
        told = _told(reviewed.excess)
        click.echo("warning: the guard's account may do more than `chaosday rbac PLAN` prints:")
        for each in told[:_AT_MOST]:
            click.echo(f"  {each}")
        if len(told) > _AT_MOST:
            click.echo(f"  and {len(told) - _AT_MOST} more, which --json lists")
    if reviewed.unlisted:
        click.echo(
            "the cluster does not list all that the guard's account may do, so it may be more:"
            f" {reviewed.unlisted}"
        )


def _told(excess: tuple[Permission, ...]) -> list[str]:
    """What is in excess, a line for each kind of object."""
    if any(each.is_everything for each in excess):
        return ["do anything in the cluster"]
    verbs: dict[str, list[str]] = {}
    for each in excess:
        verbs.setdefault(each.what, []).append("do anything to" if each.verb == "*" else each.verb)
    return [f"{', '.join(listed)} {what}" for what, listed in verbs.items()]
