"""The service: HTTP and the pacing of runs in one process, ended in the right order.

It does not know any route.
"""

import errno
import json
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.abc
import click
import structlog
import uvicorn

from api.app import create_app
from api.dependencies import ApiServices
from orchestrator import __version__, wiring
from orchestrator.adapters.chaostoolkit.forsaken import sweep
from orchestrator.cli.lifeline import end_with_parent
from orchestrator.cli.logs import configure_logs
from orchestrator.domain.errors import PortOccupied, Unavailable
from orchestrator.domain.identity import Role
from orchestrator.wiring import Services

log = structlog.get_logger()

_AGAIN = 1.0
"""Seconds."""


@dataclass(slots=True)
class _Life:
    """How far the service is."""

    is_ready: bool = False


async def serve(
    host: str | None, port: int | None, token_file: Path | None, until_eof: bool
) -> None:
    """Serve until a signal, or until standard input ends if that is asked for.

    Raises: PortOccupied; DatabaseUnavailable.
    """
    knobs = wiring.settings()
    configure_logs(knobs.log)
    listener = _listen(host or knobs.server.host, knobs.server.port if port is None else port)
    async with wiring.services(knobs) as services:
        if token_file is not None:
            await _hand_over_token(services, token_file)
        life = _Life()
        server = uvicorn.Server(_config(create_app(_for_api(services, life))))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_pace, services, life)
            tasks.start_soon(_stop_on_signal, services, server, tasks)
            if until_eof:
                tasks.start_soon(end_with_parent)
            _say_where(listener)
            # uvicorn would take the signals over in `serve`; only its inner part leaves them.
            await server._serve(sockets=[listener])
            tasks.cancel_scope.cancel()


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=3,
        server_header=False,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio would not turn off the delay of small packets.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortOccupied(port=port, what="the service") from error
        raise PortOccupied(port=port, what=f"the service at {host} ({error.strerror})") from error
    listener.listen(128)
    return listener


def _for_api(services: Services, life: _Life) -> ApiServices:
    return ApiServices(
        admitting=services.admitting,
        planning=services.planning,
        previewing=services.previewing,
        opening=services.opening,
        halting=services.halting,
        responding=services.responding,
        revealing=services.revealing,
        debriefing=services.debriefing,
        storage=services.storage,
        clock=services.clock,
        catalogue=services.catalogue,
        nudge=services.pacing.nudge,
        is_ready=lambda: life.is_ready,
        version=__version__,
    )


async def _pace(services: Services, life: _Life) -> None:
    await _recover(services)
    await anyio.to_thread.run_sync(sweep)
    life.is_ready = True
    log.info("ready", version=__version__)
    await services.pacing.pace()


async def _recover(services: Services) -> None:
    """Restore what lost conductors left, however long the database is out."""
    while True:
        try:
            for run in await services.pacing.recover():
                log.warning("run of a lost conductor restored", run=run.id, phase=run.phase.value)
            await services.apart.close_forsaken()
        except Unavailable as error:
            log.warning("waiting, to restore before anything else", why=str(error))
            await anyio.sleep(_AGAIN)
        else:
            return


async def _stop_on_signal(
    services: Services, server: uvicorn.Server, tasks: anyio.abc.TaskGroup
) -> None:
    stopping = False
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            name = signal.Signals(number).name
            log.warning("stopping, and restoring first", signal=name)
            if not stopping:
                stopping = True
                services.pacing.stop(f"the service was stopped by {name}")
                tasks.start_soon(_leave, services, server, number)


async def _leave(services: Services, server: uvicorn.Server, number: int) -> None:
    await services.pacing.stopped()
    # Open streams learn of the end only through this call.
    server.handle_exit(number, None)


async def _hand_over_token(services: Services, path: Path) -> None:
    token = await services.admitting.issue(name="facilitator", role=Role.FACILITATOR, day=None)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(token + "\n")


def _say_where(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://{host}:{port}"
    if os.isatty(1):
        click.echo(f"chaosday listens at {url}. Ctrl-C stops and restores.")
        click.echo(f"The API describes itself: {url}/api/v1/openapi.json")
        click.echo("A token for the facilitator: chaosday token --name YOU --role facilitator")
        return
    click.echo(json.dumps({"url": url}))
