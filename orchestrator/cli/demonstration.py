"""The demonstration: starts everything, plays the day, and leaves nothing behind but the debrief.

It uses the public commands and the public API only, as people would.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
import click
import httpx2
from anyio.abc import Process

from orchestrator.adapters.clock import SystemClock
from orchestrator.cli.demo_plan import demo_plan
from orchestrator.cli.demo_team import Ada, Bo, Cy, Scene
from orchestrator.cli.exits import INTERRUPTED
from orchestrator.cli.hosting import access_by
from orchestrator.cli.remote import RemoteService
from orchestrator.domain.errors import EngineUnavailable, Unavailable

_READY_WITHIN: Final = 30.0
_GONE_WITHIN: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where the day is played: in a practice cluster, or in one that practice nodes join."""

    seed: int
    join: Path | None = None
    context: str = ""

    def words(self, folder: Path) -> tuple[str, ...]:
        """The command line that prepares it."""
        ports = ("--front-door-port", "0", "--metrics-port", "0", "--seed", str(self.seed))
        if self.join is None:
            return ("--port", "0", "--kubeconfig", str(self.kubeconfig(folder)), *ports)
        return ("--join", str(self.join), "--context", self.context, *ports)

    def kubeconfig(self, folder: Path) -> Path:
        """The way into the cluster."""
        return folder / "kubeconfig" if self.join is None else self.join


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """What was started, and where it is."""

    ground: Ground
    practice: Mapping[str, Any]
    url: str
    token: str
    environment: Mapping[str, str]


async def demonstrate(keep: bool, output: Path, ground: Ground) -> None:
    """Play the day, or keep everything running; a signal ends it cleanly at any moment."""
    interrupted: list[int] = []
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_on_signal, tasks, interrupted)
            async with _stage(ground) as stage:
                await (_keep(stage) if keep else _play(stage, output))
            tasks.cancel_scope.cancel()
    except* Unavailable:
        # A request that is cut off by the signal says that nobody answers, and means no more.
        if not interrupted:
            raise
    if interrupted:
        click.echo("everything was restored and ended")
        sys.exit(0 if keep else INTERRUPTED)


async def _cancel_on_signal(tasks: anyio.abc.TaskGroup, interrupted: list[int]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            if not interrupted:
                click.echo("\nstopping: restoring, then ending everything", err=True)
            interrupted.append(number)
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def _stage(ground: Ground) -> AsyncIterator[_Stage]:
    """The shop and the service on free ports; both are gone when the scope ends."""
    folder = Path(tempfile.mkdtemp(prefix="chaosday-demo-"))
    environment = _environment(folder, ground)
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        where = "a practice cluster" if ground.join is None else f"practice nodes by {ground.join}"
        click.echo(f"starting {where} ...")
        words = ("practice", *ground.words(folder), "--quiet")
        practice = await stack.enter_async_context(
            _started(*words, folder=folder, environment=environment)
        )
        environment["CHAOSDAY_FRONT_DOOR"] = practice["front_door_url"]
        ready = f"{practice['ready_after']:.2f} s"
        click.echo(f"  the shop is open at {practice['front_door_url']} after {ready}")
        click.echo("starting the service ...")
        token_file = folder / "token"
        serve = ("serve", "--port", "0", "--token-file", str(token_file))
        service = await stack.enter_async_context(
            _started(*serve, folder=folder, environment=environment)
        )
        click.echo(f"  it listens at {service['url']}")
        yield _Stage(
            ground=ground,
            practice=practice,
            url=service["url"],
            token=token_file.read_text(encoding="utf-8").strip(),
            environment=environment,
        )


def _environment(folder: Path, ground: Ground) -> dict[str, str]:
    """Ours without what would lead elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAOSDAY_")}
    return kept | {
        "CHAOSDAY_STORAGE_URL": f"sqlite+aiosqlite:///{folder}/chaosday.db",
        "CHAOSDAY_PACE_PROBE_INTERVAL": "0.25",
        "CHAOSDAY_LOG_FORMAT": "json",
        "KUBECONFIG": str(ground.kubeconfig(folder)),
    }


@asynccontextmanager
async def _started(
    *words: str, folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[dict[str, Any]]:
    """One of our own commands, running; on leaving it is asked to end, and waited for."""
    log = folder / f"{words[0]}.log"
    with log.open("wb") as errors:
        process = await anyio.open_process(
            [sys.executable, "-m", "orchestrator.cli", *words, "--until-eof"],
            stderr=errors,
            env=dict(environment),
            start_new_session=True,
        )
    try:
        yield await _first_line(process, words[0], log)
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _first_line(process: Process, name: str, log: Path) -> dict[str, Any]:
    assert process.stdout is not None
    text = b""
    with anyio.move_on_after(_READY_WITHIN):
        while not text.endswith(b"\n"):
            try:
                text += await process.stdout.receive()
            except anyio.EndOfStream:
                break
    if not text.endswith(b"\n"):
        told = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        problem = told[-1] if told else f"was not ready within {_READY_WITHIN:g} s"
        raise EngineUnavailable(process=name, problem=problem)
    answer: dict[str, Any] = json.loads(text)
    return answer


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    with anyio.move_on_after(_GONE_WITHIN):
        await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    await process.aclose()


async def _play(stage: _Stage, output: Path) -> None:
    async with httpx2.AsyncClient() as client, _cluster(stage) as cluster:
        service = RemoteService(url=stage.url, token=stage.token, client=client)
        day = await _plan(service, stage)
        click.echo(f"the day {day} is planned; its people are played by a script\n")
        async with anyio.create_task_group() as team:
            scene = Scene(
                url=stage.url,
                day=day,
                front_door=stage.practice["front_door_url"],
                cluster=cluster,
                client=client,
            )
            await _assemble(service, scene, team)
            await service.conduct(day, show=_show)
            # The team finishes its sentences before the day is closed.
            await anyio.sleep(4)
            team.cancel_scope.cancel()
        await service.post(f"/api/v1/days/{day}/close")
        await service.post(f"/api/v1/days/{day}/reveal")
        await _debrief(service, day, output)


async def _plan(service: RemoteService, stage: _Stage) -> str:
    plan = demo_plan(
        kubeconfig=stage.environment["KUBECONFIG"],
        context=stage.ground.context,
        front_door=stage.practice["front_door_url"],
        now=SystemClock().now(),
    )
    answer = await service.post("/api/v1/days", {"plan": json.loads(plan), "scripted": True})
    return str(answer["id"])


def _cluster(stage: _Stage) -> httpx2.AsyncClient:
    """A client of the cluster, as somebody has it who looks at pods."""
    access = access_by(Path(stage.environment["KUBECONFIG"]), stage.ground.context)
    return httpx2.AsyncClient(
        base_url=access.url, headers=dict(access.headers), verify=access.tls or True
    )


async def _assemble(service: RemoteService, scene: Scene, team: anyio.abc.TaskGroup) -> None:
    """Give each of the team a responder's token, and let them watch."""

    async def token_of(name: str) -> str:
        body = {"name": name, "role": "responder", "scripted": True}
        return str((await service.post(f"/api/v1/days/{scene.day}/tokens", body))["token"])

    async def seen_by(name: str) -> RemoteService:
        return RemoteService(url=scene.url, token=await token_of(name), client=scene.client)

    ada = Ada(scene, await token_of("Ada"))
    people = (ada, Bo(scene, await seen_by("Bo")), Cy(scene, await seen_by("Cy")))
    for person in people:
        team.start_soon(person.respond)


_MARKS: Final = {
    "injected": ("▼", "red"),
    "proof": ("◇", "magenta"),
    "steady_state": ("~", "yellow"),
    "restored": ("▲", "green"),
    "moved": ("·", "white"),
}


def _show(entry: dict[str, Any]) -> None:
    person = entry["actor"]["kind"] in {"human", "script"}
    mark, colour = ("●", "cyan") if person else _MARKS.get(entry["kind"], (" ", "white"))
    who = f"{entry['actor']['name']} (scripted) " if entry["actor"]["kind"] == "script" else ""
    at = click.style(entry["occurred_at"][11:19], dim=True)
    text = click.style(f"{mark} {who}{entry['text']}", fg=colour)
    click.echo(f"{at} {text}")


async def _debrief(service: RemoteService, day: str, output: Path) -> None:
    page, _ = await service.fetch_debrief(day, output)
    summary = await service.get(f"/api/v1/days/{day}/debrief", accept="text/plain")
    click.echo(f"\n{summary.rstrip()}\n")
    click.echo(f"the debrief: {page.absolute()}")


async def _keep(stage: _Stage) -> None:
    async with httpx2.AsyncClient() as client:
        service = RemoteService(url=stage.url, token=stage.token, client=client)
        day = await _plan(service, stage)
    click.echo(
        f"""
Everything runs until Ctrl-C. In another terminal:

  export KUBECONFIG={stage.environment["KUBECONFIG"]}
  export CHAOSDAY_FRONT_DOOR={stage.practice["front_door_url"]}
  export CHAOSDAY_URL={stage.url}
  export CHAOSDAY_TOKEN={stage.token}
  export CHAOSDAY_DAY={day}

  kubectl get pods --namespace shop
  chaosday run pod-killed
  chaosday log saw "checkout answers 503" -t -2m
  chaosday incident declare "nobody can pay" --service payment

The API describes itself at {stage.url}/api/v1/openapi.json, the shop's metrics are at
{stage.practice["metrics_url"]}. A day is planned; open it with
  curl -X POST -H "Authorization: Bearer $CHAOSDAY_TOKEN" \\
    {stage.url}/api/v1/days/{day}/open
"""
    )
    await anyio.sleep_forever()
