"""A PostgreSQL server of the tests' own: in a temporary folder, on a unix socket, ended with them.

It is a real server with its usual durability, not a double.
"""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.adapters.storage.tables import metadata

PATIENCE = 60.0
"""Seconds that starting and stopping may take."""


class PostgresServer:
    """A running server, of which each test gets a database of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._count = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data")]
        # An empty list of addresses: it listens on nothing but the socket in its folder.
        options = ["-k", str(self._folder), "-c", "listen_addresses="]
        log = self._folder / "log"
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                _as_server_user([*command, *options]),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                # A Ctrl-C at the terminal is for the tests, which then end the server.
                start_new_session=True,
            )
        _await_ready(self._process, log)

    def stop(self) -> None:
        """End it at once, as a loss of power would; what was committed is still there."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT)
        try:
            self._process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=PATIENCE)
        self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Have it hang while the scope lasts: it takes connections, and answers nobody."""
        assert self._process is not None
        family = _family(self._process.pid)
        try:
            for number in family:
                os.kill(number, signal.SIGSTOP)
            yield
        finally:
            for number in family:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGCONT)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Have no server while the scope lasts."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def fresh(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(self._count)}"
        self._run(f"CREATE DATABASE {name}")
        return f"postgresql+asyncpg://postgres@/{name}?host={self._folder}"

    def empty(self, url: str) -> None:
        """Take every row out of a database, past its own triggers: quicker than a new one."""
        tables = ", ".join(table.name for table in metadata.tables.values())
        self._run(
            f"SET session_replication_role = replica; TRUNCATE {tables}",
            in_database=url.split("@/")[1].split("?", maxsplit=1)[0],
        )

    def _run(self, statement: str, *, in_database: str = "postgres") -> None:
        subprocess.run(
            [
                str(self._programs / "psql"),
                "--no-psqlrc",
                "--quiet",
                "--host",
                str(self._folder),
                "--username",
                "postgres",
                "--command",
                statement,
                in_database,
            ],
            check=True,
            timeout=PATIENCE,
            cwd="/",
            stdin=subprocess.DEVNULL,
        )


@contextmanager
def postgres_server() -> Iterator[PostgresServer | None]:
    """A server; None where none can be had."""
    programs = _programs()
    if programs is None or (os.geteuid() == 0 and _server_user() is None):
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="chaosday-pg-", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, user="postgres")
        _initialise(programs, folder)
        server = PostgresServer(programs, folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _family(eldest: int) -> list[int]:
    """A process and all that descend from it, the eldest first."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    family = [eldest]
    for member in family:
        family += [number for number, parent in parents.items() if parent == member]
    return family


def _programs() -> Path | None:
    """The folder with the server's programs: that of PATH, else the newest of Debian's."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
            return folder
    return None


def _server_user() -> str | None:
    """Who runs the server where we are root, since it refuses to be."""
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return None
    return "postgres" if shutil.which("setpriv") or shutil.which("runuser") else None


def _as_server_user(command: Sequence[str]) -> list[str]:
    """The command, as a user who may run it; it ends when the tests' process does."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0:
        return [setpriv, "--pdeathsig", "QUIT", *command] if setpriv else list(command)
    if setpriv:
        user = ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        return [setpriv, *user, "--pdeathsig", "QUIT", *command]
    return ["runuser", "-u", "postgres", "--", *command]


def _initialise(programs: Path, folder: Path) -> None:
    options = ["--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust", "-U", "postgres"]
    subprocess.run(
        _as_server_user([str(programs / "initdb"), *options, "-D", str(folder / "data")]),
        check=True,
        timeout=PATIENCE,
        cwd="/",
        stdout=subprocess.DEVNULL,
    )


def _await_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    last = time.monotonic() + PATIENCE
    while b"ready to accept connections" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > last:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")
        time.sleep(0.02)
