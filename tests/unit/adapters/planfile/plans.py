"""Plans to read in tests, and what was said of them."""

import pytest

from orchestrator.adapters.planfile import PlanFile
from orchestrator.domain.errors import InvalidPlan

SMALL = """\
version: 1
day: {name: Checkout under pressure}
environment: test
window: {zone: Europe/Vienna, opens: 2026-12-01T09:00, closes: 2026-12-01T17:00}
people:
  - {name: Fay, role: facilitator}
  - {name: Ari, role: agent}
services:
  - {name: checkout, team: payments, namespace: shop}
agenda:
  - box: first
    at: 09:30
    lasts: 15m
    experiment: pod-killed
    service: checkout
  - box: second
    at: 10:30
    lasts: 15m
    experiment: bad-image
blast_radius:
  namespaces: [shop]
  selectors: {part-of: shop}
  kinds: [pods, deployments]
  most_objects: 4
  most_share: 50%
  longest: 20m
abort_when:
  - {out_for: 60s}
"""


def edited(old: str, new: str, *, text: str = SMALL) -> str:
    """The text with one part, which it has, replaced."""
    assert old in text
    return text.replace(old, new, 1)


def faults(text: str) -> list[str]:
    """What the reader says of a plan that it refuses."""
    with pytest.raises(InvalidPlan) as refusal:
        PlanFile().read(text, source="plan.yaml")
    return [str(fault) for fault in refusal.value.faults]
