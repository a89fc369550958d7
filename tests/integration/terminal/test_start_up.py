"""A shell whose start-up files lead past the guard is not started, whatever shell it is."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from orchestrator.adapters.terminal import TerminalHand
from orchestrator.domain.identity import Actor, ActorKind, Role

EVE = Actor(kind=ActorKind.HUMAN, name="Eve", role=Role.AGENT)
GUARD = {"KUBECONFIG": "/the/guards"}
PAST = "set KUBECONFIG to /the/persons/own, which leads past the guard"
DOUBT = "does not say whether KUBECONFIG still leads to the guard"
EXPORT = "echo hello; export KUBECONFIG=/the/persons/own"
FILES = {
    "bash": (".bashrc", EXPORT),
    "zsh": (".zshrc", EXPORT),
    "dash": (".dashrc", EXPORT),
    "fish": (".config/fish/config.fish", "echo hello; set -gx KUBECONFIG /the/persons/own"),
    "tcsh": (".tcshrc", "echo hello; setenv KUBECONFIG /the/persons/own"),
}
"""Of each shell, what it reads at its start, and how that leads elsewhere."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


pytestmark = pytest.mark.anyio


def a_hand(shell: str, home: Path, **more: str) -> TerminalHand:
    homes = {"HOME": str(home), "ENV": str(home / ".dashrc"), "ZDOTDIR": str(home)}
    known = {**os.environ, **homes, "XDG_CONFIG_HOME": str(home / ".config"), "SHELL": shell}
    return TerminalHand(by=EVE, command=(), environment=known | more)


async def done(hand: TerminalHand, variables: Mapping[str, str] = GUARD) -> str:
    with anyio.fail_after(20):
        return await hand.work(variables)


def a_shell(folder: Path, *lines: str) -> str:
    """A program in the place of a shell; asked, it does the lines, and started, it ends well."""
    path = folder / "shell"
    started = f"test $# = 0 && {{ touch {folder}/started; exit; }}"
    path.write_text("\n".join(("#!/bin/sh", started, *lines, "")))
    path.chmod(0o755)
    return str(path)


def installed(name: str) -> str:
    """Where a shell is; a test whose shell is not installed is skipped."""
    found = shutil.which(name)
    return found or pytest.skip(f"there is no {name} here")


def start_up(home: Path, name: str, text: str) -> None:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


@pytest.mark.parametrize("name", FILES)
async def test_a_shell_whose_start_up_files_lead_past_the_guard_is_not_started(
    name: str, tmp_path: Path
) -> None:
    shell = installed(name)
    start_up(tmp_path, *FILES[name])

    assert PAST in await done(a_hand(shell, tmp_path))


@pytest.mark.parametrize("name", FILES)
async def test_a_shell_whose_start_up_files_leave_it_alone_is_started(
    name: str, tmp_path: Path
) -> None:
    shell = installed(name)
    start_up(tmp_path, FILES[name][0], "echo hello")

    assert await done(a_hand(shell, tmp_path)) == ""


@pytest.mark.parametrize(
    "lines",
    [
        ("echo unknown option -i >&2", "exit 2"),
        ("exit 0",),
        ("unset KUBECONFIG", 'exec sh -c "$3"'),
        ("echo /the/guards", "exit 2"),
    ],
    ids=["knows-no-i", "says-nothing", "unset", "fails-after-a-greeting"],
)
async def test_one_that_does_not_say_where_it_leads_is_not_started(
    lines: tuple[str, ...], tmp_path: Path
) -> None:
    shell = a_shell(tmp_path, *lines)

    problem = await done(a_hand(shell, tmp_path))

    assert DOUBT in problem
    assert not (tmp_path / "started").exists()


async def test_what_start_up_files_leave_in_the_background_is_not_waited_for(
    tmp_path: Path,
) -> None:
    start_up(tmp_path, ".bashrc", f"sleep 60 & echo $! > {tmp_path}/child")

    with anyio.fail_after(8):
        assert await done(a_hand("/bin/bash", tmp_path)) == ""


async def test_one_that_is_over_while_it_is_asked_is_not_started(tmp_path: Path) -> None:
    shell = a_shell(tmp_path, f"touch {tmp_path}/asked", "sleep 60")
    hand, problems = a_hand(shell, tmp_path), []

    async def work() -> None:
        problems.append(await hand.work(GUARD))

    with anyio.fail_after(8):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            while not await anyio.Path(tmp_path / "asked").exists():  # noqa: ASYNC110
                await anyio.sleep(0.01)
            await hand.end()

    assert problems == ["it was over before it began"]
    assert not (tmp_path / "started").exists()


async def test_a_shell_that_is_not_there_cannot_be_started(tmp_path: Path) -> None:
    problem = await done(a_hand("/no/such/shell", tmp_path))

    assert problem == "/no/such/shell cannot be started: No such file or directory"
