"""A cluster of a few objects in one namespace, for tests of what stands behind a write.

It finds objects by labels that equal something, and refuses to look for anything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import anyio

from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.kinds import KINDS
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.paths import Route
from orchestrator.guard.upstream import Upstream

Document = dict[str, Any]
GROUPS = {kind: group for group, kind in KINDS}
CART = {"app": "cart"}


def path_of(kind: str, name: str) -> str:
    """Where an object of the shop is; a node is in no namespace."""
    namespace, group = "" if kind == "nodes" else "shop", GROUPS.get(kind, "")
    route = Route(group=group, version="v1", resource=kind, namespace=namespace, name=name)
    return route.path


def owned_by(kind: str, uid: str, name: str = "one") -> list[Document]:
    """That a controller owns an object."""
    return [{"kind": kind, "name": name, "uid": uid, "controller": True}]


def an_object(name: str = "one", uid: str = "", **parts: Any) -> Document:
    """An object; its labels and its owners are parts of its metadata, all else of its spec."""
    metadata = {"name": name, "namespace": "shop", "uid": uid or f"uid of {name}"}
    for part in ("labels", "ownerReferences", "annotations"):
        if part in parts:
            metadata[part] = parts.pop(part)
    return {"metadata": metadata, "spec": parts}


def a_workload(name: str = "one", **parts: Any) -> Document:
    """A deployment, or anything else that finds its pods by the labels of the cart."""
    known: Document = {
        "replicas": 2,
        "selector": {"matchLabels": CART},
        "template": {"metadata": {"labels": CART}},
    }
    return an_object(name, **(known | parts))


def a_pod(name: str = "cart-1", owner: list[Document] | None = None, **parts: Any) -> Document:
    """A pod of the cart."""
    return an_object(name, **({"labels": CART, "ownerReferences": owner or []} | parts))


@dataclass
class SmallCluster:
    """Objects by their paths."""

    objects: dict[str, Document] = field(default_factory=dict)

    def add(self, kind: str, *documents: Document) -> "SmallCluster":
        """Put objects of a kind in."""
        for each in documents:
            self.objects[path_of(kind, each["metadata"]["name"])] = each
        return self

    async def read(self, path: str) -> Document | None:
        await anyio.lowlevel.checkpoint()
        return self.objects.get(path)

    async def items(
        self, collection: str, query: Mapping[str, str] | None = None
    ) -> list[Document]:
        await anyio.lowlevel.checkpoint()
        asked = dict(query or {})
        wanted = [each.split("=") for each in asked.pop("labelSelector", "").split(",") if each]
        assert not asked
        inside = [each for path, each in self.objects.items() if path.startswith(f"{collection}/")]
        return [each for each in inside if _has(each, wanted)]

    @property
    def upstream(self) -> Upstream:
        """As the guard's parts are given it."""
        return cast("Upstream", self)

    def around(self, ledger: Ledger | None = None) -> Surroundings:
        """What a run sees of it that may touch the shop."""
        return Surroundings(self.upstream, ledger or Ledger(), frozenset({"shop"}))


def _has(document: Document, wanted: list[list[str]]) -> bool:
    labels = document["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in wanted)
