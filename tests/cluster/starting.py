"""Kubernetes' own control plane on loopback, for as long as a scope lasts.

It runs etcd, API server, controller manager and scheduler with an authority, certificates, tokens
and RBAC of their own. It has no nodes: see `nodes.py` for some that join it.
"""

import base64
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp
import anyio
import yaml

from orchestrator.domain.errors import PortOccupied
from tests.cluster.building import Programs
from tests.cluster.processes import Household, household

READY_SECONDS: Final = 90
LOOK_AGAIN_SECONDS: Final = 0.05
# What a pod needs before it may be created in the namespace.
ACCOUNT: Final = "/api/v1/namespaces/default/serviceaccounts/default"


class NotReady(Exception):
    """The control plane did not become ready in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealCluster:
    """A running control plane and the ways in."""

    url: str
    programs: Programs
    folder: Path
    ready_after: timedelta

    @property
    def version(self) -> str:
        """The release of Kubernetes."""
        return self.programs.version

    @property
    def admin(self) -> Path:
        """The kubeconfig of one who may do everything, by client certificate."""
        return self.folder / "admin.kubeconfig"

    @property
    def admin_by_token(self) -> Path:
        """The same by bearer token."""
        return self.folder / "admin-token.kubeconfig"

    @property
    def limited(self) -> Path:
        """The kubeconfig of user `limited`, who may nothing until a role binding says so."""
        return self.folder / "limited.kubeconfig"

    @property
    def limited_by_token(self) -> Path:
        """The same for user `limited-by-token`; both are of the group `limited`."""
        return self.folder / "limited-token.kubeconfig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where the processes of a control plane run, and what its API server does because of that."""

    command: tuple[str, ...] = ()
    api_server: tuple[str, ...] = ()


@asynccontextmanager
async def real_cluster(programs: Programs, *, port: int = 0) -> AsyncIterator[RealCluster]:
    """A control plane that is ready; several can run at once.

    Raises:
        PortOccupied: the port is taken.
        NotReady: it did not become ready in time.
        Ended: one of its processes ended, also later within the scope.
    """
    began = anyio.current_time()
    with _reserved(port) as number:
        async with household() as home:
            await write_credentials(programs, home, number)
            await start_control_plane(programs, home, number)
            yield RealCluster(
                url=url_at(number),
                programs=programs,
                folder=home.folder,
                ready_after=timedelta(seconds=anyio.current_time() - began),
            )


def url_at(port: int) -> str:
    """Where the API server is."""
    return f"https://127.0.0.1:{port}"


async def write_credentials(programs: Programs, home: Household, port: int) -> None:
    """Fill the folder with certificates, keys, tokens and kubeconfigs."""
    await anyio.run_process([programs.path("pki"), str(home.folder), url_at(port)])
    _write_kubelet_client(home.folder)


def _write_kubelet_client(folder: Path) -> None:
    """The certificate by which the API server calls kubelets: one that may do everything."""
    known = yaml.safe_load((folder / "admin.kubeconfig").read_text())["users"][0]["user"]
    for kind, suffix in (("client-certificate-data", "crt"), ("client-key-data", "key")):
        path = folder / f"apiserver-kubelet.{suffix}"
        path.touch(mode=0o600)
        path.write_bytes(base64.b64decode(known[kind]))


async def start_control_plane(
    programs: Programs, home: Household, port: int, ground: Ground | None = None
) -> None:
    """Start etcd, API server, controller manager and scheduler, and wait till they are ready.

    The folder already has the credentials.

    Raises: NotReady.
    """
    ground = ground or Ground()
    api_server = [*_api_server(port), *ground.api_server]
    for name, arguments in (("etcd", _etcd()), ("kube-apiserver", api_server)):
        await home.start(name, *ground.command, programs.path(name), *arguments)
    async with _asking(home.folder, url_at(port)) as answers:
        await _until(answers, "/readyz", home)
        for name in ("kube-controller-manager", "kube-scheduler"):
            await home.start(name, *ground.command, programs.path(name), *_client(name))
        await _until(answers, ACCOUNT, home)


@contextmanager
def _reserved(port: int) -> Iterator[int]:
    """A port that nobody else gets: bound here, and shared with the API server alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            holder.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortOccupied(port=port, what="the API server") from error
        yield holder.getsockname()[1]


@asynccontextmanager
async def _asking(folder: Path, url: str) -> AsyncIterator[Callable[[str], Awaitable[bool]]]:
    """Asks the API server whether it answers a path with 200."""
    config = yaml.safe_load((folder / "admin-token.kubeconfig").read_text())
    headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
    tls = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    connector = aiohttp.TCPConnector(ssl=tls)
    patience = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(
        url, headers=headers, connector=connector, timeout=patience
    ) as session:

        async def answers(path: str) -> bool:
            try:
                async with session.get(path) as response:
                    return response.status == 200
            except (aiohttp.ClientError, TimeoutError):
                return False

        yield answers


async def _until(answers: Callable[[str], Awaitable[bool]], path: str, home: Household) -> None:
    deadline = anyio.current_time() + READY_SECONDS
    while anyio.current_time() < deadline:
        if await answers(path):
            return
        await anyio.sleep(LOOK_AGAIN_SECONDS)
    said = home.last_lines("kube-apiserver")
    raise NotReady(f"no {path} after {READY_SECONDS} s; its last lines:\n{said}")


def _etcd() -> list[str]:
    # Unix sockets: nobody else may speak to it, and no port has to be free.
    return [
        "--data-dir=etcd",
        "--listen-client-urls=unix://client.sock:0",
        "--advertise-client-urls=unix://client.sock:0",
        "--listen-peer-urls=unix://peer.sock:0",
        "--initial-advertise-peer-urls=unix://peer.sock:0",
        "--initial-cluster=default=unix://peer.sock:0",
        # What is lost with the machine is no loss.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _api_server(port: int) -> list[str]:
    return [
        "--etcd-servers=unix://client.sock:0",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        "--permit-port-sharing",
        "--tls-cert-file=apiserver.crt",
        "--tls-private-key-file=apiserver.key",
        "--client-ca-file=ca.crt",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        "--kubelet-client-certificate=apiserver-kubelet.crt",
        "--kubelet-client-key=apiserver-kubelet.key",
        # A node's host name means nothing to this machine.
        "--kubelet-preferred-address-types=InternalIP",
        # A real address would be needed for the endpoints of service `kubernetes`.
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-signing-key-file=accounts.key",
        "--service-account-key-file=accounts.key",
    ]


def _client(name: str) -> list[str]:
    common = [
        f"--kubeconfig={name.removeprefix('kube-')}.kubeconfig",
        "--leader-elect=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--secure-port=0",
    ]
    if name == "kube-scheduler":
        return common
    return [
        *common,
        "--use-service-account-credentials",
        "--root-ca-file=ca.crt",
        "--service-account-private-key-file=accounts.key",
        "--cluster-signing-cert-file=ca.crt",
        "--cluster-signing-key-file=ca.key",
    ]
