"""Reads where a kubeconfig leads: the server of a context, and nothing else of it.

It takes up no credentials and starts no plugin; a guard does that for itself. Several files are
merged as kubectl merges them: of each name, the first entry counts.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anyio

from orchestrator.domain.errors import KubeconfigUnreadable
from orchestrator.domain.plan import Cluster, ClusterAddress

_DEFAULT: Final = "~/.kube/config"
_POD: Final = "the pod's own"
"""What the context is called where there is no kubeconfig."""


class KubeconfigFiles:
    """The kubeconfigs of this machine, found by the variables of an environment."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment

    async def address_of(self, cluster: Cluster) -> ClusterAddress:
        """Where a cluster's name leads at this moment. Raises: KubeconfigUnreadable."""
        return await anyio.to_thread.run_sync(self._read, cluster)

    def _read(self, cluster: Cluster) -> ClusterAddress:
        named = cluster.kubeconfig or self._environment.get("KUBECONFIG", "")
        if not named and not Path(_DEFAULT).expanduser().exists() and (pod := self._pod()):
            return pod
        source = named or _DEFAULT
        documents = [_document(path) for path in _paths(source)]
        current = (str(each.get("current-context") or "") for each in documents)
        context = cluster.context or next(filter(None, current), "")
        if not context:
            raise KubeconfigUnreadable(path=source, problem="names no current context")
        entry = _entry(documents, "contexts", context)
        server = str(_entry(documents, "clusters", str(entry.get("cluster"))).get("server") or "")
        if not server:
            raise KubeconfigUnreadable(
                path=source, problem=f"says nothing of the server of the context {context}"
            )
        return ClusterAddress(server=server.rstrip("/"), context=context)

    def _pod(self) -> ClusterAddress | None:
        """The API server of the pod that this is; None outside of pods."""
        host = self._environment.get("KUBERNETES_SERVICE_HOST", "")
        port = self._environment.get("KUBERNETES_SERVICE_PORT", "443")
        shown = f"[{host}]" if ":" in host else host
        return ClusterAddress(server=f"https://{shown}:{port}", context=_POD) if host else None


def _paths(source: str) -> Iterator[Path]:
    """The files of a kubeconfig; of several, those that are not there are passed over."""
    paths = [Path(each).expanduser() for each in source.split(os.pathsep) if each]
    yield from (path for path in paths if len(paths) == 1 or path.exists())


def _document(path: Path) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 - most commands read no kubeconfig

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "it is not UTF-8"
        raise KubeconfigUnreadable(path=str(path), problem=f"cannot be read ({problem})") from error
    except yaml.YAMLError as error:
        # The error's own text would show what stands around the place, such as a token.
        raise KubeconfigUnreadable(path=str(path), problem="is not YAML") from error
    return document if isinstance(document, dict) else {}


def _entry(documents: Sequence[Mapping[str, Any]], group: str, name: str) -> Mapping[str, Any]:
    """The first entry of a name; empty when there is none."""
    for document in documents:
        entries = document.get(group)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("name") == name:
                found = entry.get(group.removesuffix("s"))
                return found if isinstance(found, dict) else {}
    return {}
