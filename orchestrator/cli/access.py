"""Tells whether the guard's account may do what a plan needs, and whether it may do more.

A cluster that is not there is no fault of the plan: then it says that nobody was asked.
"""

from dataclasses import dataclass
from typing import Any

import anyio
import click

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.plan import Plan
from orchestrator.guard.permissions import Permission
from orchestrator.guard.reviewing import Reviewed, review


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
        return Asked(reviewed=anyio.run(review, plan))
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
    if asked.reviewed.excess:
        click.echo(f"warning: the guard's account may {_told(asked.reviewed.excess)};")
        click.echo("  it needs no more than `chaosday rbac PLAN` prints")


def _told(excess: tuple[Permission, ...]) -> str:
    if any(each.verb == "*" for each in excess):
        return "do anything in the cluster"
    return ", ".join(map(str, excess))
