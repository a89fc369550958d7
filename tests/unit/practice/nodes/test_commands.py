"""The few executables that practice images have."""

from random import Random

import anyio
import pytest

from orchestrator.practice.nodes.commands import command
from orchestrator.practice.nodes.listening import Answering, HttpListener
from orchestrator.practice.nodes.network import Network
from orchestrator.practice.nodes.programs import ExecutableNotFound, Surroundings

SECONDS = 5


def no_listening(port: int, answering: Answering) -> HttpListener:  # noqa: ARG001
    """Commands open no port."""
    raise AssertionError


def surroundings(stopping: anyio.Event) -> Surroundings:
    """What a command finds around it."""
    return Surroundings(
        namespace="shop",
        pod="cart-1",
        container="cart",
        environment={},
        network=Network(),
        listen=no_listening,
        chance=Random(1),
        stopping=stopping,
        booted=lambda: None,
        log=lambda _line: None,
    )


async def run(words: list[str], *, stopped: bool = False) -> int:
    """The exit code of a command."""
    stopping = anyio.Event()
    if stopped:
        stopping.set()
    with anyio.fail_after(SECONDS):
        return await command(words)(surroundings(stopping))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["true"], 0),
        (["/bin/false"], 1),
        (["sh", "-c", "exit 3"], 3),
        (["/bin/sh", "-c", "exit 259"], 3),
        (["sh", "-c", ""], 0),
        (["sleep", "0"], 0),
        (["sleep", "soon"], 1),
    ],
)
async def test_command_ends_with_its_code(words: list[str], code: int) -> None:
    assert await run(words) == code


async def test_sleeper_that_is_stopped_ends_as_if_terminated() -> None:
    assert await run(["sleep", "infinity"], stopped=True) == 143


@pytest.mark.parametrize(
    "words", [["curl", "x"], ["sh", "-c", "curl x"], ["exit", "soon"], ["sh", "-c", "'"]]
)
def test_what_an_image_does_not_have_is_not_found(words: list[str]) -> None:
    with pytest.raises(ExecutableNotFound, match="executable file not found"):
        command(words)
