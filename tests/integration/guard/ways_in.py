"""An API server behind TLS that knows its people, and a proxy that leads to it by CONNECT."""

import datetime as dt
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import anyio
from aiohttp import web
from anyio.abc import SocketListener, SocketStream
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "api.cluster.test"
"""A name that only a proxy leads to."""
BEGAN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
ENDS = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)


class Authority:
    """Vouches for servers and people."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("authority")
        self.certificate = self._signed(self._name, self._key, is_authority=True)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def pair(self, name: str) -> tuple[str, str]:
        """A certificate for a person or a server, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(_named(name), key)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool = False
    ) -> x509.Certificate:
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        hosts = [x509.DNSName(HOST), x509.IPAddress(ip_address("127.0.0.1"))]
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(BEGAN)
            .not_valid_after(ENDS)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            .add_extension(own, critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@dataclass
class ApiServer:
    """Says who asks, to those whom it knows; /slow answers when it is told to."""

    port: int = 0
    knows: Callable[[str], bool] = lambda _: True
    asked: list[str] = field(default_factory=list)
    began: anyio.Event = field(default_factory=anyio.Event)
    may_end: anyio.Event = field(default_factory=anyio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        who = _who(request)
        self.asked.append(who)
        if not self.knows(who):
            return web.json_response({"kind": "Status", "message": "Unauthorized"}, status=401)
        if request.path == "/websocket":
            connection = web.WebSocketResponse()
            await connection.prepare(request)
            await connection.send_str(who)
            await connection.close()
            return connection
        if request.path == "/slow":
            self.began.set()
            await self.may_end.wait()
        return web.json_response({"who": who, "body": await request.text()})


def _who(request: web.Request) -> str:
    certificate: Any = request.get_extra_info("peercert")
    if certificate:
        return str(dict(part for (part,) in certificate["subject"])["commonName"])
    return request.headers.get("Authorization", "nobody").removeprefix("Bearer ")


@asynccontextmanager
async def api_server(authority: Authority, folder: Path) -> AsyncIterator[ApiServer]:
    """It listens on loopback until the scope ends."""
    server = ApiServer()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_tls_of_server(authority, folder))
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        server.may_end.set()
        await runner.cleanup()


def _tls_of_server(authority: Authority, folder: Path) -> ssl.SSLContext:
    certificate, key = authority.pair("api-server")
    path = folder / "server.pem"
    path.write_text(certificate + key, "utf-8")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.pem.decode())
    tls.load_cert_chain(path)
    tls.verify_mode = ssl.CERT_OPTIONAL
    return tls


@dataclass
class Proxy:
    """What a proxy was asked for."""

    url: str = ""
    heard: list[str] = field(default_factory=list)
    answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"


@asynccontextmanager
async def connect_proxy(port: int) -> AsyncIterator[Proxy]:
    """A proxy that leads every CONNECT to one port of loopback."""
    proxy = Proxy()

    async def serve(client: SocketStream) -> None:
        async with client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += await client.receive()
            proxy.heard.append(head.decode())
            await client.send(proxy.answer)
            if b" 200 " in proxy.answer:
                async with await anyio.connect_tcp("127.0.0.1", port) as server:
                    await _joined(client, server)

    with socket.socket() as raw:
        raw.bind(("127.0.0.1", 0))
        raw.listen()
        proxy.url = f"http://127.0.0.1:{raw.getsockname()[1]}"
        listener = await SocketListener.from_socket(raw)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            yield proxy
            tasks.cancel_scope.cancel()


async def _joined(one: SocketStream, other: SocketStream) -> None:
    async def pass_on(source: SocketStream, sink: SocketStream) -> None:
        try:
            async for chunk in source:
                await sink.send(chunk)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pass_on, one, other)
        tasks.start_soon(pass_on, other, one)


@dataclass(frozen=True)
class Plugin:
    """A credential plugin that gives what it is told to, and counts its runs."""

    folder: Path

    def gives(self, *, until: float | None = None, **status: str) -> None:
        if until is not None:
            ending = dt.datetime.fromtimestamp(until, dt.UTC)
            status["expirationTimestamp"] = ending.isoformat().replace("+00:00", "Z")
        answer = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "status": status,
        }
        (self.folder / "answer.json").write_text(json.dumps(answer), "utf-8")

    def gives_pair(self, pair: tuple[str, str], *, until: float | None = None) -> None:
        self.gives(until=until, clientCertificateData=pair[0], clientKeyData=pair[1])

    @property
    def runs(self) -> int:
        path = self.folder / "runs"
        return len(path.read_text("utf-8").split()) if path.exists() else 0

    def user(self, script: str = "") -> dict[str, Any]:
        """A user of a kubeconfig that has it."""
        program = self.folder / "plugin"
        program.write_text(
            f"#!/bin/sh\ncat >&2\necho run >> runs\n{script or 'cat answer.json'}\n", "utf-8"
        )
        program.chmod(0o700)
        return {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "./plugin",
                "interactiveMode": "IfAvailable",
            }
        }


def written(folder: Path, cluster: dict[str, Any], user: dict[str, Any]) -> str:
    """A kubeconfig of one cluster and one user; its path."""
    path = folder / "kubeconfig"
    document = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "main",
    }
    path.write_text(json.dumps(document), "utf-8")
    return str(path)
