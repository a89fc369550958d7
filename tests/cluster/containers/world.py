"""A private world for the processes of one cluster, so that the machine stays as it was.

Process ids, mounts, network, host name and cgroups are its own; files are the machine's. It ends
with its household: the kernel ends whatever runs in there, the sweep takes away the cgroups.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from orchestrator.domain.errors import PortOccupied
from tests.cluster.containers.building import NodePrograms
from tests.cluster.containers.machine import PATH
from tests.cluster.processes import Household
from tests.cluster.starting import NotReady

PREFIX: Final = "chaosday-node-"
NODE: Final = "node-1"
NODE_ADDRESS: Final = "10.100.0.1"
PATIENCE_SECONDS: Final = 10
# After the end of the life-line the kernel needs a moment to end what runs in the cgroups.
SWEEP: Final = """cat >/dev/null
name="${1##*/}" tries=0
while [ "$tries" -lt 100 ]; do
    find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} + 2>/dev/null
    rm -rf -- "$1"
    [ -n "$(find /sys/fs/cgroup -type d -name "$name" 2>/dev/null)" ] || [ -e "$1" ] || exit 0
    tries=$((tries + 1))
    sleep 0.1
done"""
# Joins the world's cgroups, takes on its namespaces and goes to the cluster's folder in there.
ENTER: Final = 'for file in $CGROUPS; do echo 0 >"$file/cgroup.procs" || exit 1; done; exec "$@"'
AT_HOME: Final = 'cd "$1" && shift && exec "$@"'


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A world that programs can be started in."""

    folder: Path
    programs: NodePrograms
    process: int
    cgroups: tuple[str, ...]

    @property
    def command(self) -> tuple[str, ...]:
        """What to put before a command so that it runs in there, in the folder of the cluster.

        Of the environment it gets nothing, so that no proxy of the machine is asked.
        """
        joining = f"CGROUPS={' '.join(self.cgroups)}"
        path = f"PATH={self.programs.folder}:{PATH}"
        enter = ("env", "-i", joining, path, "CHAOSDAY_LIFELINE=stdin", "sh", "-c", ENTER, "enter")
        namespaces = ("--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup")
        into = ("nsenter", f"--target={self.process}", *namespaces, "--")
        return (*enter, *into, "sh", "-c", AT_HOME, "home", str(self.folder))

    def path(self, inside: str) -> Path:
        """Where a file of the world is for somebody outside."""
        return Path(f"/proc/{self.process}/root{inside}")

    async def run(self, *command: str) -> None:
        """Run a command in there to its end, which must be a good one.

        Raises: subprocess.CalledProcessError.
        """
        await anyio.run_process([*self.command, *command], stdin=None)


async def new_world(home: Household, programs: NodePrograms, listener: socket.socket) -> World:
    """A world whose first process relays connections of the listener to its own loopback.

    Raises: NotReady: it is not furnished in time.
    """
    port, descriptor = listener.getsockname()[1], listener.fileno()
    keeper = (programs.path("keeper"), str(home.folder), str(port), str(descriptor))
    await home.start("keeper", *keeper, descriptors=(descriptor,))
    await file_to_be_there(home.folder / "furnished", home, "keeper")
    return World(
        folder=home.folder,
        programs=programs,
        process=int((home.folder / "world").read_text()),
        cgroups=tuple((home.folder / "cgroups").read_text().split()),
    )


async def file_to_be_there(path: Path, home: Household, whose: str) -> None:
    """Wait until a process has made a file.

    Raises: NotReady.
    """
    deadline = anyio.current_time() + PATIENCE_SECONDS
    while anyio.current_time() < deadline:
        if await anyio.Path(path).exists():
            return
        await anyio.sleep(0.01)
    said = home.last_lines(whose)
    raise NotReady(f"no {path} of {whose} after {PATIENCE_SECONDS} s; it said:\n{said}")


@contextmanager
def listening(port: int) -> Iterator[socket.socket]:
    """A socket on loopback of the machine that accepts connections for a world.

    Raises: PortOccupied.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortOccupied(port=port, what="the API server") from error
        listener.listen(socket.SOMAXCONN)
        yield listener
