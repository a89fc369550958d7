"""One write, decided by the stage, the rules and the limits together."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from orchestrator.domain.undo import UndoRecord, UndoState, Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.gate import Gate
from orchestrator.guard.judging import Judging
from orchestrator.guard.ledger import Ledger
from orchestrator.guard.refusals import NotLetThrough
from tests.builders import a_radius, an_undo_record
from tests.doubles.clock import TestClock
from tests.unit.guard.small_cluster import SmallCluster, a_pod, a_workload, an_object, owned_by
from tests.unit.guard.test_rules import MARK, a_draft

MINUTE = timedelta(minutes=1)
SLOW: dict[str, Any] = {"terminationGracePeriodSeconds": 3600}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def judging(
    *records: UndoRecord,
    rolls_back: bool = False,
    cluster: SmallCluster | None = None,
    **limits: Any,
) -> Judging:
    """What decides the writes of a run that may last a minute, in its method or its rollbacks."""
    gate = Gate(clock=TestClock(), longest=MINUTE, recovering=False)
    gate.play()
    if rolls_back:
        await gate.restrain()
        gate.roll_back()
    ledger = Ledger(
        replace(each, seq=number, state=UndoState.DONE) for number, each in enumerate(records, 1)
    )
    upstream = (cluster or SmallCluster()).upstream
    return Judging(radius=a_radius(**limits), upstream=upstream, ledger=ledger, gate=gate)


def made(draft: Draft) -> UndoRecord:
    """That the run made the object of a draft."""
    return an_undo_record(verb=Verb.CREATE, ref=draft.ref, before=None, after=draft.before)


def removal(kind: str = "pods", **parts: Any) -> Draft:
    before = a_pod("one", **parts) if kind == "pods" else an_object(**parts)
    return a_draft(Verb.DELETE, before, None, kind=kind, body={})


async def test_a_method_has_to_leave_the_time_for_its_pods_to_go() -> None:
    with pytest.raises(NotLetThrough, match="are left to the run") as refusal:
        await (await judging()).judge(removal(**SLOW))

    assert refusal.value.rule == "grace"


async def test_what_the_rollbacks_take_away_may_go_as_slowly_as_it_likes() -> None:
    draft = removal(**SLOW, annotations=MARK)

    assert (await (await judging(made(draft), rolls_back=True)).judge(draft)).restores


@pytest.mark.parametrize("rolls_back", [False, True])
async def test_to_take_away_what_the_run_made_is_to_restore_at_any_stage(
    *, rolls_back: bool
) -> None:
    draft = removal("configmaps", annotations=MARK)

    assert (await (await judging(made(draft), rolls_back=rolls_back)).judge(draft)).restores


async def test_to_put_back_is_to_restore_in_the_rollbacks_alone() -> None:
    was, ours = ({**an_object(), "data": {"a": each}} for each in ("was", "ours"))
    draft = a_draft(Verb.CHANGE, ours, was, kind="configmaps")
    record = an_undo_record(ref=draft.ref, before=was, after=ours)

    assert (await (await judging(record, rolls_back=True)).judge(draft)).restores
    assert not (await (await judging(record)).judge(draft)).restores
    assert not (await (await judging()).judge(removal("configmaps"))).restores


async def test_a_method_that_changes_its_own_policy_back_cuts_pods_off_all_the_same() -> None:
    was, ours = (
        an_object(annotations=MARK, podSelector={}, policyTypes=[each])
        for each in ("Ingress", "Egress")
    )
    draft = a_draft(Verb.CHANGE, ours, was, kind="networkpolicies")
    created = an_undo_record(verb=Verb.CREATE, ref=draft.ref, before=None, after=was)
    records = (created, an_undo_record(ref=draft.ref, before=was, after=ours))
    limits: dict[str, Any] = {
        "cluster": SmallCluster().add("pods", a_pod()),
        "kinds": frozenset({"networkpolicies", "pods"}),
    }

    judged = await (await judging(*records, **limits)).judge(draft)
    back = await (await judging(*records, rolls_back=True, **limits)).judge(draft)

    assert [each.name for each in judged.write.lost] == ["cart-1"]
    assert (judged.restores, back.restores) == (False, True)


@pytest.mark.parametrize(
    ("limits", "rule"),
    [
        ({"namespaces": frozenset({"bank"})}, "namespaces"),
        ({"kinds": frozenset({"pods"})}, "kinds"),
    ],
)
async def test_what_lies_outside_is_not_written_even_where_nothing_would_change(
    limits: dict[str, Any], rule: str
) -> None:
    draft = a_draft(Verb.CHANGE, an_object(), an_object(), kind="configmaps")

    with pytest.raises(NotLetThrough) as refusal:
        await (await judging(**limits)).judge(draft)

    assert refusal.value.rule == rule


async def test_a_finalizer_that_nobody_takes_off_stands_in_the_way_at_any_stage() -> None:
    held = removal("configmaps")
    assert held.before is not None
    metadata = {**held.before["metadata"], "finalizers": ["shop.example/held"]}
    draft = replace(held, before={**held.before, "metadata": metadata})

    for rolls_back in (False, True):
        with pytest.raises(NotLetThrough) as refusal:
            await (await judging(rolls_back=rolls_back)).judge(draft)
        assert refusal.value.rule == "finalizers"


async def test_the_rollbacks_put_a_field_back_to_nothing_but_what_it_was() -> None:
    was, ours, other = ({**an_object(), "data": {"a": each}} for each in ("was", "ours", "other"))
    draft = a_draft(Verb.CHANGE, ours, other, kind="configmaps")
    record = an_undo_record(ref=draft.ref, before=was, after=ours)

    with pytest.raises(NotLetThrough, match=r"data\.a would not be as it was"):
        await (await judging(record, rolls_back=True)).judge(draft)


async def test_the_rollbacks_write_to_what_the_run_wrote_to_and_to_nothing_else() -> None:
    draft = removal("configmaps", annotations=MARK)

    with pytest.raises(NotLetThrough, match="this run has not changed it"):
        await (await judging(rolls_back=True)).judge(removal("configmaps"))
    assert (await (await judging(made(draft), rolls_back=True)).judge(draft)).restores


async def test_the_rollbacks_run_no_command_of_the_method_and_their_own_count() -> None:
    pod = a_pod("one")
    drafts = [
        a_draft(Verb.EXEC, pod, None, kind="pods", body={"command": [word]})
        for word in ("break", "mend")
    ]
    ran = an_undo_record(verb=Verb.EXEC, ref=drafts[0].ref, before=pod, after=drafts[0].call.body)
    rollbacks = await judging(ran, rolls_back=True, irreversible=frozenset({"exec"}))

    with pytest.raises(NotLetThrough, match="the method ran that very command"):
        await rollbacks.judge(drafts[0])
    judged = await rollbacks.judge(drafts[1])

    assert ([each.name for each in judged.write.lost], judged.restores) == (["one"], False)


async def test_what_the_run_made_goes_together_whatever_the_limits_say() -> None:
    drafts = [removal("configmaps", name=name, annotations=MARK) for name in ("one", "other")]

    async def both() -> AsyncIterator[Draft]:
        for draft in drafts:
            yield draft

    await (await judging(made(drafts[0]), most_objects=1)).foresee(both())
    with pytest.raises(NotLetThrough, match="2 objects touched"):
        await (await judging(most_objects=1)).foresee(_unmarked(drafts))


async def _unmarked(drafts: list[Draft]) -> AsyncIterator[Draft]:
    for name in (each.document["metadata"]["name"] for each in drafts):
        yield removal("configmaps", name=name)


async def test_writes_that_come_together_count_together() -> None:
    pods = [a_pod(name, owned_by("StatefulSet", "uid of one")) for name in "abcd"]
    cluster = SmallCluster().add("statefulsets", a_workload(replicas=4)).add("pods", *pods)
    half = await judging(cluster=cluster, most_share=Fraction(1, 2))

    async def deleted(count: int) -> AsyncIterator[Draft]:
        for pod in pods[:count]:
            yield a_draft(Verb.DELETE, pod, None, kind="pods", body={})

    await half.foresee(deleted(2))
    with pytest.raises(NotLetThrough, match="3 of 4 pods of statefulsets/shop/one") as refusal:
        await half.foresee(deleted(3))

    assert refusal.value.rule == "most_share"
