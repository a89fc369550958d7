"""Whoever would take a pod for its own is found, of every kind that takes pods."""

from dataclasses import dataclass, replace
from typing import Any, cast

import anyio
import pytest

from orchestrator.domain.undo import ObjectRef, UndoState, Verb
from orchestrator.guard.calls import Action, Call
from orchestrator.guard.drafting import Draft, Outgoing
from orchestrator.guard.impact.adopting import check_not_taken, check_takes_none
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.kinds import KINDS
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.paths import Route
from orchestrator.guard.refusals import NotLetThrough
from orchestrator.guard.upstream import Upstream
from tests.builders import an_undo_record
from tests.unit.guard.small_cluster import CART, SmallCluster, a_pod, a_workload, owned_by
from tests.unit.guard.test_rules import a_draft

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


OWNED = owned_by("Rollout", "of somebody")


@pytest.mark.parametrize(
    ("kind", "beside"),
    [
        ("deployments", ("replicasets", a_workload("old", labels=CART))),
        ("statefulsets", ("pods", a_pod())),
        ("jobs", ("pods", a_pod())),
    ],
)
@pytest.mark.parametrize("is_owned", [False, True])
@pytest.mark.anyio
async def test_a_workload_that_would_take_what_nobody_controls_is_not_made(
    kind: str, beside: tuple[str, dict[str, Any]], *, is_owned: bool
) -> None:
    plural, other = beside
    owners = OWNED if is_owned else []
    other = {**other, "metadata": {**other["metadata"], "ownerReferences": owners}}
    around = SmallCluster().add(plural, other).around()
    draft = a_draft(Verb.CREATE, None, a_workload(), kind=kind)

    if is_owned:
        await check_takes_none(draft, around)
    else:
        with pytest.raises(NotLetThrough, match=r"it would take .* for one of its own"):
            await check_takes_none(draft, around)


@pytest.mark.anyio
async def test_a_workload_that_is_there_takes_no_more_than_it_has() -> None:
    around = SmallCluster().add("pods", a_pod()).around()

    await check_takes_none(a_draft(Verb.DELETE, a_workload(), None, kind="statefulsets"), around)
    scaled = a_draft(Verb.CHANGE, a_workload(), a_workload(replicas=9), kind="statefulsets")
    await check_takes_none(scaled, around)


@pytest.mark.anyio
async def test_a_workload_that_the_run_took_away_takes_back_what_it_left() -> None:
    draft = a_draft(Verb.CREATE, None, a_workload(), kind="statefulsets")
    taken = an_undo_record(verb=Verb.DELETE, ref=draft.ref, before=a_workload(), after=None)
    ledger = Ledger([replace(taken, seq=1, state=UndoState.DONE)])

    await check_takes_none(draft, SmallCluster().add("pods", a_pod()).around(ledger))


@pytest.mark.anyio
async def test_a_pod_that_keeps_its_labels_or_goes_is_taken_by_nobody() -> None:
    around = SmallCluster().add("statefulsets", a_workload()).around()

    await check_not_taken(a_draft(Verb.CHANGE, a_pod(), a_pod(hostname="x"), kind="pods"), around)
    await check_not_taken(a_draft(Verb.DELETE, a_pod(), None, kind="pods"), around)
