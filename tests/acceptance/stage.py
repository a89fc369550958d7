"""A practice cluster, a database and our own commands, as processes that a test may kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from kubernetes import client, config

T = TypeVar("T")
CHAOSDAY = (sys.executable, "-m", "orchestrator.cli")
DYING = (sys.executable, "-m", "tests.acceptance.dying")
AT_ANY_TIME = """\
version: 1
day: {name: A day}
environment: test
window: {zone: UTC, opens: 2026-01-01T00:00, closes: 2099-01-01T00:00}
people: [{name: Kim, role: facilitator}]
"""
"""How a plan begins whose day may be opened whenever a test does; its limits and agenda follow."""


def until(question: Callable[[], T | None], *, within: float = 60, every: float = 0.02) -> T:
    """Ask again and again until the answer is true; fails when it is not within so many seconds."""
    last = time.monotonic() + within
    while time.monotonic() < last:
        answer = question()
        if answer:
            return answer
        time.sleep(every)
    raise AssertionError(f"{question!r} was not so within {within} s")


@contextmanager
def practice(folder: Path, *, port: int = 0) -> Iterator[dict[str, Any]]:
    """A practice cluster in a process of its own, at a port of its own unless one is named."""
    ports = ["--port", str(port), "--front-door-port", "0", "--metrics-port", "0"]
    process = subprocess.Popen(
        [*CHAOSDAY, "practice", *ports, "--kubeconfig", str(folder / "kubeconfig"), "--quiet",
         "--until-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=20)


@dataclass
class Stage:
    """One database and one cluster, and the commands that work on them."""

    folder: Path
    database: str
    cluster: Mapping[str, Any]
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    lease_seconds: float = 1.5
    is_contained: bool = False
    """Whether runners are kept in; most experiments here count in a folder that none may write."""

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CHAOSDAY_")}
        return kept | {
            "CHAOSDAY_STORAGE_URL": self.database,
            "CHAOSDAY_FRONT_DOOR": self.cluster["front_door_url"],
            "CHAOSDAY_PACE_LEASE": str(self.lease_seconds),
            "CHAOSDAY_RUNNER_CONTAINMENT": "on" if self.is_contained else "off",
            # What the experiments here call lies there.
            "CHAOSDAY_RUNNER_READABLE": str(Path(__file__).parent),
            "KUBECONFIG": self.cluster["kubeconfig"],
            "TMPDIR": str(self.folder),
        }

    def start(self, *words: str, program: Sequence[str] = CHAOSDAY) -> subprocess.Popen[str]:
        """Start one of our commands."""
        with (self.folder / f"{words[0]}-{len(self.started)}.log").open("w") as log:
            process = subprocess.Popen(
                [*program, *words],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.started.append(process)
        return process

    def service_url(self) -> str:
        """Where the service that was started first listens; empty while it does not."""
        for line in (self.folder / "serve-0.log").read_text().splitlines():
            if line.startswith('{"url"'):
                return str(json.loads(line)["url"])
        return ""

    def call(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Call one of our commands and wait for it."""
        return subprocess.run(
            [*CHAOSDAY, *words],
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def end(self) -> None:
        """End whatever is still running of what was started, and wait for their guards."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        until(lambda: not self.leftovers(), within=20)

    def leftovers(self) -> list[int]:
        """Processes of runs, whoever started them: their folder names this stage's."""
        mine = str(self.folder).encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes()
                known = mine in words or (
                    b"guard" in words and mine in (path / "environ").read_bytes()
                )
            except OSError:
                continue
            if known and b"practice" not in words:
                found.append(int(path.name))
        return found

    def replicas(self, name: str) -> tuple[int, int]:
        """How many pods of a Deployment are wanted, and how many are ready."""
        with client.ApiClient(self._configuration()) as api:
            found = client.AppsV1Api(api).read_namespaced_deployment(name, "shop")
            assert found.spec is not None
            assert found.status is not None
            return found.spec.replicas or 0, found.status.ready_replicas or 0

    def scale(self, name: str, replicas: int) -> None:
        """Scale a Deployment by somebody else's hand."""
        with client.ApiClient(self._configuration()) as api:
            client.AppsV1Api(api).patch_namespaced_deployment(
                name, "shop", {"spec": {"replicas": replicas}}
            )

    def _configuration(self) -> client.Configuration:
        configuration = client.Configuration()
        path = self.cluster["kubeconfig"]
        config.load_kube_config(path, client_configuration=configuration)  # type: ignore[no-untyped-call]
        return configuration

    # The experiment

    @property
    def injections(self) -> int:
        """How often the first action was made."""
        return self._lines("injected")

    @property
    def seconds(self) -> int:
        """How often the action after the long one was made."""
        return self._lines("second")

    @property
    def refusals(self) -> int:
        """How often somebody who insisted was refused."""
        return self._lines("refused")

    def _lines(self, name: str) -> int:
        path = self.folder / name
        return len(path.read_text().splitlines()) if path.exists() else 0

    def write_experiment(self, *, slow: str = "") -> Path:
        """An experiment that counts its injections and is slow in one place.

        Shape: slow is one of gate, action, rollback, recovery, or empty.
        """
        method = [
            self._shell("count-the-injection", f"echo x >> {self.folder}/injected"),
            _scale("scale-to-zero", 0),
        ]
        if slow == "action":
            method.append(_sleep("take-long", 30))
            method.append(self._shell("go-on", f"echo x >> {self.folder}/second"))
        rollbacks = [_sleep("take-long-to-roll-back", 6)] if slow == "rollback" else []
        if slow == "recovery":
            rollbacks.append(self._shell("count-the-rollback", f"echo x >> {self.folder}/back"))
        document = {
            "title": "Payment is gone",
            "description": "Counts how often it was injected.",
            "steady-state-hypothesis": {"title": "All is well", "probes": [self._probe(slow)]},
            "method": method,
            "rollbacks": [*rollbacks, _scale("scale-back", 2)],
        }
        method[-1]["pauses"] = {"after": 0 if slow == "recovery" else 60}
        path = self.folder / "experiment.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    def _probe(self, slow: str) -> dict[str, Any]:
        marker = self.folder / "injected"
        command = {
            # The gate takes long only while nothing was injected.
            "gate": f"test -e {marker} || sleep 4; exit 0",
            # Once something was injected it holds again when a successor has rolled it back too,
            # so verification takes long until there is one.
            "recovery": f"test ! -e {marker} || test $(wc -l < {self.folder}/back) -gt 1",
        }.get(slow, "exit 0")
        probe = self._shell("all-is-well", command)
        return probe | {"type": "probe", "tolerance": 0} | {"provider": probe["provider"]}

    @staticmethod
    def _shell(name: str, command: str) -> dict[str, Any]:
        return {
            "type": "action",
            "name": name,
            "provider": {"type": "process", "path": "sh", "arguments": ["-c", command]},
        }


def _scale(name: str, replicas: int) -> dict[str, Any]:
    return {
        "type": "action",
        "name": name,
        "provider": {
            "type": "python",
            "module": "chaosk8s.deployment.actions",
            "func": "scale_deployment",
            "arguments": {"name": "payment", "ns": "shop", "replicas": replicas},
        },
    }


def _sleep(name: str, seconds: int) -> dict[str, Any]:
    return {
        "type": "action",
        "name": name,
        "provider": {
            "type": "python",
            "module": "tests.acceptance.slow",
            "func": "take_long",
            "arguments": {"seconds": seconds},
        },
    }


def kill(process: subprocess.Popen[str]) -> None:
    """End a process as the kernel does when memory is short."""
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
