"""The routes of a kubelet's port, and which pod and container a request means.

What is done there is told by the modules beside this one.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from orchestrator.practice.nodes.kubelet.container import Container
from orchestrator.practice.nodes.kubelet.kubelet import Kubelet
from orchestrator.practice.nodes.kubelet.logs import ContainerLog
from orchestrator.practice.nodes.kubelet.pod import PodWorker
from orchestrator.practice.nodes.kubelet.port import channels, forwarding, tunnel
from orchestrator.practice.nodes.kubelet.port.executing import Execution, attach, refresh_files
from orchestrator.practice.nodes.kubelet.port.gates import Gate
from orchestrator.practice.nodes.kubelet.port.reading import Wanted, log_of
from orchestrator.practice.nodes.kubelet.port.refusals import Refused, bad, failed, missing
from orchestrator.practice.nodes.kubelet.process import Process
from orchestrator.practice.nodes.listening import HttpListener
from orchestrator.practice.nodes.network import Address, Network

_TEXT: Final = "text/plain"


class KubeletPort:
    """The port of one node, from `open` to `close`."""

    def __init__(self, kubelet: Kubelet, network: Network, gate: Gate) -> None:
        self._kubelet = kubelet
        self._network = network
        self._gate = gate
        self._listener = HttpListener(self._answer, tls=gate.tls)

    def open(self) -> int:
        """Start to listen on loopback, and say where."""
        return self._listener.open().port

    def close(self) -> None:
        """Listen no more, and end what is open."""
        self._listener.abort()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            if request.path == "/healthz":
                return web.Response(text="ok")
            await self._gate.admit(request, self._kubelet.name)
            return await self._route(request)
        except Refused as refused:
            return refused.response()

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        match [part for part in request.path.split("/") if part]:
            case ["pods"]:
                pods = {"kind": "PodList", "apiVersion": "v1", "items": self._kubelet.pods()}
                body = msgspec.json.encode(pods)
                return web.Response(body=body, content_type="application/json")
            case ["containerLogs", namespace, pod, name]:
                return await self._show_log(request, namespace, pod, name)
            case ["exec", namespace, pod, *_, name]:
                return await self._execute(request, self._worker(namespace, pod), name)
            case ["attach", namespace, pod, *_, name]:
                return await self._attach(request, self._worker(namespace, pod), name)
            case ["portForward", namespace, pod, *_]:
                return await self._forward(request, self._worker(namespace, pod))
        raise missing("404 page not found")

    async def _show_log(
        self, request: web.BaseRequest, namespace: str, pod: str, name: str
    ) -> web.StreamResponse:
        wanted = Wanted.of(request.query)
        worker = self._kubelet.worker_of(namespace, pod)
        if worker is None:
            raise missing(f'pod "{pod}" does not exist')
        container = worker.container(name)
        if container is None:
            raise missing(f'container "{name}" not found in pod "{pod}"')
        log = log_of(container, pod, previous=wanted.previous)
        if not wanted.follow:
            body = wanted.selected(log.lines())[: wanted.limit]
            return web.Response(body=body, content_type=_TEXT)
        return await _followed(request, log, wanted)

    async def _execute(
        self, request: web.BaseRequest, worker: PodWorker, name: str
    ) -> web.StreamResponse:
        words = request.query.getall("command", [])
        if not words:
            raise bad("you must specify a command to run")
        container, process = _running(worker, name)
        await refresh_files(container)
        socket = channels.upgrade(request, channels.PROTOCOLS)
        await socket.prepare(request)
        talk = channels.Channels(socket, request.query)
        await talk.serve(partial(Execution(process).run, words, talk))
        return socket

    async def _attach(
        self, request: web.BaseRequest, worker: PodWorker, name: str
    ) -> web.StreamResponse:
        _, process = _running(worker, name)
        socket = channels.upgrade(request, channels.PROTOCOLS)
        await socket.prepare(request)
        talk = channels.Channels(socket, request.query)
        await talk.serve(partial(attach, process.log))
        return socket

    async def _forward(self, request: web.BaseRequest, worker: PodWorker) -> web.StreamResponse:
        socket = channels.upgrade(request, (*tunnel.PROTOCOLS, *forwarding.PROTOCOLS))
        is_tunnel = tunnel.PROTOCOLS[0] in request.headers.get("Sec-WebSocket-Protocol", "")
        ports = [] if is_tunnel else forwarding.ports_of(request.query)
        await socket.prepare(request)
        find = partial(self._listener_of, worker)
        pod = str(worker.pod["metadata"]["uid"])
        if is_tunnel:
            await tunnel.TunnelForwarding(socket, find, pod).serve()
        else:
            await forwarding.ChannelForwarding(socket, find, pod).serve(ports)
        return socket

    def _worker(self, namespace: str, pod: str) -> PodWorker:
        worker = self._kubelet.worker_of(namespace, pod)
        if worker is None:
            raise missing("pod does not exist")
        return worker

    def _listener_of(self, worker: PodWorker, port: int) -> Address | None:
        return self._network.listener_of_pod(Address(worker.ip, port))


def _running(worker: PodWorker, name: str) -> tuple[Container, Process]:
    """A container and what runs in it.

    Raises: Refused: 500, in the words of a kubelet.
    """
    container = worker.container(name)
    process = None if container is None else container.process
    if container is None or process is None:
        raise failed(f'container not found ("{name}")')
    return container, process


async def _followed(
    request: web.BaseRequest, log: ContainerLog, wanted: Wanted
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": _TEXT})
    response.enable_chunked_encoding()
    await response.prepare(request)
    left = wanted.limit
    try:
        async for chunk in _chunks(log, wanted):
            cut = chunk[:left]
            await response.write(cut)
            left = None if left is None else left - len(cut)
            if left == 0:
                break
        await response.write_eof()
    except ConnectionError:
        # Whoever followed has left.
        pass
    return response


async def _chunks(log: ContainerLog, wanted: Wanted) -> AsyncIterator[bytes]:
    position = log.position
    yield wanted.selected(log.lines())
    async for lines in log.following(already=position):
        yield wanted.selected(lines, is_start=False)
