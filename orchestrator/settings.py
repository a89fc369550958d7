"""Every knob, its unit and why its default; only `wiring` reads it.

A knob is set by the environment variable CHAOSDAY_<GROUP>_<KNOB>. There is no file.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.domain.errors import InvalidValue

T = TypeVar("T")


def _default_database() -> str:
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return f"sqlite+aiosqlite:///{home}/chaosday/chaosday.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where everything is remembered."""

    url: str = field(default_factory=_default_database)
    """`sqlite+aiosqlite:///PATH` or `postgresql+asyncpg://USER:PASSWORD@HOST/NAME`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the service listens."""

    host: str = "127.0.0.1"
    """Loopback, since whoever reaches the service needs a token but nothing else."""
    port: int = 8470
    """0 takes any free port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceSettings:
    """How long the steps of a run may take, in seconds."""

    probe_interval: float = 0.5
    """Between two measurements of the steady state: a blip of a second leaves a mark."""
    before: float = 1.0
    """How long the steady state is measured before anything is injected."""
    rollbacks: float = 30.0
    """How long an experiment's own rollbacks may take before the runner is killed."""
    verification: float = 60.0
    """Within what time the world must be as before, or a person is called: a rollout of a
    large image takes about that long."""
    after: float = 30.0
    """Within what time after that the steady state must hold again, or a person is called."""
    restoring: float = 180.0
    """How long restoring may take in all before a person is called; to measure the steady state
    comes on top."""
    lease: float = 3.0
    """How long a lost conductor holds a run: shorter restores sooner, longer survives a busy
    machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSettings:
    """What a runner's process gets to see."""

    environment: tuple[str, ...] = ()
    """Names of variables passed on from the orchestrator's environment, separated by commas."""
    containment: str = "on"
    """`on`: every measure that this machine has; `off`: none, to look into an experiment that
    fails because of them. A plan that requires one refuses to start then."""
    readable: tuple[str, ...] = ()
    """Folders with scripts or modules of experiments that a runner may read, separated by
    commas; it reads the system's programs and Python anyway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """How the service logs."""

    format: str = "auto"
    """`json`, `console`, or `auto`: readable on a terminal, else JSON."""
    level: str = "info"
    """`debug`, `info`, `warning` or `error`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All knobs."""

    storage: StorageSettings = field(default_factory=StorageSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    pace: PaceSettings = field(default_factory=PaceSettings)
    runner: RunnerSettings = field(default_factory=RunnerSettings)
    log: LogSettings = field(default_factory=LogSettings)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Read every knob from an environment.

    Raises: InvalidValue: a value cannot be read; names the variable.
    """
    return Settings(
        storage=_group(StorageSettings, "STORAGE", environment),
        server=_group(ServerSettings, "SERVER", environment),
        pace=_group(PaceSettings, "PACE", environment),
        runner=_group(RunnerSettings, "RUNNER", environment),
        log=_group(LogSettings, "LOG", environment),
    )


def _group(kind: type[T], name: str, environment: Mapping[str, str]) -> T:
    found: dict[str, Any] = {}
    for knob in fields(kind):  # type: ignore[arg-type]
        variable = f"CHAOSDAY_{name}_{knob.name.upper()}"
        if environment.get(variable):
            found[knob.name] = _read(variable, environment[variable], str(knob.type))
    return kind(**found)


def _read(variable: str, text: str, kind: str) -> Any:
    try:
        if "float" in kind:
            value = float(text)
            if value <= 0:
                raise ValueError
            return value
        if "int" in kind:
            return int(text)
    except ValueError:
        raise InvalidValue(
            field=variable, value=text, problem="is no positive number", way_out="such as 2.5"
        ) from None
    if "tuple" in kind:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text
