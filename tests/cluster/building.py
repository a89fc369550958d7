"""Compiles Kubernetes' control plane with the Go of the machine, once.

The sources are the published Go modules that `go.mod` names, or for another release the file
beside it, such as `v1.37.mod`. Nothing prebuilt is downloaded, and
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release of Kubernetes: the Go modules that it is compiled from."""

    modules: Path

    @property
    def version(self) -> str:
        """The release as its module is tagged, such as v1.36.3."""
        found = re.search(r"\sk8s\.io/kubernetes (v\S+)", self.modules.read_text())
        if found is None:
            raise BuildFailed(f"{self.modules} requires no k8s.io/kubernetes")
        return found[1]

    @property
    def sums(self) -> Path:
        """The checksums of the modules."""
        return self.modules.with_suffix(".sum")

    @property
    def folder(self) -> Path:
        """Where its programs belong, named by all that they depend on."""
        digest = hashlib.sha256(said_by_go("env", "GOVERSION", "GOOS", "GOARCH").encode())
        for source in [*sorted(HERE.glob("*.go")), self.modules, self.sums]:
            digest.update(source.read_bytes())
        return CACHE / f"{self.version}-{digest.hexdigest()[:12]}"


def release_of(name: str) -> Release:
    """The release that a name such as 1.37 or v1.37.2 stands for; without one, the usual.

    Raises: BuildFailed: there is none of that name here.
    """
    known = [Release(modules=path) for path in (HERE / "go.mod", *sorted(HERE.glob("v*.mod")))]
    wanted = f"v{name.removeprefix('v')}"
    for release in known:
        if not name or f"{release.version}.".startswith(f"{wanted}."):
            return release
    choices = ", ".join(release.version for release in known)
    raise BuildFailed(f"there is no release {name} of Kubernetes here: choose one of {choices}")


def built_programs(name: str = "") -> Programs:
    """A release's programs, compiled now if they have not been yet (minutes on two cores).

    Raises: GoMissing; BuildFailed.
    """
    release = release_of(name)
    programs = Programs(folder=release.folder, version=release.version)
    with building_alone():
        if not programs.folder.is_dir():
            _build(release, programs)
    return programs


def are_built(name: str = "") -> bool:
    """Whether a start would not have to compile first.

    Raises: GoMissing; BuildFailed.
    """
    return release_of(name).folder.is_dir()


def said_by_go(*arguments: str) -> str:
    """What a command of Go prints.

    Raises: GoMissing; BuildFailed.
    """
    command = [go(), *arguments]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailed(f"go {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def go() -> str:
    """The Go of this machine.

    Raises: GoMissing.
    """
    found = shutil.which("go")
    if found is None:
        raise GoMissing(NO_GO)
    return found


@contextmanager
def building_alone() -> Iterator[None]:
    """Nobody else on this machine builds into the same cache meanwhile."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(release: Release, programs: Programs) -> None:
    modules = f"-modfile={release.modules.name}"
    linked = _linked(programs.version)
    with new_folder(programs.folder) as folder:
        build_with_go(modules, "-ldflags", linked, "-o", str(folder / "kubernetes"), ".", at=HERE)
        for name in NAMES:
            (folder / name).symlink_to("kubernetes")


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """A folder beside its final place, moved there at the end: a broken build leaves nothing."""
    folder = place.with_name(f"{place.name}.partial")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    yield folder
    folder.rename(place)


def build_with_go(*arguments: str, at: Path) -> None:
    """Compile programs of the module at a folder, static and without the paths of this machine.

    Raises: GoMissing; BuildFailed.
    """
    done = subprocess.run(
        ["nice", "-n", "10", go(), "build", "-buildvcs=false", "-trimpath", *arguments],
        cwd=at,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise BuildFailed(f"go build ended with {done.returncode}; the lines above say why")


def _linked(version: str) -> str:
    """The linker's arguments: no debug symbols, and the version that the programs report."""
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    settings = [
        f"-X {package}.{key}={value}" for package in packages for key, value in values.items()
    ]
    return " ".join(["-s", "-w", *settings])
