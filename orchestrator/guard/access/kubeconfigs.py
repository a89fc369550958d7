"""Reads kubeconfigs as kubectl does: several files are one, and the first entry of a name counts.

It takes up no credentials: an entry says where they are.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orchestrator.domain.errors import KubeconfigUnreadable

_USUAL: Final = ".kube/config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A cluster or a user of a kubeconfig, and the folder that its paths begin in."""

    values: Mapping[str, Any]
    folder: Path

    def text(self, name: str) -> str:
        """A value as text; empty when it is not said."""
        return str(self.values.get(name) or "")

    def content(self, name: str) -> bytes:
        """What is given in the kubeconfig itself or by the path of another file; else nothing.

        Raises: OSError; ValueError: it is not base64.
        """
        if inline := self.values.get(f"{name}-data"):
            return base64.b64decode(str(inline), validate=True)
        return self.file(name)

    def file(self, name: str) -> bytes:
        """The content of the file that an entry names; nothing when it names none."""
        other = self.text(name)
        return (self.folder / Path(other).expanduser()).read_bytes() if other else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One context beside the one that is meant, or that one itself."""

    name: str
    namespace: str
    """The one that is meant where none is named; empty for Kubernetes' own."""
    is_same_cluster: bool
    """Whether it leads to the cluster of the context that is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The context that is meant, with its cluster and its user."""

    context: str
    cluster: Entry
    user: Entry


class Kubeconfig:
    """The files that a kubeconfig consists of, by their paths."""

    def __init__(self, source: str, documents: Mapping[Path, Mapping[str, Any]]) -> None:
        self.source = source
        self._documents = documents

    @classmethod
    def read(cls, source: str) -> "Kubeconfig":
        """Read files, separated as in KUBECONFIG; of several, some may be missing.

        Raises: KubeconfigUnreadable.
        """
        paths = [Path(each).expanduser() for each in source.split(os.pathsep) if each]
        found = paths if len(paths) == 1 else [path for path in paths if path.exists()]
        documents = {path: _document(path) for path in found}
        if not any(documents.values()):
            raise KubeconfigUnreadable(path=source, problem="holds no clusters, users and contexts")
        return cls(source, documents)

    def way(self, context: str) -> Way:
        """Where a context leads, by default the current one. Raises: KubeconfigUnreadable."""
        current = (str(each.get("current-context") or "") for each in self._documents.values())
        name = context or next(filter(None, current), "")
        if not name:
            raise KubeconfigUnreadable(path=self.source, problem="names no current context")
        found = self._meant("contexts", name)
        cluster = self._meant("clusters", found.text("cluster"))
        if not cluster.text("server"):
            raise self._missing(f"the server of the context {name}")
        user = found.text("user")
        return Way(
            context=name,
            cluster=cluster,
            user=self._meant("users", user) if user else Entry(values={}, folder=cluster.folder),
        )

    def contexts(self, meant: Way) -> Iterator[Context]:
        """Every context that leads to a server, each name once."""
        names = (name for name, _ in self._entries("contexts"))
        for name in dict.fromkeys(names):
            found = self._find("contexts", name)
            cluster = self._find("clusters", found.text("cluster")) if found else None
            if found and cluster and cluster.text("server"):
                yield Context(
                    name=name,
                    namespace=found.text("namespace"),
                    is_same_cluster=_leads_to(cluster) == _leads_to(meant.cluster),
                )

    def _meant(self, group: str, name: str) -> Entry:
        found = self._find(group, name)
        if found is None:
            raise self._missing(f"{group.removesuffix('s')} {name or '(no name)'}")
        return found

    def _missing(self, what: str) -> KubeconfigUnreadable:
        return KubeconfigUnreadable(path=self.source, problem=f"says nothing of {what}")

    def _find(self, group: str, name: str) -> Entry | None:
        return next((entry for known, entry in self._entries(group) if known == name), None)

    def _entries(self, group: str) -> Iterator[tuple[str, Entry]]:
        for path, document in self._documents.items():
            listed = document.get(group)
            for each in listed if isinstance(listed, list) else ():
                if isinstance(each, dict) and isinstance(name := each.get("name"), str):
                    said = each.get(group.removesuffix("s"))
                    values = said if isinstance(said, dict) else {}
                    yield name, Entry(values=values, folder=path.absolute().parent)


def usual_source(environment: Mapping[str, str]) -> str:
    """Where a kubeconfig is that nobody named."""
    return str(Path(environment.get("HOME") or Path.home()) / _USUAL)


def _leads_to(cluster: Entry) -> tuple[str | bytes, ...]:
    """What tells one cluster from another; the same address may be another behind a proxy."""
    try:
        authority = cluster.content("certificate-authority")
    except (OSError, ValueError):
        authority = b"none that can be read"
    names = ("proxy-url", "tls-server-name")
    return (cluster.text("server").rstrip("/"), authority, *map(cluster.text, names))


def _document(path: Path) -> Mapping[str, Any]:
    import yaml  # noqa: PLC0415 - only a guard that reads a kubeconfig needs it

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "it is not UTF-8"
        raise KubeconfigUnreadable(path=str(path), problem=f"cannot be read ({problem})") from error
    except yaml.YAMLError as error:
        # The error's own text would show what stands around the place, such as a token.
        raise KubeconfigUnreadable(path=str(path), problem="is not YAML") from error
    if document is not None and not isinstance(document, dict):
        raise KubeconfigUnreadable(path=str(path), problem="holds no clusters, users and contexts")
    return document or {}
