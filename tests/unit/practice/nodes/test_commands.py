"""The few executables that practice images have."""

from dataclasses import replace
from random import Random

import anyio
import pytest

from orchestrator.practice.nodes.commands import command
from orchestrator.practice.nodes.executables.around import Files, Folder, Memory, OutOfMemory
from orchestrator.practice.nodes.listening import Answering, HttpListener
from orchestrator.practice.nodes.network import Network
from orchestrator.practice.nodes.programs import ExecutableNotFound, Surroundings

SECONDS = 5


def no_listening(port: int, answering: Answering) -> HttpListener:  # noqa: ARG001
    """Commands open no port."""
    raise AssertionError


def surroundings(stopping: anyio.Event, lines: list[str] | None = None) -> Surroundings:
    """What a command finds around it; its log goes into the lines."""
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
        log=([] if lines is None else lines).append,
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
        (["sh", "-c", "'"], 2),
        (["sh", "-c", "kubectl get pods"], 127),
        (["sh", "-c", "false && exit 4"], 1),
        (["sh", "-c", "false || exit 4"], 4),
        (["sh", "-c", "true; exit 5; exit 6"], 5),
        (["sh", "-c", "sleep infinity | cat"], 2),
    ],
)
async def test_command_ends_with_its_code(words: list[str], code: int) -> None:
    assert await run(words) == code


@pytest.mark.parametrize(
    "words",
    [
        ["sleep", "infinity"],
        ["sh", "-c", "sleep infinity"],
        ["sh", "-c", "trap '' TERM; sleep infinity"],
        ["stubborn"],
    ],
)
async def test_first_process_without_a_handler_is_asked_to_end_in_vain(words: list[str]) -> None:
    stopping = anyio.Event()
    stopping.set()

    with anyio.move_on_after(0.05) as scope:
        await command(words)(surroundings(stopping))

    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["sh", "-c", "trap 'exit 7' TERM; true; sleep infinity"], 7),
        (["sh", "-c", "trap - TERM; exit 8"], 8),
        (["sh", "-c", "exec hog 1"], 0),
        (["hog", "1"], 0),
    ],
)
async def test_program_that_minds_being_asked_ends(words: list[str], code: int) -> None:
    assert await run(words, stopped=True) == code


async def test_signal_goes_to_the_shell_and_not_to_its_command() -> None:
    stopping = anyio.Event()
    stopping.set()

    with anyio.move_on_after(0.05) as scope:
        await command(["sh", "-c", "hog 1; exit 1"])(surroundings(stopping))

    assert scope.cancelled_caught


async def test_program_that_takes_more_than_there_is_runs_out_of_memory() -> None:
    around = replace(surroundings(anyio.Event()), memory=Memory(lambda: 64 << 20))

    with pytest.raises(OutOfMemory):
        await command(["hog-briefly", "65"])(around)

    assert await command(["sh", "-c", "hog-briefly 40; hog-briefly 40"])(around) == 0


async def test_files_that_fill_a_shared_folder_are_seen_by_whoever_shares_it() -> None:
    sizes: list[int] = []
    folder = Folder(lambda: sizes.append(folder.size))
    around = replace(surroundings(anyio.Event()), files=Files(shared={"/scratch": folder}))

    assert await command(["fill", "/scratch/big", "2"])(around) == 0

    assert sizes == [2 << 20]
    assert Files(shared={"/data": folder}).names("/data") == ["big"]


@pytest.mark.parametrize("words", [["kubectl", "x"], ["exit", "3"], ["/opt/sh", "-c", "true"]])
def test_what_an_image_does_not_have_is_not_found(words: list[str]) -> None:
    with pytest.raises(ExecutableNotFound, match=r"not found|no such file"):
        command(words)


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("echo a b; echo -n c", ["a b", "c"]),
        ("echo one > /tmp/f; echo two >> /tmp/f; cat /tmp/f", ["one", "two"]),
        ("X=1; echo \"$X $HOME\" '$X' ${X}y", ["1 /root $X 1y"]),
        ("cat nothing 2>/dev/null; echo $?", ["1"]),
        ("cat nothing 2>&1 > /dev/null || echo gone", ["gone"]),
        ("echo lost > /dev/null; echo found >&2", ["found"]),
        ("hostname; cat /etc/hostname", ["cart-1", "cart-1"]),
        ("[ -f /etc/hosts ] && echo there", ["there"]),
        ("nothing", ["sh: nothing: not found"]),
        ("(true)", ['sh: syntax error: "(" is not known to the shell of practice images']),
    ],
)
async def test_script_writes_its_output_to_the_log(script: str, lines: list[str]) -> None:
    written: list[str] = []
    around = replace(surroundings(anyio.Event(), written), environment={"HOME": "/root"})

    with anyio.fail_after(SECONDS):
        await command(["sh", "-c", script])(around)

    assert written == lines
