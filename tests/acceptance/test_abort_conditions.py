"""What a plan watches ends a run, as measured in the cluster and from the outside."""

import json

import pytest

from tests.acceptance.stage import AT_ANY_TIME, Stage

pytestmark = pytest.mark.timeout(200)

PLAN = (
    AT_ANY_TIME
    + """\
blast_radius: {namespaces: [shop], kinds: [deployments], most_objects: 4}
abort_when:
  - {http: {url: "FRONT_DOOR/products/mug"}, out_for: 1s}
  - kubernetes: {kind: deployments.apps, namespace: shop, name: catalog, condition: Available}
    out_for: 60s
agenda:
  - {box: zero, at: +1s, lasts: 2m, experiment: gone.yaml}
"""
)
EXPERIMENT = """\
title: The catalog vanishes
description: Nothing is measured but what the plan watches.
method:
  - name: scale-to-zero
    type: action
    provider:
      type: python
      module: chaosk8s.deployment.actions
      func: scale_deployment
      arguments: {name: catalog, ns: shop, replicas: 0}
    pauses: {after: 60}
"""


def test_a_condition_that_is_met_no_more_ends_the_run_and_it_is_restored(
    sqlite_stage: Stage,
) -> None:
    plan = sqlite_stage.folder / "plan.yaml"
    front_door = sqlite_stage.cluster["front_door_url"]
    plan.write_text(PLAN.replace("FRONT_DOOR", front_door))
    (sqlite_stage.folder / "gone.yaml").write_text(EXPERIMENT)

    done = sqlite_stage.call("conduct", str(plan), "--json", "--output", str(plan.parent))
    (run,) = json.loads(done.stdout)["runs"]

    assert (run["finding"], run["phase"]) == ("aborted", "concluded")
    assert run["reason"] == (
        f"abort condition: GET {front_door}/products/mug answers 200 was out of tolerance for 1 s"
    )
