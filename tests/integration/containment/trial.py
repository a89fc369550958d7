"""One trial: every attack as an action of one experiment, with containment or without.

Run as a program, so that it can be run as any user: `python -m ... on|narrow|off root|ordinary`.
It prints which attacks came to something, and how the measures stand.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio

from orchestrator.adapters.chaostoolkit.containment import kernel
from orchestrator.adapters.chaostoolkit.containment.standing import standings
from orchestrator.adapters.chaostoolkit.containment.survey import UNWANTED, Offer, surveyed
from orchestrator.adapters.chaostoolkit.engine import ChaosToolkitEngine
from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.containment import Measure
from orchestrator.domain.day import PinnedExperiment
from orchestrator.ports import ActionEnded, Assignment, MethodPlayed, RunnerEnded
from tests.builders import a_plan, a_radius, a_run

ROOT = Path(__file__).parents[3]
_NOBODY = 65533
SECRET = "the-operators-secret"
GUARD = ROOT / "tests" / "integration" / "chaostoolkit" / "acting_guard.py"
_WAIT = "import sys; sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.read()"

MEASURE_AGAINST = {
    "read the kubeconfig": Measure.FILES,
    "have a program read the kubeconfig": Measure.FILES,
    "read the journal": Measure.FILES,
    "write beside the journal": Measure.FILES,
    "list the operator's home": Measure.FILES,
    "reach the kubeconfig through the guard's root": Measure.MEMORY,
    "read the guard's environment": Measure.MEMORY,
    "read the orchestrator's environment": Measure.MEMORY,
    "read the guard's memory": Measure.MEMORY,
    "trace the guard": Measure.MEMORY,
    "freeze the guard": Measure.SIGNALS,
    "connect to the API server": Measure.NETWORK,
    "connect to a socket in the file system": Measure.NETWORK,
    "connect to an abstract socket": Measure.NETWORK,
    "send datagrams": Measure.NETWORK,
    "be root": Measure.PRIVILEGES,
}
"""What keeps a runner from each attack."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What the operator has that is worth an attack."""

    home: Path
    guard: int
    port: int
    datagrams: int
    name: str

    @property
    def attacks(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Function and arguments of each attack, by its name."""
        kubeconfig, journal = str(self.home / "kubeconfig"), str(self.home / "chaosday.db")
        guard = {"process": self.guard}
        return {
            "read the kubeconfig": ("read_file", {"path": kubeconfig}),
            "have a program read the kubeconfig": ("read_by_program", {"path": kubeconfig}),
            "read the journal": ("read_file", {"path": journal}),
            "write beside the journal": ("write_file", {"path": f"{journal}-planted"}),
            "list the operator's home": ("list_folder", {"path": str(self.home)}),
            "reach the kubeconfig through the guard's root": (
                "read_through_root",
                {**guard, "path": kubeconfig},
            ),
            "read the guard's environment": ("read_environment", {**guard, "secret": SECRET}),
            "read the orchestrator's environment": (
                "read_environment",
                {"process": 0, "secret": SECRET},
            ),
            "read the guard's memory": ("read_memory", guard),
            "trace the guard": ("trace", guard),
            "freeze the guard": ("stop_process", guard),
            "connect to the API server": ("connect", {"host": "127.0.0.1", "port": self.port}),
            "connect to a socket in the file system": (
                "connect_by_path",
                {"path": str(self.home / "socket")},
            ),
            "connect to an abstract socket": ("connect_by_name", {"name": self.name}),
            "send datagrams": ("send_datagram", {"host": "127.0.0.1", "port": self.datagrams}),
            "be root": ("gain_privileges", {}),
        }


@contextmanager
def a_world() -> Iterator[World]:
    """Files, sockets and a process of the operator's."""
    name = f"chaosday-trial-{os.getpid()}"
    with (
        tempfile.TemporaryDirectory(prefix="chaosday-operator-") as folder,
        socket.create_server(("127.0.0.1", 0)) as api,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as by_path,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as by_name,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        subprocess.Popen(
            [sys.executable, "-c", _WAIT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"TOKEN": SECRET},
        ) as guard,
    ):
        for file in ("kubeconfig", "chaosday.db"):
            path = Path(folder, file)
            path.write_text(SECRET)
            path.chmod(0o600)
        by_path.bind(f"{folder}/socket")
        by_path.listen()
        by_name.bind(f"\0{name}")
        by_name.listen()
        datagrams.bind(("127.0.0.1", 0))
        assert guard.stdout
        guard.stdout.readline()
        with _echoing(datagrams):
            yield World(
                home=Path(folder),
                guard=guard.pid,
                port=api.getsockname()[1],
                datagrams=datagrams.getsockname()[1],
                name=name,
            )
        guard.kill()


@contextmanager
def _echoing(datagrams: socket.socket) -> Iterator[None]:
    """Answer each datagram while the context lasts."""
    program = (
        "import socket, sys\n"
        "ours = socket.socket(fileno=int(sys.argv[1]))\n"
        "while True:\n"
        "    content, sender = ours.recvfrom(100)\n"
        "    ours.sendto(content, sender)\n"
    )
    number = datagrams.fileno()
    command = [sys.executable, "-c", program, str(number)]
    with subprocess.Popen(command, pass_fds=(number,)) as echo:
        try:
            yield
        finally:
            echo.kill()


def _assignment(world: World) -> Assignment:
    attacks = [
        {
            "type": "action",
            "name": name,
            "provider": {
                "type": "python",
                "module": "tests.integration.containment.attacks",
                "func": func,
                "arguments": arguments,
            },
        }
        for name, (func, arguments) in world.attacks.items()
    ]
    # A method ends at the first action that fails; rollbacks are played to the last.
    document = {"title": "hostile", "description": "", "method": [], "rollbacks": attacks}
    return Assignment(
        run=a_run(),
        experiment=PinnedExperiment(name="x", document=document, digest="0"),
        configuration={},
        cluster=a_plan().cluster,
        radius=a_radius(),
        probe_interval=timedelta(seconds=1),
    )


async def attacked(offer: Offer) -> dict[str, Any]:
    """Play every attack; an outcome is empty when it came to something, else why it did not."""
    engine = ChaosToolkitEngine(
        guard_command=[sys.executable, "-s", str(GUARD), "well"],
        guard_environment={"PYTHONPATH": str(ROOT)},
        clock=SystemClock(),
        survey=lambda: offer,
        readable=[str(ROOT / "tests")],
    )
    with a_world() as world:
        outcomes = await _outcomes(engine, _assignment(world))
    return {
        "uid": os.geteuid(),
        "measures": {each.measure.value: each.state.value for each in standings(offer)},
        "outcomes": outcomes,
    }


async def _outcomes(engine: ChaosToolkitEngine, assignment: Assignment) -> dict[str, str]:
    found: dict[str, str] = {}
    with anyio.fail_after(60):
        async with engine.open(assignment) as execution, anyio.create_task_group() as tasks:
            await execution.take_baseline()
            await execution.play()
            async for happening in execution.happenings():
                assert not isinstance(happening, RunnerEnded), happening
                if isinstance(happening, MethodPlayed):
                    tasks.start_soon(lambda: execution.finish(patience=timedelta(seconds=30)))
                if isinstance(happening, ActionEnded):
                    found[happening.name] = "" if happening.succeeded else happening.problem
                if len(found) == len(assignment.experiment.document["rollbacks"]):
                    break
    return found


def offer_of(how: str) -> Offer:
    """Every measure, none, or only those that need no namespace."""
    match how:
        case "off":
            return UNWANTED
        case "on":
            return surveyed()
        case _:
            offer = surveyed()
            why = "not wanted in this trial"
            return replace(offer, namespaces=why, user=offer.user or "" if _may_change() else why)


def _may_change() -> bool:
    """Whether any user can get to Python, as the change of user needs without a view."""
    places = [Path(sys.executable), Path(sys.executable).resolve()]
    parents = {parent for place in places for parent in place.parents}
    return all(parent.stat().st_mode & 0o001 for parent in parents)


def become_ordinary() -> None:
    """Be a user without privileges, whom Python is shown although it may lie in root's home."""
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    for place in (Path(sys.prefix), Path(sys.base_prefix)):
        closed = [each for each in place.parents if not each.stat().st_mode & 0o001]
        if closed:
            shown = os.open(place, os.O_PATH)
            kernel.mount("shown", str(closed[-1]), "tmpfs", 0, "mode=0755")
            place.mkdir(parents=True)
            kernel.mount(f"/proc/self/fd/{shown}", str(place), "", kernel.MS_BIND)
            os.close(shown)
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    # Else the processes of this user would be as closed to it as those of root.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


if __name__ == "__main__":
    if sys.argv[2] == "ordinary":
        become_ordinary()
    sys.stdout.write(json.dumps(anyio.run(attacked, offer_of(sys.argv[1]))) + "\n")
