"""The runner's process plays a method and its rollbacks, and can be stopped at any moment."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.integration.chaostoolkit.activities import SECRET
from tests.integration.chaostoolkit.running import (
    action,
    calling,
    experiment,
    hypothesis,
    probe,
    proof,
    running,
)

ZERO = {"type": "range", "range": [0, 0]}
LONG = 60
"""Seconds that no test waits."""


@pytest.fixture
def marks(tmp_path: Path) -> str:
    """The file in which activities leave their marks."""
    return str(tmp_path / "marks")


def read(marks: str) -> list[str]:
    path = Path(marks)
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


async def marked(marks: str, text: str) -> None:
    """Wait until an activity has left a mark, which nothing else tells."""
    with anyio.fail_after(10):
        while text not in read(marks):  # noqa: ASYNC110
            await anyio.sleep(0.01)


def an_experiment(marks: str, *method: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """A method, and a rollback that leaves a mark."""
    undo = action("undo", path=marks, text="undone")
    return experiment(*method, **({"rollbacks": [undo]} | parts))


@pytest.mark.slow
async def test_an_activity_that_hears_nothing_is_ended_when_the_conductor_is_gone(
    tmp_path: Path, marks: str
) -> None:
    document = an_experiment(marks, action("deaf", path=marks, text="1", seconds=LONG))
    document["method"][0]["provider"]["func"] = "deaf"

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await marked(marks, "1")
        await runner.hang_up()
        with anyio.fail_after(45):
            await runner.process.wait()

    assert runner.process.returncode == -signal.SIGKILL


async def test_a_program_that_reads_standard_input_reads_none_of_our_lines(
    tmp_path: Path, marks: str
) -> None:
    document = an_experiment(marks, action("read", "read_away"))

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await runner.say(do="finish")
        ended = await runner.ended()

    assert ended["problem"] == ""
    assert read(marks) == ["undone"]


@pytest.mark.parametrize(
    ("said", "held"), [(1e300, 1e7), ("inf", 1e7), ("nan", 0), (-3, 0), ("soon", 0)]
)
async def test_a_hold_is_a_number_of_seconds_whatever_the_file_says(
    tmp_path: Path, marks: str, said: object, held: float
) -> None:
    document = an_experiment(marks, action("only", path=marks, text="1", pauses={"after": said}))

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        played = await runner.event("played")
        await runner.say(do="finish")
        await runner.ended()

    assert played["hold"] == held


async def test_a_method_is_played_held_and_rolled_back(tmp_path: Path, marks: str) -> None:
    document = an_experiment(
        marks,
        action("first", path=marks, text="1"),
        action("second", path=marks, text="2", pauses={"after": 7.5}),
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        played = await runner.event("played")
        before = read(marks)
        await runner.say(do="finish")
        ended = await runner.ended()

    assert played["hold"] == 7.5
    assert before == ["1", "2"]
    assert read(marks) == ["1", "2", "undone"]
    assert ended["problem"] == ""
    assert runner.process.returncode == 0
    assert runner.told() == [
        ("action_started", "first"),
        ("action_ended", "first"),
        ("action_started", "second"),
        ("action_ended", "second"),
        ("action_started", "undo"),
        ("action_ended", "undo"),
    ]
    assert [line["part"] for line in runner.all("action_ended")] == [
        "method",
        "method",
        "rollbacks",
    ]


async def test_nothing_is_played_before_it_is_said(tmp_path: Path, marks: str) -> None:
    document = an_experiment(marks, action("first", path=marks, text="1"))

    async with running(tmp_path, "play", document) as runner:
        with anyio.move_on_after(1):
            await runner.event("action_started")

    assert read(marks) == []
    assert runner.heard == []


@pytest.mark.parametrize(
    ("pause", "hold"),
    [(2, 2.0), ("${how_long}", 40.0), (None, 0.0), ("${unknown}", 0.0), (-3, 0.0)],
)
async def test_the_pause_after_the_last_action_is_the_hold(
    tmp_path: Path, marks: str, pause: object, hold: float
) -> None:
    last = action("last", path=marks, text="1")
    if pause is not None:
        last["pauses"] = {"after": pause}
    document = an_experiment(marks, last, configuration={"how_long": 4})

    async with running(tmp_path, "play", document, configuration={"how_long": 40}) as runner:
        await runner.begin()
        played = await runner.event("played")

    assert played["hold"] == hold


async def test_other_pauses_are_made(tmp_path: Path, marks: str) -> None:
    document = an_experiment(
        marks,
        action("first", path=marks, text="1", pauses={"before": 0.2, "after": 0.3}),
        action("second", path=marks, text="2"),
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await runner.say(do="finish")
        await runner.ended()

    assert read(marks) == ["1", "2", "undone"]


@pytest.mark.parametrize("how", ["stop", "hang up"])
@pytest.mark.parametrize(
    "where", ["action", "pause after", "pause before", "hold", "swallowed", "process"]
)
async def test_a_stop_interrupts_and_rolls_back_and_makes_no_further_action(
    tmp_path: Path, marks: str, how: str, where: str
) -> None:
    first: dict[str, Any] = action("first", path=marks, text="1")
    second: dict[str, Any] = action("second", path=marks, text="2")
    match where:
        case "action":
            # Its pause is not waited for either.
            first = action("first", path=marks, text="1", seconds=LONG, pauses={"after": LONG})
        case "pause after":
            first["pauses"] = {"after": LONG}
        case "pause before":
            second["pauses"] = {"before": LONG}
        case "swallowed":
            first = action("first", "swallow", path=marks, text="1")
        case "process":
            first["provider"] = {
                "type": "process",
                "path": "/bin/sh",
                "arguments": ["-c", f"echo 1 >> {marks}; /bin/sleep {LONG}"],
            }
        case _:
            pass
    document = an_experiment(marks, first, second)

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        if where == "hold":
            await runner.event("played")
        else:
            await marked(marks, "1")
        await (runner.say(do="stop") if how == "stop" else runner.hang_up())
        with anyio.fail_after(8):
            await runner.ended()

    expected = ["1", "2", "undone"] if where == "hold" else ["1", "undone"]
    assert read(marks) == expected


async def test_a_stop_after_the_method_does_not_pass_over_the_rollbacks(
    tmp_path: Path, marks: str
) -> None:
    """From the end of its method on, chaoslib catches no interruption before its rollbacks."""
    linger = action("linger", "linger_after_method", path=marks)
    bad = action("bad", "no_such_function")
    document = an_experiment(marks, linger, action("first", path=marks, text="1"), bad)

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await marked(marks, "method is over")
        await runner.say(do="stop")
        with anyio.fail_after(10):
            ended = await runner.ended()

    assert read(marks) == ["1", "method is over", "undone"]
    assert ended["problem"] == ""


@pytest.mark.parametrize("how", ["told", "hung up on"])
async def test_the_rollbacks_begin_when_the_guard_knows_of_them_or_nobody_will_tell_it(
    tmp_path: Path, marks: str, how: str
) -> None:
    document = an_experiment(marks, action("first", path=marks, text="1"))

    async with running(tmp_path, "play", document) as runner:
        runner.gives_word = False
        await runner.begin()
        await runner.event("played")
        await runner.say(do="stop")
        await runner.event("rolling_back")
        with anyio.move_on_after(0.3):
            await runner.event("action_started", 2)
        before = read(marks)
        await (runner.say(do="roll_back") if how == "told" else runner.hang_up())
        with anyio.fail_after(8):
            await runner.ended()

    assert before == ["1"]
    assert read(marks) == ["1", "undone"]


@pytest.mark.parametrize(
    ("cut", "left"),
    [
        ({"pauses": {"after": "a while"}}, 1),
        ({"ref": "nowhere"}, 2),
        ({"provider": calling("fail", how="exit")}, 2),
        ({}, 0),
    ],
)
async def test_rollbacks_that_broke_off_are_told_from_those_that_came_to_their_end(
    tmp_path: Path, marks: str, cut: dict[str, Any], left: int
) -> None:
    first = action("first", path=marks, text="first") | cut
    document = experiment(
        action("break", path=marks, text="broken"),
        rollbacks=[first, action("second", path=marks, text="mended")],
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await runner.say(do="finish")
        await runner.ended()
        told = await runner.event("rolled_back")

    assert told["left"] == left
    assert ("mended" in read(marks)) == (left == 0)


async def test_a_stop_before_the_beginning_plays_nothing(tmp_path: Path, marks: str) -> None:
    document = an_experiment(marks, action("first", path=marks, text="1"))

    async with running(tmp_path, "play", document) as runner:
        await runner.say(do="stop")
        with anyio.fail_after(10):
            await runner.process.wait()

    assert read(marks) == []


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGUSR1])
async def test_nothing_cuts_the_rollbacks_short(
    tmp_path: Path, marks: str, sign: signal.Signals
) -> None:
    slow = action("slow", path=marks, text="undoing", seconds=0.5)
    last = action("last", path=marks, text="undone")
    document = experiment(action("first", path=marks, text="1"), rollbacks=[slow, last])

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await runner.say(do="stop")
        await runner.until(lambda: ("action_started", "slow") in runner.told())
        await runner.say(do="stop")
        os.kill(runner.process.pid, sign)
        await runner.ended()

    assert read(marks) == ["1", "undoing", "undone"]


async def test_a_conductor_that_is_gone_during_the_rollbacks_does_not_cut_them_short(
    tmp_path: Path, marks: str
) -> None:
    slow = action("slow", path=marks, text="undoing", seconds=0.3)
    last = action("last", path=marks, text="undone")
    document = experiment(action("first", path=marks, text="1"), rollbacks=[slow, last])

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await runner.say(do="finish")
        await runner.until(lambda: ("action_started", "slow") in runner.told())
        await runner.hang_up()
        await runner.ended()

    assert read(marks) == ["1", "undoing", "undone"]


async def test_rollbacks_alone_are_played_without_the_method(tmp_path: Path, marks: str) -> None:
    document = an_experiment(marks, action("first", path=marks, text="1"))

    async with running(tmp_path, "roll-back", document) as runner:
        await runner.begin()
        ended = await runner.ended()

    assert read(marks) == ["undone"]
    assert ended["problem"] == ""
    assert not runner.all("played")


@pytest.mark.parametrize("how", ["error", "exit", "interrupt", "recursion", "base"])
async def test_an_action_that_fails_in_whatever_way_is_told_and_stops_the_method(
    tmp_path: Path, marks: str, how: str
) -> None:
    document = an_experiment(
        marks, action("fails", "fail", how=how), action("second", path=marks, text="2")
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.ended()

    assert "2" not in read(marks)
    (first, *_) = runner.all("action_ended")
    assert (first["name"], first["succeeded"], first["part"]) == ("fails", False, "method")
    assert first["problem"]
    if how == "error":
        assert first["problem"].endswith("out of range")
    if how != "base":
        assert read(marks) == ["undone"]


@pytest.mark.parametrize(
    "provider",
    [
        {"type": "http", "url": "no-scheme-here"},
        {"type": "python", "module": "no.such.module", "func": "x"},
        {"type": "python", "module": "os", "func": "no_such_function"},
        {"type": "process", "path": "/no/such/program"},
        {"type": "carrier pigeon"},
        {},
    ],
)
async def test_a_provider_that_cannot_work_ends_in_one_line(
    tmp_path: Path, marks: str, provider: dict[str, Any]
) -> None:
    bad = {"type": "action", "name": "bad", "provider": provider}
    document = an_experiment(marks, bad, action("second", path=marks, text="2"))

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        if provider.get("type") == "carrier pigeon":
            # chaoslib takes it for an action that does nothing.
            await runner.event("action_ended")
            await runner.say(do="stop")
        await runner.ended()

    if provider.get("type") != "carrier pigeon":
        assert "2" not in read(marks)


@pytest.mark.parametrize("how", ["error", "exit", "base"])
async def test_a_rollback_that_fails_is_told(tmp_path: Path, marks: str, how: str) -> None:
    document = experiment(
        action("first", path=marks, text="1"), rollbacks=[action("undo", "fail", how=how)]
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await runner.say(do="finish")
        await runner.ended()

    undone = runner.all("action_ended")[-1]
    assert (undone["name"], undone["succeeded"], undone["part"]) == ("undo", False, "rollbacks")


@pytest.mark.parametrize(
    "parts",
    [
        {"secrets": {"x": {"y": {"type": "env", "key": "NOT_THERE"}}}},
        {"configuration": {"x": {"type": "env", "key": "NOT_THERE"}}},
        {"method": "no list"},
        {"title": None},
    ],
)
async def test_an_experiment_that_cannot_be_played_ends_in_one_line(
    tmp_path: Path, marks: str, parts: dict[str, Any]
) -> None:
    document = an_experiment(marks, action("first", path=marks, text="1"), **parts)

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        if "secrets" in parts or "title" in parts:
            await runner.until(lambda: bool(runner.all("ended") or runner.all("played")))
            if not runner.all("ended"):
                await runner.say(do="stop")
        await runner.ended()


async def test_what_an_activity_prints_is_no_line_of_ours(tmp_path: Path, marks: str) -> None:
    document = an_experiment(marks, action("noise", "noise"))

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        played = await runner.event("played")
        await runner.say(do="finish")
        await runner.ended()

    assert runner.strays == []
    assert len(runner.all("played")) == 1
    assert played["at"] != "now"


@pytest.mark.parametrize("how", ["answered", "raised"])
async def test_no_secret_leaves_in_any_line(tmp_path: Path, marks: str, how: str) -> None:
    tells = probe("tells", "whisper", True, how=how)
    tells["provider"]["secrets"] = ["vault"]
    document = an_experiment(
        marks,
        action("whisper", "whisper", how=how, secrets=["vault"]),
        secrets={"vault": {"token": SECRET}},
        extensions=proof(tells, "1s"),
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin("guard-token")
        if how == "answered":
            await runner.event("proved")
            await runner.say(do="finish")
        await runner.ended()

    assert_silent(json.dumps(runner.heard, ensure_ascii=False))
    assert "***" in json.dumps(runner.heard)


def assert_silent(text: str) -> None:
    for part in ('se"cr', 'se\\"cr', "cr\\u00e9t", "wörd", "w\\u00f6rd", "w\\xf6rd", "w\\xc3"):
        assert part not in text, text


async def test_the_guards_token_leaves_in_no_line(tmp_path: Path, marks: str) -> None:
    broken = action("broken", "whisper", how="raised", secrets=["vault"])
    document = an_experiment(
        marks, broken, secrets={"vault": {"token": "http://127.0.0.1:1/g/t0ken-of-guard/api"}}
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin("t0ken-of-guard")
        await runner.ended()

    assert "t0ken-of-guard" not in json.dumps(runner.heard)


@pytest.mark.parametrize(
    ("written", "injection"),
    [("0", "proven"), ("5", "not_effective"), ("", "unknown"), ("no number", "unknown")],
)
async def test_the_proof_of_injection(
    tmp_path: Path, marks: str, written: str, injection: str
) -> None:
    number = tmp_path / "number"
    if written:
        number.write_text(written)
    document = an_experiment(
        marks,
        action("first", path=marks, text="1"),
        extensions=proof(probe("is zero", "number_in", ZERO, path=str(number)), "1s"),
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        proved = await runner.event("proved")

    assert proved["injection"] == injection
    assert proved["evidence"].startswith("is zero: ")
    assert [line["event"] for line in runner.heard][-2:] == ["played", "proved"]


async def test_a_proof_is_awaited_until_its_deadline(tmp_path: Path, marks: str) -> None:
    number = tmp_path / "number"
    number.write_text("5")
    document = an_experiment(
        marks,
        action("first", path=marks, text="1"),
        extensions=proof(probe("is zero", "number_in", ZERO, path=str(number)), "15s"),
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await anyio.Path(number).write_text("0")
        proved = await runner.event("proved")

    assert proved["injection"] == "proven"


async def test_a_proof_that_hangs_is_interrupted_by_a_stop(tmp_path: Path, marks: str) -> None:
    document = an_experiment(
        marks,
        action("first", path=marks, text="1"),
        extensions=proof(probe("hangs", "hang", True), "30s"),
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await runner.say(do="stop")
        with anyio.fail_after(4):
            await runner.ended()

    assert read(marks) == ["1", "undone"]


@pytest.mark.slow
async def test_a_proof_that_hangs_does_not_keep_the_fault_in_for_long(
    tmp_path: Path, marks: str
) -> None:
    document = an_experiment(
        marks,
        action("first", path=marks, text="1"),
        extensions=proof(probe("hangs", "hang", True), "30s"),
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await runner.say(do="finish")
        with anyio.fail_after(8):
            await runner.ended()

    assert read(marks) == ["1", "undone"]


async def test_the_hypothesis_is_left_to_the_observer(tmp_path: Path, marks: str) -> None:
    document = an_experiment(
        marks,
        action("first", path=marks, text="1"),
        **{"steady-state-hypothesis": hypothesis(probe("out", "hang", True))},
    )

    async with running(tmp_path, "play", document) as runner:
        await runner.begin()
        await runner.event("played")
        await runner.say(do="finish")
        await runner.ended()

    assert read(marks) == ["1", "undone"]
