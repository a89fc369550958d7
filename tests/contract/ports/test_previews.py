"""Previews come back as they were made, and the approval that counts is the last."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.errors import NoSuchPreview
from orchestrator.domain.identity import PreviewId
from orchestrator.domain.plan import ClusterAddress
from orchestrator.domain.preview import (
    Activity,
    Effect,
    ForeseenRefusal,
    ForeseenWrite,
    Part,
    Preview,
    TargetSet,
)
from orchestrator.ports import Storage
from tests.builders import DAY, at
from tests.doubles.worlds import a_new_entry, stored

PAYMENT = "deployments/shop/payment"


def a_preview(**changes: Any) -> Preview:
    preview = Preview(id=PreviewId("p-1"), subject="a" * 64, title="Payment", made_at=at(1))
    return replace(preview, **changes)


def a_full_preview() -> Preview:
    """A preview in which every field says something."""
    return a_preview(
        activities=(
            Activity(
                part=Part.METHOD,
                name="kill",
                does="chaosk8s.pod.actions.terminate_pods",
                effect=Effect.WRITE,
                why="because",
                candidates=("pods/shop/payment-1",),
                chooses=1,
            ),
        ),
        writes=(
            ForeseenWrite(
                verb="delete",
                target="pods/shop/payment-1",
                touched=("pods/shop/payment-1",),
                behind={PAYMENT: ("pods/shop/payment-1",)},
                sizes={PAYMENT: 3},
            ),
        ),
        refusals=(ForeseenRefusal(target="nodes//a", rule="kinds", reason="no"),),
        made_dry=True,
        problem="it broke off",
        targets=TargetSet(
            objects=frozenset({"nodes//a"}),
            count=2,
            lost={PAYMENT: 1},
            sizes={PAYMENT: 3},
            candidates=frozenset({"pods/shop/payment-1"}),
            is_whole=True,
        ),
        address=ClusterAddress(server="https://127.0.0.1:6443", context="practice"),
        cluster=ClusterIdentity(uid="u-1", server="https://127.0.0.1:6443"),
    )


@pytest.mark.parametrize("preview", [a_preview(), a_full_preview()])
async def test_a_preview_comes_back_as_it_was(storage: Storage, preview: Preview) -> None:
    await storage.add_preview(preview)

    assert await storage.preview(preview.id) == preview
    assert await storage.approved(preview.subject) is None


async def test_a_preview_that_is_not_there_is_named(storage: Storage) -> None:
    with pytest.raises(NoSuchPreview, match="nothing"):
        await storage.preview(PreviewId("nothing"))
    with pytest.raises(NoSuchPreview, match="nothing"):
        await storage.approve(PreviewId("nothing"), by="Kim", at=at(1))


async def test_the_first_approval_of_a_preview_stays_and_is_told_once(storage: Storage) -> None:
    await stored(storage)
    await storage.add_preview(a_preview())

    for by, seconds in (("Kim", 10), ("Ada", 20)):
        await storage.approve(PreviewId("p-1"), by=by, at=at(seconds), entries=[a_new_entry()])

    kept = await storage.preview(PreviewId("p-1"))
    assert (kept.approved_by, kept.approved_at) == ("Kim", at(10))
    assert len(await storage.timeline(DAY)) == 1


async def test_the_preview_that_was_approved_last_counts(storage: Storage) -> None:
    first, second = a_preview(), a_preview(id=PreviewId("p-2"), made_at=at(2))
    for preview in (first, second, a_preview(id=PreviewId("p-3"), made_at=at(3))):
        await storage.add_preview(preview)

    await storage.approve(second.id, by="Kim", at=at(10))
    await storage.approve(first.id, by="Ada", at=at(20))

    approved = replace(first, approved_by="Ada", approved_at=at(20))
    assert await storage.approved("a" * 64) == approved
    assert await storage.approved("b" * 64) is None
