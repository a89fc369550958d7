"""Compiles Kubernetes' control plane with the Go of the machine, once.

The sources are the published Go modules that `go.mod` names. Nothing prebuilt is downloaded, and
what is built goes into the ignored cache folder of the project.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CACHE: Final = HERE.parents[1] / ".cache" / "cluster"
# The one program is installed under each of these names, and becomes what it is called as.
NAMES: Final = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubectl",
    "kubelet",
    "pki",
)
NO_GO: Final = (
    "Go is not installed, so Kubernetes' control plane cannot be compiled: install Go 1.26 or "
    "later, or ask any cluster for tests (kind, k3d, ...): make contract KUBECONFIG=/path/to/it"
)


class GoMissing(Exception):
    """There is no Go to compile with."""


class BuildFailed(Exception):
    """Go could not compile the control plane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """The compiled programs, and the release of Kubernetes they are of."""

    folder: Path
    version: str

    def path(self, name: str) -> str:
        """The program of that name."""
        return str(self.folder / name)


def built_programs() -> Programs:
    """The programs, compiled now if they have not been yet (about five minutes on two cores).

    Raises: GoMissing; BuildFailed.
    """
    go = shutil.which("go")
    if go is None:
        raise GoMissing(NO_GO)
    version = _version()
    programs = Programs(folder=CACHE / _fingerprint(go, version), version=version)
    with _alone():
        if not programs.folder.is_dir():
            _build(go, programs)
    return programs


def are_built() -> bool:
    """Whether a start would not have to compile first."""
    go = shutil.which("go")
    return go is not None and (CACHE / _fingerprint(go, _version())).is_dir()


def _version() -> str:
    found = re.search(r"\sk8s\.io/kubernetes (v\S+)", (HERE / "go.mod").read_text())
    if found is None:
        raise BuildFailed(f"{HERE / 'go.mod'} requires no k8s.io/kubernetes")
    return found[1]


def _fingerprint(go: str, version: str) -> str:
    """What the compiled programs depend on, as the name of their folder."""
    digest = hashlib.sha256(_said_by(go, "env", "GOVERSION", "GOOS", "GOARCH").encode())
    for source in sorted([*HERE.glob("*.go"), HERE / "go.mod", HERE / "go.sum"]):
        digest.update(source.read_bytes())
    return f"{version}-{digest.hexdigest()[:12]}"


def _said_by(go: str, *arguments: str) -> str:
    done = subprocess.run([go, *arguments], cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailed(f"go {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def _alone() -> Iterator[None]:
    """Nobody else on this machine builds into the same cache meanwhile."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(go: str, programs: Programs) -> None:
    """Compile next to the final place, then move there: a broken build leaves nothing to use."""
    folder = programs.folder.with_name(f"{programs.folder.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = [go, "build", "-trimpath", "-ldflags", _linked(programs.version)]
    done = subprocess.run(
        ["nice", "-n", "10", *command, "-o", str(folder / "kubernetes"), "."],
        cwd=HERE,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise BuildFailed(f"go build ended with {done.returncode}; the lines above say why")
    for name in NAMES:
        (folder / name).symlink_to("kubernetes")
    folder.rename(programs.folder)


def _linked(version: str) -> str:
    """The linker's arguments: no debug symbols, and the version that the programs report."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    settings = [
        f"-X {package}.{key}={value}" for package in packages for key, value in values.items()
    ]
    return " ".join(["-s", "-w", *settings])
