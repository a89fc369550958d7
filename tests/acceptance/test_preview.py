"""A preview shows what a run will do, does none of it, and holds the run to what was approved."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.stage import AT_ANY_TIME, Stage

pytestmark = pytest.mark.timeout(200)

PLAN = (
    AT_ANY_TIME
    + """\
blast_radius: {namespaces: [shop], kinds: [pods, deployments], most_objects: 4}
approved_preview: required
agenda:
  - {box: kill, at: +1s, lasts: 2m, experiment: EXPERIMENT, configuration: {hold: 1}}
"""
)
OPAQUE = """\
title: Something that nobody knows
description: It leaves a mark.
method:
  - name: leave-a-mark
    type: action
    provider: {type: process, path: touch, arguments: MARK}
  - name: scale-down
    type: action
    provider:
      type: python
      module: chaosk8s.deployment.actions
      func: scale_deployment
      arguments: {name: payment, ns: shop, replicas: 0}
"""


def planned(stage: Stage, experiment: str = "pod-killed", **changes: str) -> str:
    text = PLAN.replace("EXPERIMENT", experiment)
    for old, new in changes.items():
        text = text.replace(old, new)
    path = stage.folder / "plan.yaml"
    path.write_text(text)
    return str(path)


def previewed(stage: Stage, plan: str, *words: str, code: int = 0) -> dict[str, Any]:
    done = stage.call("preview", plan, "--json", *words)
    assert done.returncode == code, done.stdout + done.stderr
    (preview,) = json.loads(done.stdout)["previews"]
    assert isinstance(preview, dict)
    return preview


def conducted(stage: Stage, plan: str) -> dict[str, Any]:
    done = stage.call("conduct", plan, "--json", "--output", str(stage.folder))
    assert done.stdout, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert isinstance(run, dict)
    return run


@pytest.mark.slow
def test_run_starts_once_its_preview_is_approved_and_only_as_approved(sqlite_stage: Stage) -> None:
    plan = planned(sqlite_stage)
    preview = previewed(sqlite_stage, plan)
    refused = conducted(sqlite_stage, plan)
    approved = sqlite_stage.call("preview", "--approve", preview["id"])
    held = conducted(sqlite_stage, plan)
    fewer = planned(sqlite_stage, **{"most_objects: 4": "most_objects: 3"})
    changed = conducted(sqlite_stage, fewer)

    assert preview["targets"]["lost"] == {"deployments/shop/checkout": 1}
    assert preview["targets"]["sizes"] == {"deployments/shop/checkout": 3}
    assert [len(each["candidates"]) for each in preview["activities"] if each["chooses"]] == [3]
    assert "no preview of it was approved" in refused["reason"]
    assert approved.returncode == 0
    assert held["finding"] == "held", held
    assert "no preview of it was approved" in changed["reason"]


def test_what_the_guard_would_refuse_is_shown_with_its_rule(sqlite_stage: Stage) -> None:
    preview = previewed(sqlite_stage, planned(sqlite_stage, pods="services"), code=5)

    (refusal,) = preview["refusals"]
    assert (refusal["rule"], refusal["target"][:10]) == ("kinds", "pods/shop/")
    assert not preview["targets"]["is_whole"]


@pytest.mark.slow
def test_what_the_verbs_of_a_plan_would_refuse_is_shown_and_does_not_start(
    sqlite_stage: Stage,
) -> None:
    verbs = {"[pods, deployments]": "{pods: [evict], deployments: [scale]}"}
    plan = planned(sqlite_stage, **verbs)
    preview = previewed(sqlite_stage, plan, code=5)
    (refusal,) = preview["refusals"]

    scaled = planned(sqlite_stage, "scaled-to-zero", **verbs)
    allowed = previewed(sqlite_stage, scaled)
    sqlite_stage.call("preview", "--approve", allowed["id"])

    assert (refusal["rule"], refusal["target"][:10]) == ("verbs", "pods/shop/")
    assert "the plan says kinds: {pods: [evict]}" in refusal["reason"]
    assert [write["verb"] for write in allowed["writes"]] == ["scale"]
    assert conducted(sqlite_stage, scaled)["phase"] == "concluded"


@pytest.mark.slow
def test_opaque_activities_are_played_only_when_that_is_asked_for(sqlite_stage: Stage) -> None:
    mark = sqlite_stage.folder / "mark"
    (sqlite_stage.folder / "opaque.yaml").write_text(OPAQUE.replace("MARK", str(mark)))
    plan = planned(sqlite_stage, "opaque.yaml", hold="unused")

    cautious = previewed(sqlite_stage, plan)
    was_left = mark.exists()
    bold = previewed(sqlite_stage, plan, "--with-opaque")

    assert not was_left
    assert mark.exists()
    assert (cautious["made_dry"], bold["made_dry"]) == (False, True)
    assert "nobody knows what leave-a-mark would do" in cautious["problem"]
    assert [each["effect"] for each in bold["activities"]] == ["opaque", "write"]
    assert bold["targets"]["lost"] == {"deployments/shop/payment": 2}


def test_static_preview_makes_no_dry_run(sqlite_stage: Stage) -> None:
    preview = previewed(sqlite_stage, planned(sqlite_stage, "scaled-to-zero"), "--static")

    effects = {each["name"]: each["effect"] for each in preview["activities"]}
    assert effects["scale-to-zero"] == "write"
    assert effects["replicas-before"] == "read"
    assert (preview["made_dry"], preview["writes"]) == (False, [])
    assert preview["cluster_uid"]


@pytest.mark.slow
def test_nothing_of_a_preview_is_left(sqlite_stage: Stage) -> None:
    previewed(sqlite_stage, planned(sqlite_stage))

    assert not sqlite_stage.leftovers()
    assert not list(Path(sqlite_stage.folder).glob("chaosday-run-*"))
