"""The way to the target cluster, as the operator's kubeconfig gives it.

The official client reads the kubeconfig, and runs and refreshes its plugins. A plain one, with
nothing but addresses, certificates and tokens, is read here, because the client takes longer to
import than a guard may take to start. Nothing read here leaves the guard's process.
"""

import base64
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from orchestrator.domain.errors import ClusterUnavailable, KubeconfigUnreadable

_PLAIN_CLUSTER: Final = frozenset(
    {
        "server",
        "certificate-authority",
        "certificate-authority-data",
        "insecure-skip-tls-verify",
        "tls-server-name",
        "extensions",
    }
)
_PLAIN_USER: Final = frozenset(
    {
        "token",
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "extensions",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the cluster is, and what to show it.

    Shape: authorization gives the header's value, empty for none, and may block while a
    plugin runs; `may_block` says whether it does.
    """

    cluster: str
    """What people call it: the context, or its address."""
    server: str
    tls: ssl.SSLContext | None
    server_name: str | None
    authorization: Callable[[], str]
    may_block: bool = False
    proxy: str | None = None


def load_access(*, kubeconfig: str, context: str) -> Access:
    """Read the way to the cluster. It blocks; call it in a thread.

    Shape: empty strings mean the kubeconfig of the environment and its current context.
    Raises: KubeconfigUnreadable; ClusterUnavailable: when a plugin fails.
    """
    named = kubeconfig or os.environ.get("KUBECONFIG", "")
    path = named or str(Path("~/.kube/config").expanduser())
    if not named and not Path(path).exists():
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            return _in_cluster()
        raise KubeconfigUnreadable(path=path, problem="there is none, and this is no pod")
    return _plain(path, context) or _by_client(path, context)


def _plain(path: str, context: str) -> Access | None:
    """The access of a kubeconfig that needs no client to read it; None when it is not plain."""
    if os.pathsep in path:
        return None
    document = _document(path)
    entry = _named(document, "contexts", context or str(document.get("current-context") or ""))
    cluster = _named(document, "clusters", str(entry.get("cluster") or ""))
    user = _named(document, "users", str(entry.get("user") or ""))
    server = str(cluster.get("server") or "").rstrip("/")
    if not cluster.keys() <= _PLAIN_CLUSTER or not user.keys() <= _PLAIN_USER or not server:
        return None
    if _proxy_for(server):
        return None
    token = str(user.get("token") or "")
    return Access(
        cluster=context or str(document.get("current-context") or server),
        server=server,
        tls=_tls(path, cluster, user) if server.startswith("https:") else None,
        server_name=cluster.get("tls-server-name"),
        authorization=lambda: f"Bearer {token}" if token else "",
    )


def _document(path: str) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 - only a guard that reads a kubeconfig needs it

    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "it is not UTF-8"
        raise KubeconfigUnreadable(path=path, problem=f"cannot be read ({problem})") from error
    except yaml.YAMLError as error:
        # The error's own text would show what stands around the place, such as a token.
        raise KubeconfigUnreadable(path=path, problem="is not YAML") from error
    if not isinstance(document, dict) or not document:
        raise KubeconfigUnreadable(path=path, problem="holds no clusters, users and contexts")
    return document


def _named(document: Mapping[str, Any], group: str, name: str) -> Mapping[str, Any]:
    """One entry of a kubeconfig's lists; empty when there is none, or it is not plain."""
    entries = document.get(group)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(group.removesuffix("s"))
            return found if isinstance(found, dict) else {}
    return {}


def _tls(path: str, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    folder = Path(path).expanduser().parent
    try:
        authority = _bytes(folder, cluster, "certificate-authority")
        certificate = _bytes(folder, user, "client-certificate")
        key = _bytes(folder, user, "client-key")
        tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if cluster.get("insecure-skip-tls-verify"):
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if certificate:
            _load_pair(tls, certificate, key)
    except (OSError, ValueError) as error:
        problem = f"its certificates cannot be used ({error})"
        raise KubeconfigUnreadable(path=path, problem=problem) from error
    return tls


def _bytes(folder: Path, entry: Mapping[str, Any], name: str) -> bytes:
    """The content that an entry gives in the file itself or by the path of another file."""
    if inline := entry.get(f"{name}-data"):
        return base64.b64decode(inline, validate=True)
    if other := entry.get(name):
        return (folder / Path(other).expanduser()).read_bytes()
    return b""


def _load_pair(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # OpenSSL reads a pair from a file only: one that nobody else can read, for a moment.
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(certificate.rstrip() + b"\n" + key)
        pair.flush()
        tls.load_cert_chain(pair.name)


def _proxy_for(server: str) -> str | None:
    parts = urlsplit(server)
    proxy = getproxies().get(parts.scheme)
    return None if not proxy or proxy_bypass(parts.hostname or "") else proxy


def _in_cluster() -> Access:
    from kubernetes import client, config  # noqa: PLC0415 - slow to import

    configuration = client.Configuration()
    load: Callable[..., None] = config.load_incluster_config
    try:
        load(client_configuration=configuration)
    except config.ConfigException as error:
        raise KubeconfigUnreadable(path="of the pod", problem=str(error)) from error
    return _of_client(configuration, "in-cluster")


def _by_client(path: str, context: str) -> Access:
    from kubernetes import client, config  # noqa: PLC0415 - slow to import

    configuration = client.Configuration()
    load: Callable[..., None] = config.load_kube_config
    try:
        load(
            config_file=path,
            context=context or None,
            client_configuration=configuration,
            persist_config=False,
        )
    except config.ConfigException as error:
        # The client's words may repeat a whole entry, with its token.
        problem = str(error).partition("{")[0].partition("\n")[0].strip()
        raise KubeconfigUnreadable(path=path, problem=problem) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = f"the client cannot read it ({type(error).__name__})"
        raise KubeconfigUnreadable(path=path, problem=problem) from error
    return _of_client(configuration, context or path)


def _of_client(configuration: Any, cluster: str) -> Access:
    server = str(configuration.host).rstrip("/")
    return Access(
        cluster=cluster,
        server=server,
        tls=_tls_of_client(configuration) if server.startswith("https:") else None,
        server_name=configuration.tls_server_name or None,
        authorization=lambda: _authorization(configuration, cluster),
        may_block=True,
        proxy=configuration.proxy or _proxy_for(server),
    )


def _tls_of_client(configuration: Any) -> ssl.SSLContext:
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file or None)
    return tls


def _authorization(configuration: Any, cluster: str) -> str:
    try:
        return str(configuration.get_api_key_with_prefix("BearerToken") or "")
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"its credentials cannot be refreshed ({type(error).__name__})"
        raise ClusterUnavailable(cluster=cluster, problem=problem) from error
