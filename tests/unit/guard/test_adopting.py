"""Whoever would take a pod for its own is found, of every kind that takes pods."""

from dataclasses import dataclass
from typing import Any, cast

import anyio
import pytest

from orchestrator.domain.undo import ObjectRef, Verb
from orchestrator.guard.calls import Action, Call
from orchestrator.guard.drafting import Draft, Outgoing
from orchestrator.guard.impact.adopting import check_not_taken
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.kinds import KINDS
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.paths import Route
from orchestrator.guard.refusals import NotLetThrough
from orchestrator.guard.upstream import Upstream

ROUTE = Route(version="v1", resource="pods", namespace="shop", name="new")
MATCH_LABELS = {"matchLabels": {"app": "theirs"}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Holding:
    """A cluster that holds one object in one collection."""

    collection: str
    selector: dict[str, Any]

    async def items(self, collection: str, _: object = None) -> list[dict[str, Any]]:
        await anyio.lowlevel.checkpoint()
        metadata = {"name": "taker", "namespace": "shop", "uid": "u"}
        found = {"metadata": metadata, "spec": {"selector": self.selector}}
        return [found] if collection == self.collection else []


def labelled(**labels: str) -> Draft:
    call = Call(action=Action.CREATE, kind=KINDS["", "pods"], route=ROUTE, method="POST", body={})
    return Draft(
        call=call,
        verb=Verb.CREATE,
        ref=ObjectRef(path=ROUTE.path, kind="pods", namespace="shop", name="new"),
        before=None,
        after={"metadata": {"name": "new", "namespace": "shop", "labels": labels}},
        outgoing=Outgoing(method="POST", path=ROUTE.collection),
    )


TAKERS = [
    ("/apis/apps/v1/namespaces/shop/replicasets", MATCH_LABELS),
    ("/apis/apps/v1/namespaces/shop/statefulsets", MATCH_LABELS),
    ("/apis/apps/v1/namespaces/shop/daemonsets", MATCH_LABELS),
    ("/apis/batch/v1/namespaces/shop/jobs", MATCH_LABELS),
    ("/api/v1/namespaces/shop/replicationcontrollers", {"app": "theirs"}),
]


@pytest.mark.parametrize(("collection", "selector"), TAKERS)
@pytest.mark.anyio
async def test_every_kind_that_takes_pods_is_asked(
    collection: str, selector: dict[str, Any]
) -> None:
    upstream = cast(Upstream, Holding(collection=collection, selector=selector))
    around = Surroundings(upstream, Ledger(), frozenset({"shop"}))

    await check_not_taken(labelled(app="ours"), around)
    with pytest.raises(NotLetThrough, match="taker would take it for one of its own"):
        await check_not_taken(labelled(app="theirs"), around)
