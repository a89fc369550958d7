"""The way to the target cluster, as the operator's kubeconfig or the pod's account gives it.

It reads them as kubectl does. Nothing read here leaves the guard's process.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from multidict import CIMultiDict

from orchestrator.domain.errors import KubeconfigUnreadable
from orchestrator.guard.access.impersonating import Headers, impersonation_of
from orchestrator.guard.access.kubeconfigs import Context, Entry, Kubeconfig, Way, usual_source
from orchestrator.guard.access.proxies import proxy_for
from orchestrator.guard.access.reading import Reading
from orchestrator.guard.access.showing import Credentials, Shown, nothing
from orchestrator.ports import Clock

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the cluster is, and what to show it."""

    cluster: str
    """What people call it: the context, or its address."""
    server: str
    credentials: Credentials = field(default_factory=nothing)
    server_name: str | None = None
    proxy: str | None = None
    impersonating: Headers = ()
    """Whom the operator acts as; whoever asks the guard has no say in it."""
    contexts: tuple[Context, ...] = ()
    """All contexts of the kubeconfig, wherever they lead."""

    def headers_with(self, shown: Shown) -> CIMultiDict[str]:
        """What goes with each request."""
        headers = CIMultiDict(self.impersonating)
        if shown.authorization:
            headers["Authorization"] = shown.authorization
        return headers


def load_access(
    *,
    kubeconfig: str,
    context: str,
    clock: Clock,
    environment: Mapping[str, str] = os.environ,
    account: Path = ACCOUNT,
) -> Access:
    """Read the way to the cluster. It blocks; call it in a thread.

    Shape: empty strings mean the kubeconfig of the environment and its current context; account
    is the folder of a pod's account, which counts where there is no kubeconfig.
    Raises: KubeconfigUnreadable; ClusterUnavailable: when a plugin fails.
    """
    named = kubeconfig or environment.get("KUBECONFIG", "")
    source = named or usual_source(environment)
    if not named and not Path(source).exists():
        if host := environment.get("KUBERNETES_SERVICE_HOST"):
            way = _of_pod(host, environment.get("KUBERNETES_SERVICE_PORT") or "443", account)
            return _access(way, source=str(account), contexts=(), clock=clock)
        raise KubeconfigUnreadable(path=source, problem="there is none, and this is no pod")
    found = Kubeconfig.read(source)
    way = found.way(context)
    return _access(way, source=source, contexts=tuple(found.contexts(way)), clock=clock)


def _access(way: Way, *, source: str, contexts: tuple[Context, ...], clock: Clock) -> Access:
    server = way.cluster.text("server").rstrip("/")

    def now() -> float:
        return clock.now().timestamp()

    return Access(
        cluster=way.context,
        server=server,
        proxy=proxy_for(server, way.cluster.text("proxy-url"), source=source),
        impersonating=impersonation_of(way.user.values, source=source),
        credentials=Credentials(Reading(way, source=source, now=now), now=now),
        server_name=way.cluster.text("tls-server-name") or None,
        contexts=contexts,
    )


def _of_pod(host: str, port: str, account: Path) -> Way:
    shown = f"[{host}]" if ":" in host else host
    cluster = {"server": f"https://{shown}:{port}", "certificate-authority": "ca.crt"}
    return Way(
        context="in-cluster",
        cluster=Entry(values=cluster, folder=account),
        user=Entry(values={"tokenFile": "token"}, folder=account),
    )
