"""A run starts within what was approved and what the day's budget has left, or not at all."""

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.containment import REQUIRED as WHOLLY_KEPT_IN
from orchestrator.domain.day import DayState
from orchestrator.domain.day_budget import DayBudget, Reservation
from orchestrator.domain.errors import (
    ClusterUnavailable,
    Conflict,
    DayHalted,
    NoSuchPreview,
    NotAllowed,
)
from orchestrator.domain.identity import DayId, PreviewId, Role, RunId
from orchestrator.domain.plan import ApprovedPreview, Cluster, ClusterAddress, Environment
from orchestrator.domain.preview import (
    Activity,
    Effect,
    ForeseenRefusal,
    ForeseenWrite,
    Part,
    Preview,
)
from orchestrator.domain.run import Phase, Run
from orchestrator.domain.timeline import Kind, VisibleAfter
from orchestrator.ports import Rehearsed
from orchestrator.services.previewing import Subject
from tests.builders import (
    DAY,
    RUN,
    a_box,
    a_day,
    a_facilitator,
    a_plan,
    a_radius,
    a_run,
    an_experiment,
)
from tests.doubles.clock import TestClock
from tests.doubles.kubeconfigs import HERE, MemoryKubeconfigs
from tests.unit.services.house import KIM, House

PAYMENT = "deployments/shop/payment"
REQUIRED = {"approved_preview": ApprovedPreview.REQUIRED}


def scaled(lost: int = 1, size: int = 3) -> Rehearsed:
    """A rehearsal in which payment loses some of its pods."""
    pods = tuple(f"pods/shop/payment#{number}" for number in range(1, lost + 1))
    write = ForeseenWrite(
        verb="change",
        target=PAYMENT,
        touched=pods,
        behind={PAYMENT: pods},
        sizes={PAYMENT: size},
    )
    return Rehearsed(writes=(write,), made_dry=True)


async def approved(house: House) -> Preview:
    preview = await house.previewing.preview_run(RUN)
    return await house.previewing.approve(preview.id, said=KIM)


async def refused(house: House) -> Run:
    """Conduct a run that must not start."""
    run = await house.conduct()
    assert run.phase is Phase.CANCELLED
    assert not house.stage.was_hit
    assert "open" not in house.story
    return run


async def test_run_without_an_approved_preview_does_not_start_where_it_needs_one(
    house: House,
) -> None:
    await house.with_run(plan=REQUIRED)

    run = await refused(house)

    assert "no preview of it was approved" in run.reason
    assert "chaosday preview" in run.reason


async def test_production_needs_an_approved_preview_unless_the_plan_says_otherwise(
    house: House,
) -> None:
    assert a_plan(environment=Environment.PRODUCTION).needs_approved_preview
    assert not a_plan().needs_approved_preview
    optional = {"approved_preview": ApprovedPreview.OPTIONAL}
    assert not a_plan(environment=Environment.PRODUCTION, **optional).needs_approved_preview
    await house.with_run(plan={"environment": Environment.PRODUCTION})

    await refused(house)


async def test_a_preview_that_nobody_approved_is_not_enough(house: House) -> None:
    await house.with_run(plan=REQUIRED)
    await house.previewing.preview_run(RUN)

    await refused(house)


async def test_run_starts_within_what_was_approved(house: House) -> None:
    await house.with_run(plan=REQUIRED)
    house.script(rehearsed=scaled())
    await approved(house)

    run = await house.conduct()

    assert run.phase is Phase.CONCLUDED
    radius = house.stage.assignments[-1].radius
    assert radius.most_objects == 2
    assert radius.share_of(PAYMENT) == Fraction(1, 3)
    assert radius.share_of("deployments/shop/checkout") == 0


async def test_run_that_was_approved_to_write_nothing_may_write_nothing(house: House) -> None:
    await house.with_run(plan=REQUIRED)
    house.script(rehearsed=Rehearsed(made_dry=True))
    await approved(house)

    await house.conduct()

    assert house.stage.assignments[-1].radius.kinds == frozenset()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (scaled(lost=2), "2 pods of deployments/shop/payment would be lost, 1 were approved"),
        (scaled(size=2), "1 of 2 pods"),
        (replace(scaled(), problem="it broke off"), "it broke off"),
        (replace(scaled(), made_dry=False), "could not be found out again"),
        (
            replace(
                scaled(),
                refusals=(ForeseenRefusal(target=PAYMENT, rule="kinds", reason="not allowed"),),
            ),
            "would refuse deployments/shop/payment by the rule kinds",
        ),
    ],
)
async def test_run_that_would_do_more_than_was_approved_does_not_start(
    house: House, now: Rehearsed, said: str
) -> None:
    await house.with_run(plan=REQUIRED)
    house.script(rehearsed=scaled())
    await approved(house)

    house.script(rehearsed=now)
    run = await refused(house)

    assert said in run.reason


async def test_an_approval_holds_where_none_was_needed(house: House) -> None:
    await house.with_run()
    house.script(rehearsed=scaled())
    await approved(house)

    house.script(rehearsed=scaled(lost=2))
    await refused(house)


async def test_a_cluster_that_cannot_be_asked_again_keeps_the_run_from_starting(
    house: House,
) -> None:
    await house.with_run(plan=REQUIRED)
    house.script(rehearsed=scaled())
    await approved(house)

    house.script(opens=[ClusterUnavailable(cluster="shop", problem="no answer")])
    run = await refused(house)

    assert "no answer" in run.reason


async def test_a_blind_approval_starts_the_run_within_the_limits_of_its_plan(house: House) -> None:
    await house.with_run(plan=REQUIRED)
    opaque = Activity(part=Part.METHOD, name="x", does="process x", effect=Effect.OPAQUE)
    house.script(rehearsed=Rehearsed(activities=(opaque,), problem="nobody knows"))
    await approved(house)

    run = await house.conduct()

    assert run.phase is Phase.CONCLUDED
    assert house.stage.assignments[-1].radius == a_radius()


async def test_opaque_activities_are_not_done_to_find_out_whether_a_run_may_start(
    house: House,
) -> None:
    await house.with_run(plan=REQUIRED)
    opaque = Activity(part=Part.METHOD, name="x", does="process x", effect=Effect.OPAQUE)
    house.script(rehearsed=replace(scaled(), activities=(opaque,)))
    preview = await house.previewing.preview_run(RUN, by=Role.FACILITATOR, with_opaque=True)
    await house.previewing.approve(preview.id, said=KIM)

    run = await house.conduct()

    assert run.phase is Phase.CONCLUDED
    assert [step for step in house.story if "rehearse" in step] == ["rehearse, opaque too"]
    assert house.stage.assignments[-1].radius.most_objects == preview.targets.count


@pytest.mark.parametrize(("by", "halted"), [(Role.AGENT, False), (Role.FACILITATOR, True)])
async def test_opaque_activities_are_done_for_a_facilitator_and_not_on_a_halted_day(
    house: House, by: Role, halted: bool
) -> None:
    await house.with_run()
    if halted:
        await house.halting.halt(DAY, said=KIM, reason="a real incident")

    with pytest.raises(DayHalted if halted else NotAllowed):
        await house.previewing.preview_run(RUN, by=by, with_opaque=True)

    assert not [step for step in house.story if "rehearse" in step]


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": Environment.PRODUCTION},
        {"may_reach": ("*:443",)},
        {"containment": WHOLLY_KEPT_IN},
        {"agenda": (a_box(configuration={"hold": 2}),)},
        {"blast_radius": a_radius(most_objects=3)},
        {"agenda": (a_box(blast_radius=a_radius(most_objects=1)),)},
    ],
)
async def test_an_approval_is_of_one_experiment_with_its_values_and_limits(
    house: House, changes: dict[str, Any]
) -> None:
    day, run = a_day(), a_run()
    changed = a_day(plan=a_plan(**changes))
    other = a_day(experiments={"scaled-to-zero": an_experiment(digest="1" * 64)})

    assert Subject.of(day, run).digest == Subject.of(a_day(), run).digest
    assert Subject.of(day, run).digest != Subject.of(changed, run).digest
    assert Subject.of(day, run).digest != Subject.of(other, run).digest
    assert house.story == []


async def test_only_a_facilitator_approves(house: House) -> None:
    await house.with_run()
    preview = await house.previewing.preview_run(RUN)
    somebody = replace(KIM, by=replace(KIM.by, role=None))

    with pytest.raises(NotAllowed):
        await house.previewing.approve(preview.id, said=somebody)
    with pytest.raises(NoSuchPreview):
        await house.previewing.approve(PreviewId("none"), said=KIM)


# The cluster that was previewed

ELSEWHERE = ClusterAddress(server="https://192.0.2.7:6443", context="production")


async def test_an_approval_is_of_the_cluster_that_was_previewed(house: House) -> None:
    await house.with_run()
    house.script(rehearsed=scaled())
    await approved(house)

    house.kubeconfigs.leads_to[""] = ELSEWHERE
    run = await refused(house)

    assert "practice at https://127.0.0.1:6443" in run.reason
    assert "this is production at https://192.0.2.7:6443" in run.reason
    assert house.story.count("rehearse") == 1


@pytest.mark.parametrize("changes", [{"context": "as-admin"}, {"server": "https://other"}])
async def test_another_context_or_another_server_is_another_cluster(
    house: House, changes: dict[str, str]
) -> None:
    await house.with_run(plan=REQUIRED)
    house.script(rehearsed=Rehearsed(problem="nobody knows"))
    await approved(house)

    house.kubeconfigs.leads_to[""] = replace(HERE, **changes)
    await refused(house)


async def test_a_kubeconfig_that_changes_while_the_targets_are_found_out_is_noticed(
    house: House,
) -> None:
    await house.with_run()
    house.script(rehearsed=scaled())
    await approved(house)

    async with house.conducted():
        while house.story.count("rehearse") < 2:
            await anyio.lowlevel.checkpoint()
        house.kubeconfigs.leads_to[""] = ELSEWHERE

    assert (await house.run()).phase is Phase.CANCELLED
    assert not house.stage.was_hit


async def test_an_approval_of_a_cluster_that_was_not_noted_is_none(house: House) -> None:
    await house.with_run()
    preview = await house.previewing.resolve(Subject.of(a_day(), a_run()))
    await house.storage.add_preview(replace(preview, address=None))
    await house.previewing.approve(preview.id, said=KIM)

    run = await refused(house)

    assert "was not noted" in run.reason


async def test_a_kubeconfig_that_cannot_be_read_keeps_an_approved_run_from_starting(
    house: House,
) -> None:
    await house.with_run()
    await approved(house)

    house.kubeconfigs.leads_to.clear()
    run = await refused(house)

    assert "there is none" in run.reason


OURS = ClusterIdentity(uid="a", server=HERE.server)
THEIRS = replace(OURS, uid="b")


async def test_an_approval_is_of_one_cluster_although_another_has_its_address(
    house: House,
) -> None:
    await house.with_run()
    house.script(rehearsed=replace(scaled(), cluster=OURS))
    await approved(house)

    house.script(rehearsed=replace(scaled(), cluster=THEIRS))
    run = await refused(house)

    assert f"of the cluster {OURS}, and this is {THEIRS}" in run.reason
    assert "chaosday preview" in run.reason


async def test_a_run_may_start_in_the_cluster_of_its_approval_alone(house: House) -> None:
    await house.with_run()
    house.script(rehearsed=replace(scaled(), cluster=OURS))
    await approved(house)

    await house.conduct()

    assert [each.approved_in for each in house.stage.assignments] == [OURS]


async def test_what_is_done_by_hand_is_approved_for_one_cluster_too(house: House) -> None:
    await house.with_run(plan={"agenda": (a_box(by_hand=True),)})
    house.script(rehearsed=Rehearsed(cluster=OURS))

    preview = await approved(house)

    assert preview.cluster == OURS
    assert "rehearse" not in house.story


# Lateness


class Slow(MemoryKubeconfigs):
    """Kubeconfigs that take as long to be read as a rehearsal may take."""

    def __init__(self, clock: TestClock) -> None:
        super().__init__()
        self.clock = clock

    async def address_of(self, cluster: Cluster) -> ClusterAddress:
        self.clock.skip(timedelta(seconds=70))
        return await super().address_of(cluster)


async def test_a_run_that_was_cleared_when_its_box_was_over_does_not_start() -> None:
    clock = TestClock()
    house = House(clock=clock, kubeconfigs=Slow(clock))
    await house.with_run()
    house.script(rehearsed=scaled())
    preview = await house.previewing.resolve(Subject.of(a_day(), a_run()))
    await house.storage.add_preview(preview)
    await house.previewing.approve(preview.id, said=KIM)
    clock.skip(timedelta(seconds=-70))

    run = await refused(house)

    assert run.reason == "its time box was over before it could start"


# The approval itself


async def test_whoever_approved_first_stays_and_a_second_one_is_told_so(house: House) -> None:
    await house.with_run()
    preview = await approved(house)
    ida = replace(KIM, by=a_facilitator(name="Ida"))

    house.clock.skip(timedelta(minutes=5))
    with pytest.raises(Conflict, match="needs no second approval: Kim approved it at 2026-11-24"):
        await house.previewing.approve(preview.id, said=ida)

    assert await house.storage.preview(preview.id) == preview
    assert await house.previewing.approve(preview.id, said=KIM) == preview


async def test_an_approval_is_on_the_timeline_of_the_day_once(house: House) -> None:
    await house.with_run()
    preview = await approved(house)
    await house.previewing.approve(preview.id, said=KIM)

    (entry,) = await house.entries(Kind.NOTE)

    assert entry.text == "the preview of Payment scaled to zero was approved"
    assert (entry.actor, entry.source, entry.run) == (KIM.by, "cli", RUN)
    assert entry.visible_after is VisibleAfter.REVEAL
    assert entry.details == {"preview": preview.id, "cluster": str(HERE)}


async def test_an_approval_that_is_older_than_the_day_is_told_when_its_run_starts(
    house: House,
) -> None:
    house.script(rehearsed=scaled())
    preview = await house.previewing.preview(Subject.of(a_day(), a_run()))
    await house.previewing.approve(preview.id, said=KIM)
    await house.with_run()

    await house.conduct()

    notes = [entry.text for entry in await house.entries(Kind.NOTE)]
    assert any("starts by its approved preview: Kim approved it at" in note for note in notes)


async def test_an_approval_is_not_on_the_timeline_of_a_day_that_is_over(house: House) -> None:
    await house.with_run(day={"state": DayState.CLOSED})
    await approved(house)

    assert await house.entries(Kind.NOTE) == []


async def test_run_reserves_its_part_of_the_budget_and_starts_within_it(house: House) -> None:
    budget = DayBudget(most_objects=4, most_share=Fraction(1, 2))
    await house.with_run(plan={"day_budget": budget})

    run = await house.conduct()

    assert run.phase is Phase.CONCLUDED
    radius = house.stage.assignments[-1].radius
    assert (radius.most_objects, radius.most_share) == (4, Fraction(1, 2))
    notes = [entry.text for entry in await house.entries(Kind.NOTE)]
    assert "Payment scaled to zero holds 4 objects of the day's budget" in notes
    assert await house.storage.reservations(DAY) == []


async def test_run_with_an_approved_preview_reserves_what_that_shows(house: House) -> None:
    await house.with_run(plan={"day_budget": DayBudget(most_objects=4)})
    house.script(rehearsed=scaled(), hold=timedelta(seconds=5))
    await approved(house)

    async with house.conducted():
        await house.stage.until("-> holding")
        (part,) = await house.storage.reservations(DAY)
        await house.storage.request_stop(RUN, reason="enough seen")

    assert part == Reservation(
        run=RUN,
        objects=2,
        targets=frozenset({PAYMENT}),
        node_share=part.node_share,
        shares={PAYMENT: Fraction(1, 3)},
    )
    notes = [entry.text for entry in await house.entries(Kind.NOTE)]
    held = "Payment scaled to zero holds 2 objects of the day's budget, and of workloads"
    assert f"{held} 33% of {PAYMENT}" in notes


async def test_run_for_which_the_budget_has_no_room_does_not_start(house: House) -> None:
    budget = DayBudget(most_runs=1)
    await house.with_run(plan={"day_budget": budget})
    other = a_run(id=RunId("other"), phase=Phase.STRANDED)
    await house.storage.add_day(a_day(id=DayId("unused")), [other], [])
    await house.storage.reserve(other, Reservation(run=other.id, objects=1), budget=budget)

    run = await refused(house)

    assert "the day's budget has no room for run run-1: 1 runs are under way" in run.reason
    assert "wait until another run has ended" in run.reason
