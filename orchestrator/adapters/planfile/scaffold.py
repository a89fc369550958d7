"""The plan that `chaosday init` writes to begin with.

It validates as it is; it knows the practice cluster's shop, and nothing of another cluster.
"""

import json
from datetime import date, timedelta
from typing import Final

from orchestrator.adapters.planfile.moments import read_zone
from orchestrator.adapters.planfile.units import Unreadable
from orchestrator.adapters.planfile.words import read_name
from orchestrator.domain.errors import InvalidValue

_TEXT: Final = """\
# The plan of a Chaos Day. `chaosday check FILE` says whether it is valid, and what is not.
# Every field is described in docs/howto/plan.md; `chaosday schema` prints the JSON Schema
# with which an editor completes and checks it.
version: 1

day:
  name: {name}
  # One of: build confidence, share knowledge, shape a resilience backlog, test improvements.
  theme: build confidence

# test or production. In production some limits are required: see blast_radius and abort_when.
environment: test

# The cluster to strike: by default the one that KUBECONFIG names, and its current context.
# cluster:
#   kubeconfig: /path/to/kubeconfig
#   context: shop-test

# Local times in the zone; a time that the clocks skip or show twice needs its offset.
window:
  zone: {zone}
  opens: {day}T09:00
  closes: {day}T12:00

# Everybody has one role. Responders see nothing of this plan until the debrief.
people:
  - {{name: Fay, role: facilitator, team: platform}}
  - {{name: Ari, role: agent, team: platform}}
  - {{name: Ada, role: responder, team: payments}}
  - {{name: Bo, role: responder, team: catalog}}
  - {{name: Rio, role: reader}}

services:
  - name: checkout
    team: payments
    namespace: shop
    # runbook: https://wiki.example.org/checkout
    # dashboard: https://grafana.example.org/d/checkout
  - {{name: payment, team: payments, namespace: shop}}
  - {{name: catalog, team: catalog, namespace: shop}}
  - {{name: stock, team: catalog, namespace: shop}}

# The most that one run may touch. Whatever a run does, the guard refuses what lies outside.
blast_radius:
  namespaces: [shop]
  # Labels that whatever is touched must carry; required in production.
  selectors: {{part-of: shop}}
  # Kinds, with what may be done to them: create, change, scale, delete, evict, exec. A list of
  # kinds alone, such as [pods, services], allows all of that.
  kinds: {{pods: [delete], deployments: [change, scale], services: [change]}}
  most_objects: 4
  # The part of one workload's pods that may be lost; production allows at most 50%.
  most_share: 100%
  longest: 20m

# Where HTTP requests of experiments may go; left out, to the addresses that each declares.
# may_reach: ["shop.example.org:443"]
# What must keep experiments from everything but their guard; left out, all of it in production.
# containment: required

# A run is ended early when a probe of its hypothesis is outside its tolerance for so long.
# `probe: NAME` makes it one probe; without it, any. At least one is required in production.
abort_when:
  - out_for: 2m

# Quotes are needed: # begins a comment.
channels:
  incident: "#inc-chaos"

# The day by the clock. `at` is a time of day, a date with a time of day, or a duration after
# the opening such as +10m. Boxes may overlap only if both say `beside_others: true`.
agenda:
  - box: one-checkout-pod-killed
    title: One of the pods of checkout is killed
    at: "09:15"
    lasts: 20m
    experiment: pod-killed
    service: checkout
    expects:
      - what: checkout goes on answering
      - {{what: a new pod is ready, within: 1m}}
    # Narrower than the day's, for this box alone.
    blast_radius: {{kinds: [pods], most_objects: 1, most_share: 34%}}

  - box: payment-scaled-to-zero
    title: Payment is scaled to zero
    at: "09:50"
    lasts: 25m
    experiment: scaled-to-zero
    service: payment
    expects:
      - {{what: the team notices that checkout fails, within: 5m}}
    blast_radius: {{kinds: {{deployments: [scale]}}}}

  - box: catalog-selector-broken
    title: The Service of catalog finds no pods any more
    at: "10:30"
    lasts: 25m
    experiment: selector-broken
    service: catalog
    # Values that replace those in the experiment's own configuration.
    configuration: {{namespace: shop}}
    expects:
      - {{what: the team finds the Service without endpoints, within: 10m}}
    blast_radius: {{kinds: [services], most_objects: 1}}

  - box: stock-bad-image
    title: A release of stock names an image that does not exist
    at: "11:10"
    lasts: 25m
    experiment: bad-image
    service: stock
    expects:
      - what: the old pods go on serving
      - {{what: the team sees the stuck release, within: 10m}}
    blast_radius: {{kinds: {{deployments: [change]}}}}
"""


def scaffold(name: str, *, today: date, zone: str = "UTC") -> str:
    """A commented plan for the day after today.

    Raises: InvalidValue: the name is empty or the zone unknown.
    """
    values = {"day": (today + timedelta(days=1)).isoformat(), "zone": zone}
    try:
        values["name"] = json.dumps(read_name(name), ensure_ascii=False)
    except Unreadable as unreadable:
        raise _invalid("name", name, unreadable) from None
    try:
        read_zone(zone)
    except Unreadable as unreadable:
        raise _invalid("zone", zone, unreadable) from None
    return _TEXT.format(**values)


def _invalid(field: str, value: str, why: Unreadable) -> InvalidValue:
    return InvalidValue(field=field, value=value, problem=why.problem, way_out=why.way_out)
