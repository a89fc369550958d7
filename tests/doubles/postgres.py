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
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 60.0
"""Seconds that starting and stopping may take."""


class PostgresServer:
    """A running server, of which each test gets a database of its own."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._count = itertools.count(1)

    def fresh(self, *, like: str = "") -> str:
        """The URL of a new database: empty, or a copy of another one that nobody has open."""
        name = f"test_{os.getpid()}_{next(self._count)}"
        copy = f" TEMPLATE {like}" if like else ""
        self.run(f"CREATE DATABASE {name}{copy}")
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql+asyncpg://postgres@/{name}?host={self._folder}"

    def run(self, statement: str) -> None:
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
                "postgres",
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
        with _running(programs, folder):
            yield PostgresServer(programs, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
        return [setpriv, "--pdeathsig", "INT", *command] if setpriv else list(command)
    if setpriv:
        user = ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        return [setpriv, *user, "--pdeathsig", "INT", *command]
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


@contextmanager
def _running(programs: Path, folder: Path) -> Iterator[None]:
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    log = folder / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            # An empty list of addresses: it listens on nothing but the socket in its folder.
            _as_server_user([*command, "-c", "listen_addresses="]),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            # A Ctrl-C at the terminal is for the tests, which then end the server.
            start_new_session=True,
        ) as process,
    ):
        try:
            _await_ready(process, log)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def _await_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    last = time.monotonic() + PATIENCE
    while b"ready to accept connections" not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > last:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')}")
        time.sleep(0.02)
