"""An agent of chaos breaks things by hand, from a terminal, on the practice cluster."""

import json
import sqlite3
import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.adapters.clock import SystemClock
from tests.acceptance.stage import Stage, kill, until
from tests.acceptance.terminal import at_terminal

KUBECTL = str(Path(sys.executable).with_name("kubectl"))
SCALE = f"{KUBECTL} scale deployment/payment --replicas=0"
WHILE_IT_IS_CONDUCTED = "while kill -0 $PPID; do sleep 0.1; done"
"""Ends with its conductor, however that goes."""
GONE = (0, 0)
WHOLE = (2, 2)

pytestmark = pytest.mark.skipif(
    not Path(KUBECTL).exists(), reason="there is no kubectl beside python"
)


def told(stage: Stage) -> list[tuple[str, str, str]]:
    """Kind, whose word and text of each entry of the timeline."""
    with sqlite3.connect(stage.folder / "chaosday.db") as database:
        rows = database.execute("select kind, actor, text from timeline order by seq").fetchall()
    return [(kind, json.loads(actor)["name"], text) for kind, actor, text in rows]


def replicas_are(stage: Stage, wanted: tuple[int, int]) -> bool:
    return stage.replicas("payment") == wanted


def a_plan(stage: Stage) -> str:
    """A day that is open now for a while, with one box that is done by hand."""
    now = SystemClock().now()
    plan: dict[str, Any] = {
        "version": 1,
        "day": {"name": "By hand"},
        "environment": "test",
        "window": {
            "zone": "UTC",
            "opens": (now - timedelta(minutes=2)).isoformat(timespec="minutes"),
            "closes": (now + timedelta(minutes=30)).isoformat(timespec="minutes"),
        },
        "people": [
            {"name": "Fay", "role": "facilitator"},
            {"name": "Eve", "role": "agent"},
            {"name": "Ada", "role": "responder"},
        ],
        "blast_radius": {"namespaces": ["shop"]},
        "agenda": [
            {
                "box": "payment",
                "at": "+0s",
                "lasts": "10m",
                "experiment": "scaled-to-zero",
                "by_hand": True,
            }
        ],
    }
    path = stage.folder / "plan.yaml"
    path.write_text(yaml.safe_dump(plan, sort_keys=False))
    return str(path)


def test_command_works_within_limits_under_the_agents_name_and_is_put_back(
    sqlite_stage: Stage,
) -> None:
    called = sqlite_stage.call(
        "by-hand", "--json", "--as", "Eve", "--namespace", "shop", "--", *SCALE.split()
    )

    assert "deployment.apps/payment scaled" in called.stderr
    run = json.loads(called.stdout)
    assert (called.returncode, run["phase"], run["finding"]) == (0, "concluded", "unknown")
    written = [entry for entry in told(sqlite_stage) if entry[0] == "write"]
    assert [(who, text.partition(",")[0]) for _, who, text in written] == [
        ("Eve", "change deployments/shop/payment")
    ]
    assert sqlite_stage.replicas("payment") == WHOLE
    assert not sqlite_stage.leftovers()


@pytest.mark.slow
def test_refusal_is_shown_by_kubectl_with_its_rule(sqlite_stage: Stage) -> None:
    called = sqlite_stage.call(
        "by-hand", "--namespace", "shop", "--most-share", "50", "--", *SCALE.split()
    )

    assert called.returncode == 11
    assert "Error from server (Forbidden): deployments/shop/payment is refused" in called.stderr
    assert "most_share" in called.stderr
    assert "50% are allowed" in called.stderr
    assert sqlite_stage.replicas("payment") == WHOLE


def test_what_may_only_be_scaled_is_not_deleted(sqlite_stage: Stage) -> None:
    both = f"{KUBECTL} delete deployment/payment; {SCALE}"

    called = sqlite_stage.call(
        "by-hand", "--namespace", "shop", "--kind", "deployments=scale", "--", "sh", "-c", both
    )

    assert "blast radius: namespace shop; deployments (scale);" in called.stderr
    assert "deployments/shop/payment is refused by the rule verbs: delete is not" in called.stderr
    assert "--kind deployments=scale,delete" in called.stderr
    assert "deployment.apps/payment scaled" in called.stderr + called.stdout
    written = [text.partition(",")[0] for kind, _, text in told(sqlite_stage) if kind == "write"]
    assert written == ["change deployments/shop/payment"]
    assert sqlite_stage.replicas("payment") == WHOLE
    assert not sqlite_stage.leftovers()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--", "no-such-program"), "is no program that PATH finds; install it"),
        (("--shell", "--", KUBECTL), "stands beside --shell"),
        ((), "is missing; write -- and a command"),
        (("--run", "run-0", "--", KUBECTL), "run-0"),
        (("--box", "payment", "--", KUBECTL), "is not one day that is open"),
        (("--box", "payment", "--kind", "pods", "--", KUBECTL), "for which the plan says"),
    ],
)
def test_what_cannot_be_begun_is_told_with_a_way_out(
    sqlite_stage: Stage, words: tuple[str, ...], problem: str
) -> None:
    called = sqlite_stage.call("by-hand", *words)

    assert called.returncode in {2, 3}
    assert problem in called.stderr
    assert "Traceback" not in called.stderr


@pytest.mark.slow
def test_shell_goes_on_after_a_refusal_and_keeps_its_own_environment(sqlite_stage: Stage) -> None:
    script = sqlite_stage.folder / "shell"
    asked = 'test "$1" = -i && exec sh -c "$3"'
    lines = ("#!/bin/sh", asked, f"{KUBECTL} get secrets", SCALE, "echo mine is $MINE", "exit 3")
    script.write_text("\n".join((*lines, "")))
    script.chmod(0o755)

    called = sqlite_stage.call(
        "by-hand", "--json", "--namespace", "shop", "--shell", SHELL=str(script), MINE="kept"
    )

    assert "mine is kept" in called.stderr
    run = json.loads(called.stdout)
    assert (called.returncode, run["finding"]) == (0, "unknown")
    assert run["reason"].startswith("the guard refused secrets/shop/*")
    assert sqlite_stage.replicas("payment") == WHOLE


@pytest.mark.slow
def test_steady_state_of_an_experiment_is_measured_meanwhile(sqlite_stage: Stage) -> None:
    called = sqlite_stage.call(
        "by-hand", "--json", "--steady-state", "scaled-to-zero", "--namespace", "shop",
        "--hold", "3", "--", *SCALE.split(),
    )  # fmt: skip

    assert (called.returncode, json.loads(called.stdout)["finding"]) == (10, "deviated")
    assert sqlite_stage.replicas("payment") == WHOLE


@pytest.mark.slow
def test_box_of_an_open_day_waits_for_its_hand_and_a_halt_ends_it(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    day = stage.start("conduct", a_plan(stage), "--output", str(stage.folder))
    until(lambda: "treat every failure" in (stage.folder / "conduct-0.log").read_text())

    responder = stage.call("by-hand", "--as", "Ada", "--box", "payment", "--", KUBECTL)
    hand = stage.start(
        "by-hand", "--as", "Eve", "--box", "payment", "--",
        "sh", "-c", f"{SCALE}; exec sleep 60",
    )  # fmt: skip
    until(partial(replicas_are, stage, GONE))
    again = stage.call("by-hand", "--as", "Eve", "--box", "payment", "--", KUBECTL)
    stage.call("halt", "--direct", "enough")
    code = hand.wait(timeout=30)

    assert (responder.returncode, again.returncode, code) == (2, 4, 11)
    assert "is a responder of the day" in responder.stderr
    assert "is holding already" in again.stderr
    assert "enough" in (stage.folder / "by-hand-1.log").read_text()
    assert stage.replicas("payment") == WHOLE
    assert day.wait(timeout=30) == 11


@pytest.mark.slow
def test_conductor_that_is_killed_leaves_nothing_of_what_was_done(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    hand = stage.start(
        "by-hand", "--namespace", "shop", "--", "sh", "-c", f"{SCALE}; {WHILE_IT_IS_CONDUCTED}"
    )
    until(partial(replicas_are, stage, GONE))

    begun = time.monotonic()
    kill(hand)

    until(partial(replicas_are, stage, WHOLE), within=10)
    assert time.monotonic() - begun < 10
    until(lambda: not stage.leftovers())


@pytest.mark.slow
def test_shell_has_the_terminal_to_itself_and_the_run_ends_with_it(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    prompt = f"{KUBECTL} scale deployment/payment --replicas=0"
    with at_terminal(stage, "by-hand", "--namespace", "shop", "--shell") as terminal:
        terminal.until("leave it, and everything is put back")
        terminal.type(f"{prompt}; echo it is do''ne")
        terminal.until("it is done")
        terminal.type("sh -c 'echo it sle\"\"eps; exec sleep 60'")
        terminal.until("it sleeps")
        terminal.type("\x03", end="")
        terminal.type("echo it goes o''n")
        terminal.until("it goes on")
        until(partial(replicas_are, stage, GONE))

        terminal.type("exit")
        terminal.until("everything that was changed by hand is put back")

    assert terminal.code == 0
    assert stage.replicas("payment") == WHOLE


@pytest.mark.slow
def test_terminal_that_says_stop_ends_the_work_and_restores(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    hand = stage.start(
        "by-hand", "--namespace", "shop", "--", "sh", "-c", f"trap '' HUP; {SCALE}; sleep 60"
    )
    until(partial(replicas_are, stage, GONE))

    hand.terminate()

    assert hand.wait(timeout=30) == 130
    assert stage.replicas("payment") == WHOLE
    assert not stage.leftovers()
