"""A program that an agent of chaos works with: how it begins, fails and is ended."""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from orchestrator.adapters.chaostoolkit.by_hand import HandAtWork
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.terminal import TerminalHand
from orchestrator.domain.identity import Actor, ActorKind, Role

EVE = Actor(kind=ActorKind.HUMAN, name="Eve", role=Role.AGENT)
STUBBORN = "trap '' HUP; sleep 60 & echo $! > {path}.new; mv {path}.new {path}; wait"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


pytestmark = pytest.mark.anyio


def a_hand(*command: str, **more: str) -> TerminalHand:
    return TerminalHand(by=EVE, command=command, environment=os.environ | more)


def a_shell(folder: Path, *lines: str) -> str:
    """A program that takes the place of a shell."""
    path = folder / "shell"
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return str(path)


async def done(hand: TerminalHand, variables: Mapping[str, str] | None = None) -> str:
    with anyio.fail_after(20):
        return await hand.work(variables or {})


async def is_there(path: Path) -> None:
    with anyio.fail_after(20):
        while not await anyio.Path(path).exists():  # noqa: ASYNC110 - another process makes it
            await anyio.sleep(0.01)


async def is_ended(number: int) -> None:
    """The process is not there, or waits for nothing but being forgotten."""
    stat = anyio.Path(f"/proc/{number}/stat")
    with anyio.fail_after(5), suppress(FileNotFoundError, ProcessLookupError):
        while (await stat.read_text()).rpartition(")")[2].split()[0] != "Z":  # noqa: ASYNC110
            await anyio.sleep(0.01)


async def test_it_has_the_persons_environment_and_what_leads_to_the_guard(tmp_path: Path) -> None:
    hand = a_hand("sh", "-c", f"echo $MINE $KUBECONFIG > {tmp_path}/seen", MINE="kept")

    assert await done(hand, {"KUBECONFIG": "/the/guards"}) == ""
    assert (tmp_path / "seen").read_text() == "kept /the/guards\n"


async def test_nothing_else_that_leads_to_a_cluster_is_passed_on(tmp_path: Path) -> None:
    known = {"HELM_KUBETOKEN": "t", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "MINE": "kept"}
    hand = a_hand("sh", "-c", f"env > {tmp_path}/seen", **known)

    await done(hand)

    seen = (tmp_path / "seen").read_text()
    assert "MINE=kept" in seen
    assert "HELM_KUBETOKEN" not in seen
    assert "KUBERNETES_SERVICE_HOST" not in seen


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("sh", "-c", "exit 3"), "it ended with exit code 3"),
        (("sh", "-c", "kill -TERM $$"), "it was ended by SIGTERM"),
        (("/no/such/program",), "/no/such/program cannot be started: No such file or directory"),
    ],
)
async def test_how_it_failed_is_told(command: tuple[str, ...], problem: str) -> None:
    assert await done(a_hand(*command)) == problem


async def test_what_a_shell_ends_with_is_no_failure(tmp_path: Path) -> None:
    hand = a_hand(SHELL=a_shell(tmp_path, 'test "$1" = -i && exec sh -c "$3"', "exit 3"))

    problem = await done(hand, {"KUBECONFIG": "/the/guards"})

    assert (hand.deed, problem) == ("a shell", "")


async def test_it_is_ended_with_all_that_it_started_even_if_it_minds(tmp_path: Path) -> None:
    path = tmp_path / "child"
    hand = a_hand("sh", "-c", STUBBORN.format(path=path))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hand.work, {})
            await is_there(path)
            await hand.end()

    await is_ended(int(path.read_text()))


async def test_it_is_ended_when_its_run_is_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "child"
    hand = a_hand("sh", "-c", STUBBORN.format(path=path))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hand.work, {})
            await is_there(path)
            tasks.cancel_scope.cancel()

    await is_ended(int(path.read_text()))


async def test_one_that_was_ended_before_it_began_does_not_begin(tmp_path: Path) -> None:
    hand = a_hand("touch", str(tmp_path / "began"))

    await hand.end()

    assert await done(hand) == "it was over before it began"
    assert not (tmp_path / "began").exists()


# In the place of a runner


A_KUBECONFIG = {"KUBECONFIG": "/nowhere/of-these-tests"}


def at_work(*command: str, variables: Mapping[str, str] | None = None) -> HandAtWork:
    hand = TerminalHand(by=EVE, command=command, environment=os.environ, hold=timedelta(seconds=7))
    return HandAtWork(hand, variables=variables or A_KUBECONFIG, clock=SystemClock())


async def test_it_says_the_lines_of_a_runner() -> None:
    work, events = at_work("true"), []

    with anyio.fail_after(20):
        await work.say({"do": "begin"})
        async for line in work.lines():
            events.append((line["event"], line.get("succeeded"), line.get("hold")))
            if line["event"] == "played":
                assert not await work.ended(within=0.01)
                await work.say({"do": "finish"})

    assert events == [
        ("action_started", None, None),
        ("action_ended", True, None),
        ("played", None, 7.0),
        ("ended", None, None),
    ]
    assert await work.ended(within=0)


async def test_one_that_is_told_to_stop_says_that_it_did_not_succeed() -> None:
    work, problems = at_work("sleep", "60"), []

    with anyio.fail_after(20):
        await work.say({"do": "begin"})
        async for line in work.lines():
            if line["event"] == "action_started":
                # The program is started while the next line is asked for.
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(work.say, {"do": "stop"})
            problems.append(line.get("problem"))

    assert problems == [None, "it was ended with its run", None, ""]


async def test_one_that_never_began_says_only_that_it_is_over() -> None:
    work = at_work("true")

    with anyio.fail_after(20):
        await work.kill()
        events = [line["event"] async for line in work.lines()]

    assert events == ["ended"]


LEFT = (
    "setsid sh -c 'echo $$ > {path}.new; mv {path}.new {path}; exec sleep 60' &"
    # One that has no session of its own yet would be hung up on with the rest.
    " until test -e {path}; do sleep 0.01; done"
)


async def goes_through(work: HandAtWork) -> None:
    """What a run does with a hand, from its beginning to its end."""
    with anyio.fail_after(20):
        await work.say({"do": "begin"})
        async for line in work.lines():
            if line["event"] == "played":
                await work.say({"do": "finish"})


async def test_what_it_left_in_the_background_is_ended_with_its_run(tmp_path: Path) -> None:
    path = tmp_path / "child"
    kubeconfig = {"KUBECONFIG": str(tmp_path / "kubeconfig")}

    await goes_through(at_work("sh", "-c", LEFT.format(path=path), variables=kubeconfig))

    await is_ended(int(path.read_text()))


async def test_what_has_another_kubeconfig_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "child"
    kubeconfig = {"KUBECONFIG": str(tmp_path / "kubeconfig")}
    left = f"export KUBECONFIG={tmp_path}/kubeconfig-of-mine; " + LEFT.format(path=path)

    await goes_through(at_work("sh", "-c", left, variables=kubeconfig))

    number = int(path.read_text())
    os.kill(number, signal.SIGTERM)
    await is_ended(number)
