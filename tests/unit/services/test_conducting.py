"""The story of one run: whatever goes wrong, the fault is restored, and the record says why."""

import time
from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from orchestrator.domain.errors import AnotherCluster, ClusterUnavailable, EngineUnavailable
from orchestrator.domain.identity import ActorKind
from orchestrator.domain.incident import Status
from orchestrator.domain.plan import AbortCondition
from orchestrator.domain.run import Finding, Injection, Phase
from orchestrator.domain.timeline import Kind, VisibleAfter
from orchestrator.domain.undo import Difference, Restoration
from orchestrator.ports import WriteMade
from tests.builders import DAY, RUN, a_box, a_plan, a_radius, an_experiment, at
from tests.doubles.stage import FOREVER, Stage
from tests.doubles.worlds import LONG, SOMEBODY
from tests.unit.services.house import KIM, House

HAPPY = [
    "open",
    "baseline",
    "-> injecting",
    "play",
    "hit",
    "-> holding",
    "restrain",
    "-> rolling_back",
    "finish",
    "undo",
    "-> verifying",
    "verify",
    "measure",
    "-> concluded",
    "close",
]
RESTORED = ["restrain", "-> rolling_back", "stop", "undo", "-> verifying", "verify", "measure"]
RECOVERED = [
    "recover",
    "restrain",
    "roll back",
    "undo",
    "-> verifying",
    "verify",
    "measure",
    "-> concluded",
    "close",
]
A_DIFFERENCE = Difference(
    object="Deployment/shop/payment", field="spec.replicas", before="2", ours="0", now="5"
)


def after(stage: Stage, part: str) -> list[str]:
    return stage.story[stage.story.index(part) + 1 :]


# All goes well


async def test_a_run_goes_its_course(house: House) -> None:
    await house.with_run()
    house.script(proof=Injection.PROVEN, hold=timedelta(milliseconds=20))

    run = await house.conduct()

    assert house.story == HAPPY
    assert (run.phase, run.finding, run.injection) == (
        Phase.CONCLUDED,
        Finding.HELD,
        Injection.PROVEN,
    )
    assert run.reason == ""
    assert None not in (run.started_at, run.injected_at, run.proven_at, run.rolled_back_at)
    assert await house.phases() == [
        "injecting",
        "holding",
        "rolling_back",
        "verifying",
        "concluded",
    ]


async def test_a_run_that_is_over_is_let_go(house: House) -> None:
    await house.with_run()
    run = await house.conduct()

    taken = await house.storage.take(run, worker=SOMEBODY, lease=LONG)
    assert taken.fence == run.fence + 1


async def test_a_steady_state_that_was_lost_during_the_fault_is_a_deviation(house: House) -> None:
    await house.with_run()
    house.script(within_during=False, hold=timedelta(milliseconds=30))

    run = await house.conduct()

    assert run.finding is Finding.DEVIATED
    assert house.story == HAPPY


async def test_a_fault_that_did_not_take_effect_ends_the_hold(house: House) -> None:
    await house.with_run()
    house.script(proof=Injection.NOT_EFFECTIVE, hold=FOREVER)

    run = await house.conduct()

    assert (run.finding, run.injection) == (Finding.INEFFECTIVE, Injection.NOT_EFFECTIVE)
    assert run.reason == "the fault did not take effect"
    assert house.story == HAPPY


async def test_an_experiment_without_probes_finds_nothing_out(house: House) -> None:
    bare = an_experiment(document={"title": "bare", "method": []})
    await house.with_run(day={"experiments": {"scaled-to-zero": bare}})
    house.script(is_measured=False)

    run = await house.conduct()

    assert run.finding is Finding.UNKNOWN
    assert house.story == [part for part in HAPPY if part != "measure"]


async def test_what_others_changed_meanwhile_is_said(house: House) -> None:
    await house.with_run()
    house.script(
        undo=Restoration(undone=("Deployment/shop/payment",), kept=(A_DIFFERENCE,)),
    )

    run = await house.conduct()

    (entry,) = await house.entries(Kind.RESTORED)
    assert run.phase is Phase.CONCLUDED
    assert str(A_DIFFERENCE) in entry.text
    assert entry.details["undone"] == ["Deployment/shop/payment"]


async def test_what_went_wrong_beside_a_proven_restoration_is_said(house: House) -> None:
    await house.with_run()
    house.script(undo=Restoration(notes=("owners stay",)))

    run = await house.conduct()

    (entry,) = await house.entries(Kind.RESTORED)
    assert (run.phase, entry.details["notes"]) == (Phase.CONCLUDED, ["owners stay"])
    assert entry.text.endswith("; owners stay")


async def test_what_happened_is_in_the_timeline_and_secret(house: House) -> None:
    await house.with_run()
    house.script(proof=Injection.PROVEN, within_during=False, hold=timedelta(milliseconds=30))

    await house.conduct()

    entries = await house.entries()
    assert {Kind.MOVED, Kind.INJECTED, Kind.WRITE, Kind.PROOF, Kind.STEADY_STATE} <= {
        entry.kind for entry in entries
    }
    assert all(entry.visible_after is VisibleAfter.REVEAL for entry in entries)
    assert all(entry.run == RUN for entry in entries)
    assert {entry.actor.kind for entry in entries} == {
        ActorKind.ORCHESTRATOR,
        ActorKind.RUNNER,
        ActorKind.GUARD,
        ActorKind.PROBE,
    }


async def test_every_sample_is_kept(house: House) -> None:
    await house.with_run()
    house.script(hold=timedelta(milliseconds=50))

    run = await house.conduct()

    samples = await house.storage.samples(RUN)
    assert run.started_at is not None
    assert run.rolled_back_at is not None
    assert any(sample.at < run.started_at for sample in samples)
    assert any(run.started_at < sample.at < run.rolled_back_at for sample in samples)
    assert any(sample.at > run.rolled_back_at for sample in samples)


async def test_a_shadow_is_opened_that_nobody_sees(house: House) -> None:
    await house.with_run()

    await house.conduct()

    (shadow,) = await house.storage.incidents(DAY)
    assert (shadow.status, shadow.run, shadow.visible_after) == (
        Status.LATENT,
        RUN,
        VisibleAfter.REVEAL,
    )


# It must not start


async def test_a_steady_state_that_does_not_hold_is_unfit(house: House) -> None:
    await house.with_run()
    house.script(within=False)

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.CANCELLED, Finding.UNFIT)
    assert "the steady state does not hold: checkout succeeds" in run.reason
    assert house.story == ["open", "-> cancelled", "close"]


async def test_probes_that_do_not_answer_are_unfit(house: House) -> None:
    await house.with_run()
    house.script(is_measured=False)

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.CANCELLED, Finding.UNFIT)
    assert "in time" in run.reason
    assert not house.stage.was_hit


@pytest.mark.parametrize(
    "error",
    [
        ClusterUnavailable(cluster="prod", problem="connection refused"),
        EngineUnavailable(process="guard", problem="not ready within 20 s"),
    ],
)
async def test_a_run_whose_processes_cannot_start_is_refused_with_the_reason(
    house: House, error: ClusterUnavailable | EngineUnavailable
) -> None:
    await house.with_run()
    house.script(opens=[error])

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.CANCELLED, None)
    assert run.reason == str(error)


async def test_a_run_without_a_baseline_is_refused(house: House) -> None:
    await house.with_run()
    house.script(breaks_at={"baseline": -1})

    run = await house.conduct()

    assert run.phase is Phase.CANCELLED
    assert "baseline broke" in run.reason
    assert "play" not in house.story


async def test_a_run_whose_time_box_is_over_is_refused(house: House) -> None:
    await house.with_run()
    house.clock.skip(timedelta(minutes=2))

    run = await house.conduct()

    assert (run.phase, run.reason) == (
        Phase.CANCELLED,
        "its time box was over before it could start",
    )
    assert house.story == ["-> cancelled"]


async def test_a_run_whose_time_box_is_over_once_it_is_made_ready_is_refused(house: House) -> None:
    house.at_pace(before=timedelta(milliseconds=200))
    await house.with_run()

    async with house.conducted():
        await house.stage.until("open")
        house.clock.skip(timedelta(minutes=2))

    run = await house.run()
    assert (run.phase, run.reason) == (
        Phase.CANCELLED,
        "its time box was over before it could start",
    )
    assert "play" not in house.story


async def test_a_day_that_is_halted_between_claim_and_start_starts_nothing(house: House) -> None:
    await house.with_run()
    run = await house.claimed()
    await house.halting.halt(DAY, said=KIM, reason="a real incident")

    ended = await house.conducting.conduct(run)

    assert ended.phase is Phase.CANCELLED
    assert "a real incident" in ended.reason
    assert "play" not in house.story


async def test_a_halt_that_only_the_database_has_seen_starts_nothing(house: House) -> None:
    await house.with_run()
    run = await house.claimed()
    # The flag of the lease is never read, so the latch alone stands in the way.
    house.storage.hanging.add("renew")
    await house.halting.halt(DAY, said=KIM, reason="a real incident")

    ended = await house.conducting.conduct(run)

    assert ended.phase is Phase.CANCELLED
    assert "is halted (a real incident)" in ended.reason
    assert "play" not in house.story


async def test_a_run_that_was_cancelled_while_it_was_measured_is_let_go(house: House) -> None:
    house.at_pace(before=timedelta(milliseconds=200))
    await house.with_run()

    async with house.conducted():
        await house.stage.until("open")
        await house.opening.cancel(RUN, said=KIM, reason="not today")

    assert (await house.run()).reason == "not today"
    assert not house.stage.was_hit


# It is stopped


async def aborted_at(house: House, part: str) -> None:
    async with house.conducted():
        await house.stage.until(part)
        await house.storage.request_stop(RUN, reason="aborted by Kim: enough")


async def test_a_stop_before_the_start_starts_nothing(house: House) -> None:
    house.at_pace(before=timedelta(seconds=5), lease=timedelta(milliseconds=60))
    await house.with_run()

    await aborted_at(house, "open")

    run = await house.run()
    assert (run.phase, run.reason) == (Phase.CANCELLED, "aborted by Kim: enough")
    assert not house.stage.was_hit


@pytest.mark.parametrize("method_ends", [False, True])
async def test_a_stop_during_the_fault_restores(house: House, method_ends: bool) -> None:
    await house.with_run()
    house.script(method_ends=method_ends, hold=FOREVER)

    await aborted_at(house, "-> holding" if method_ends else "hit")

    run = await house.run()
    assert (run.phase, run.finding, run.reason) == (
        Phase.CONCLUDED,
        Finding.ABORTED,
        "aborted by Kim: enough",
    )
    assert after(house.stage, "-> holding" if method_ends else "hit") == [
        *RESTORED,
        "-> concluded",
        "close",
    ]


@pytest.mark.parametrize("phase", ["-> rolling_back", "-> verifying"])
async def test_a_stop_while_restoring_changes_nothing(house: House, phase: str) -> None:
    await house.with_run()
    house.script(hold=timedelta(milliseconds=30))

    await aborted_at(house, phase)

    run = await house.run()
    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.HELD)
    assert house.story == HAPPY


async def test_a_halt_during_the_fault_restores(house: House) -> None:
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        await house.halting.halt(DAY, said=KIM, reason="a real incident")

    run = await house.run()
    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)
    assert run.reason == "halted by Kim: a real incident"


async def test_stopping_everything_restores_what_runs(house: House) -> None:
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        was_busy = house.conducting.is_busy
        house.conducting.stop_all("the service is ending")

    run = await house.run()
    assert (was_busy, house.conducting.is_busy) == (True, False)
    assert (run.finding, run.reason) == (Finding.ABORTED, "the service is ending")


@pytest.mark.parametrize(
    "part", ["play", "hit", "-> holding", "restrain", "-> rolling_back", "undo", "verify"]
)
async def test_a_conductor_that_is_cancelled_restores_before_it_lets_go(
    house: House, part: str
) -> None:
    await house.with_run()
    house.script(hold=FOREVER if part in {"play", "hit", "-> holding"} else timedelta())

    async with house.conducted() as tasks:
        await house.stage.until(part)
        tasks.cancel_scope.cancel()

    run = await house.run()
    assert run.phase is Phase.CONCLUDED
    # In place, with the processes that are there, and not by those of a next conductor.
    assert len(house.stage.assignments) == 1
    assert house.story.count("undo") == 1
    assert house.story[-1] == "close"


async def test_a_conductor_that_is_cancelled_before_the_start_starts_nothing(
    house: House,
) -> None:
    house.at_pace(before=timedelta(seconds=5))
    await house.with_run()

    async with house.conducted() as tasks:
        await house.stage.until("open")
        tasks.cancel_scope.cancel()

    assert (await house.run()).phase is Phase.CANCELLED
    assert not house.stage.was_hit


# It goes wrong


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ({"action_succeeds": False}, "action 'break it' did not succeed: it did not work"),
        ({"is_refused": True}, "the guard refused a write to pods/x/y: no"),
    ],
)
async def test_a_method_that_goes_wrong_is_aborted_and_restored(
    house: House, script: dict[str, bool], reason: str
) -> None:
    await house.with_run()
    house.script(method_ends=False, **script)

    run = await house.conduct()

    assert (run.phase, run.finding, run.reason) == (Phase.CONCLUDED, Finding.ABORTED, reason)
    assert [part for part in after(house.stage, "play") if part != "hit"] == [
        *RESTORED,
        "-> concluded",
        "close",
    ]


async def test_a_method_that_does_not_end_is_aborted_when_its_time_is_over(house: House) -> None:
    await house.with_run(plan={"agenda": (a_box(lasts=timedelta(milliseconds=100)),)})
    house.script(method_ends=False)
    run = await house.claimed()
    run = replace(run, planned_at=house.clock.now())

    ended = await house.conducting.conduct(run)

    assert (ended.finding, ended.reason) == (
        Finding.ABORTED,
        "it lasted longer than the 0.1 s allowed",
    )


async def test_a_hold_that_is_too_long_is_aborted_when_its_time_is_over(house: House) -> None:
    await house.with_run(plan={"agenda": (a_box(lasts=timedelta(milliseconds=100)),)})
    house.script(hold=FOREVER)
    run = replace(await house.claimed(), planned_at=house.clock.now())

    ended = await house.conducting.conduct(run)

    assert (ended.finding, ended.reason) == (
        Finding.ABORTED,
        "it lasted longer than the 0.1 s allowed",
    )


@pytest.mark.parametrize("probe", ["", "checkout succeeds"])
async def test_an_abort_condition_ends_the_fault(house: House, probe: str) -> None:
    condition = AbortCondition(out_for=timedelta(milliseconds=40), probe=probe)
    await house.with_run(plan={"abort_when": (condition,)})
    house.script(within_during=False, hold=FOREVER)

    run = await house.conduct()

    assert (run.finding, run.reason) == (
        Finding.ABORTED,
        "abort condition: checkout succeeds was out of tolerance for 0.04 s",
    )


async def test_an_abort_condition_on_another_probe_does_not_end_the_fault(house: House) -> None:
    condition = AbortCondition(out_for=timedelta(), probe="another")
    await house.with_run(plan={"abort_when": (condition,)})
    house.script(within_during=False, hold=timedelta(milliseconds=50))

    run = await house.conduct()

    assert run.finding is Finding.DEVIATED


async def test_an_abort_condition_is_seen_while_no_sample_comes(house: House) -> None:
    condition = AbortCondition(out_for=timedelta(milliseconds=60))
    await house.with_run(plan={"abort_when": (condition,)})
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        house.stage.script.is_measured = False
        house.stage.act.sample(within=False)

    run = await house.run()
    assert (run.finding, run.reason[:16]) == (Finding.ABORTED, "abort condition:")


async def test_a_guard_that_dies_is_replaced_to_restore(house: House) -> None:
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        house.stage.act.lose_guard()

    run = await house.run()
    assert (run.phase, run.finding, run.reason) == (
        Phase.CONCLUDED,
        Finding.ABORTED,
        "the guard ended: killed",
    )
    assert after(house.stage, "close") == ["-> rolling_back", *RECOVERED]
    assert house.stage.assignments[-1].recovering


async def test_an_observer_that_dies_ends_the_fault(house: House) -> None:
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        house.stage.act.lose_runner("the observer ended: killed")

    run = await house.run()
    assert (run.finding, run.reason) == (Finding.ABORTED, "the observer ended: killed")
    assert after(house.stage, "-> holding") == [*RESTORED, "-> concluded", "close"]


async def test_a_runner_that_dies_ends_the_fault(house: House) -> None:
    await house.with_run()
    house.script(method_ends=False)

    async with house.conducted():
        await house.stage.until("hit")
        house.stage.act.lose_runner()

    run = await house.run()
    assert (run.finding, run.reason) == (
        Finding.ABORTED,
        "the runner ended before it was asked to",
    )


@pytest.mark.parametrize("call", ["play", "restrain", "undo", "verify"])
async def test_an_execution_that_breaks_is_replaced_to_restore(house: House, call: str) -> None:
    await house.with_run()
    house.script(breaks_at={call: 1})

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)
    assert f"{call} broke" in run.reason
    if call != "play":
        assert house.story[-len(RECOVERED) :] == RECOVERED


async def test_restoring_is_tried_again_until_it_works(house: House) -> None:
    await house.with_run()
    house.script(breaks_at={"undo": 2})

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)
    assert house.story.count("undo") == 3


async def test_rollbacks_that_cannot_be_played_leave_the_journal_to_be_undone(
    house: House,
) -> None:
    await house.with_run(phase=Phase.HOLDING)
    house.script(breaks_at={"roll back": -1})

    run = await house.conduct()

    assert run.phase is Phase.CONCLUDED
    assert house.story == ["-> rolling_back", *RECOVERED]


async def test_a_run_that_nothing_can_restore_is_stranded_and_says_why(house: House) -> None:
    house.at_pace(restoring=timedelta(milliseconds=300))
    await house.with_run()
    house.script(breaks_at={"undo": -1})

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.STRANDED, Finding.STRANDED)
    assert "undo broke" in run.stranded


async def test_a_run_that_was_in_another_cluster_is_stranded_at_once(house: House) -> None:
    house.at_pace(restoring=timedelta(minutes=5))
    await house.with_run(phase=Phase.HOLDING)
    house.script(opens=[AnotherCluster("it was in one, and this is two")])

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.STRANDED, Finding.STRANDED)
    assert run.stranded == "it was in one, and this is two"
    assert run.reason == "its conductor was gone while it was holding"
    house.script()
    restored = await house.pacing.restore(run.id)
    assert restored.phase is Phase.CONCLUDED


async def test_a_restoration_that_is_not_proven_strands_the_run(house: House) -> None:
    await house.with_run()
    house.script(verified=Restoration(pending=("Deployment/shop/payment: 0 of 2 ready",)))

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.STRANDED, Finding.STRANDED)
    assert (run.reason, run.stranded) == ("", "Deployment/shop/payment: 0 of 2 ready")
    assert house.story[-2:] == ["-> stranded", "close"]


async def test_a_stranded_run_that_is_restored_by_hand_concludes(house: House) -> None:
    await house.with_run(phase=Phase.STRANDED)
    house.stage.fault_is_in = True

    run = await house.pacing.restore(RUN)

    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)
    assert "play" not in house.story


async def test_what_ended_a_run_is_told_beside_what_stranded_it_until_it_is_restored(
    house: House,
) -> None:
    pending = Restoration(pending=("deployments/shop/payment: 0 of 2 ready",))
    await house.with_run()
    house.script(hold=FOREVER, verified=pending)
    async with house.conducted():
        await house.stage.until("-> holding")
        await house.halting.abort(RUN, said=KIM, reason="enough")
    stranded = await house.run()
    house.script(verified=replace(pending, pending=("it still is not",)))
    again = await house.pacing.restore(RUN)
    house.clock.skip(timedelta(hours=1))
    house.script()
    restored = await house.pacing.restore(RUN)

    ended, left = "aborted by Kim: enough", "deployments/shop/payment: 0 of 2 ready"
    assert stranded.why == f"{ended}; stranded: {left}"
    assert again.why == f"{ended}; stranded: it still is not"
    assert restored.ended_at
    since = restored.ended_at.isoformat(timespec="seconds")
    assert restored.why == (
        f"{ended}; it was stranded (it still is not) and is restored since {since}"
    )
    told = [entry.text.partition(": ")[2] for entry in await house.entries(Kind.MOVED)][-4:]
    assert told == [
        "rolling_back, restored anew, as it was stranded",
        f"rolling_back, {ended}",
        "verifying",
        "concluded, restored after it was stranded",
    ]


async def test_a_run_that_was_stranded_by_an_older_release_keeps_what_its_reason_says(
    house: House,
) -> None:
    await house.with_run(phase=Phase.STRANDED, reason="halted; payment: 0 of 2 ready")
    house.stage.fault_is_in = True

    run = await house.pacing.restore(RUN)

    assert (run.reason, run.stranded) == ("", "halted; payment: 0 of 2 ready")
    assert run.why.startswith("it was stranded (halted; payment: 0 of 2 ready) and is restored")


@pytest.mark.parametrize("call", ["append", "add_samples", "add_incident"])
async def test_a_database_that_is_out_for_a_moment_aborts_and_restores(
    house: House, call: str
) -> None:
    await house.with_run()
    house.script(hold=timedelta(milliseconds=100), within_during=False)
    house.storage.outages[call] = 1

    run = await house.conduct()

    assert run.phase is Phase.CONCLUDED
    assert len(house.stage.assignments) == 1
    if call != "add_samples":
        assert run.finding is Finding.ABORTED
        assert "it is out" in run.reason


@pytest.mark.parametrize("call", ["append", "add_samples", "add_incident"])
async def test_what_nobody_foresaw_restores_in_place_and_is_not_hidden(
    house: House, call: str
) -> None:
    house.at_pace(lease=timedelta(milliseconds=120))
    await house.with_run()
    house.script(hold=FOREVER if call != "add_samples" else timedelta(seconds=1.1))
    run = await house.claimed(lease=house.pace.lease)

    with pytest.RaisesGroup(RuntimeError, flatten_subgroups=True, allow_unwrapped=True):
        with anyio.fail_after(8):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(house.conducting.conduct, run)
                await house.stage.until("-> injecting")
                house.storage.bugs[call] = 1

    assert (await house.run()).phase is Phase.CONCLUDED
    assert len(house.stage.assignments) == 1
    assert not house.conducting.is_busy


async def test_a_renewal_that_breaks_in_a_way_that_nobody_foresaw_gives_the_run_up(
    house: House,
) -> None:
    house.at_pace(lease=timedelta(milliseconds=120))
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        house.storage.bugs["renew"] = 1

    assert after(house.stage, "-> holding") == ["restrain", "close"]


async def test_samples_are_not_lost_when_the_database_is_out_for_a_moment(house: House) -> None:
    await house.with_run()
    house.script(hold=timedelta(seconds=1.2))
    house.storage.outages["add_samples"] = 1

    run = await house.conduct()

    samples = await house.storage.samples(RUN)
    assert run.started_at is not None
    assert any(sample.at < run.started_at for sample in samples)


async def test_a_method_that_is_not_measured_any_more_is_aborted(house: House) -> None:
    house.at_pace(silence=timedelta(milliseconds=80))
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        house.stage.script.is_measured = False

    run = await house.run()
    assert (run.finding, run.reason) == (Finding.ABORTED, "nothing was measured for 0.08 s")


async def test_a_run_that_was_lost_between_its_start_and_its_method_is_never_played(
    house: House,
) -> None:
    house.at_pace(lease=timedelta(milliseconds=60))
    await house.with_run()
    house.storage.hanging.add("add_incident")

    async with house.conducted():
        await house.stage.until("-> injecting")
        house.storage.steal(RUN)
        await house.storage.until_lost(RUN)
        house.storage.resume("add_incident")

    assert "play" not in house.story
    assert (await house.run()).phase is Phase.INJECTING


async def test_a_holder_that_slept_through_its_loss_asks_before_it_plays(house: House) -> None:
    house.at_pace(lease=timedelta(seconds=60))
    await house.with_run()
    house.storage.hanging.add("add_incident")

    async with house.conducted():
        await house.stage.until("-> injecting")
        house.storage.steal(RUN)
        house.storage.resume("add_incident")

    assert "play" not in house.story
    assert (await house.run()).phase is Phase.INJECTING


async def test_a_move_that_hangs_for_longer_than_the_lease_gives_the_run_up(
    house: House,
) -> None:
    house.at_pace(lease=timedelta(milliseconds=60))
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("hit")
        house.storage.hanging.add("move")

    assert house.story[-2:] == ["restrain", "close"]
    assert (await house.run()).phase is Phase.INJECTING


# It is taken over


@pytest.mark.parametrize(
    "phase", [Phase.INJECTING, Phase.HOLDING, Phase.ROLLING_BACK, Phase.VERIFYING]
)
async def test_a_run_that_was_taken_over_is_restored_and_never_played(
    house: House, phase: Phase
) -> None:
    await house.with_run(phase=phase)

    run = await house.conduct()

    assert (run.phase, run.finding) == (Phase.CONCLUDED, Finding.ABORTED)
    assert run.reason == f"its conductor was gone while it was {phase}"
    assert house.story == ["-> rolling_back", *RECOVERED]


async def test_recovering_measures_no_longer_than_it_has_to(house: House) -> None:
    house.at_pace(after=timedelta(seconds=30), first_sample=timedelta(seconds=30))
    await house.with_run(phase=Phase.HOLDING)

    with anyio.fail_after(5):
        run = await house.conducting.conduct(await house.claimed())

    assert run.phase is Phase.CONCLUDED


async def test_the_reason_of_an_abort_outlives_its_conductor(house: House) -> None:
    await house.with_run(phase=Phase.ROLLING_BACK, reason="aborted by Kim: enough")

    run = await house.conduct()

    assert run.reason == "aborted by Kim: enough"


async def test_a_holder_whose_lease_is_lost_stops_acting_and_moves_nothing(house: House) -> None:
    house.at_pace(lease=timedelta(milliseconds=60))
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        held = await house.run()
        # As the storage does when the lease is over: another holder, another fence.
        house.storage.steal(RUN)
    theirs = await house.run()

    assert theirs == replace(held, fence=held.fence + 1)
    assert after(house.stage, "-> holding") == ["restrain", "close"]


async def test_a_lease_that_cannot_be_renewed_in_time_is_given_up(house: House) -> None:
    house.at_pace(lease=timedelta(milliseconds=60))
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        house.storage.hanging.add("renew")

    assert (await house.run()).phase is Phase.HOLDING
    assert after(house.stage, "-> holding") == ["restrain", "close"]


async def test_a_fault_does_not_wait_for_what_cannot_be_recorded(house: House) -> None:
    """The database hangs: who hears what happened is stuck with its entries for a while."""
    house.at_pace(lease=timedelta(milliseconds=60))
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        house.storage.hanging |= {"renew", "append"}
        house.stage.act.happen(WriteMade(at=at(3), verb="change", target="deployments/shop/cart"))
        while house.stage.fault_is_in:  # noqa: ASYNC110 - nothing is told of it
            await anyio.sleep(0.001)
        assert "close" not in house.story
        house.storage.resume("append")
        house.storage.resume("renew")


async def test_a_database_that_is_out_for_longer_than_the_lease_gives_the_run_up(
    house: House,
) -> None:
    house.at_pace(lease=timedelta(milliseconds=60))
    await house.with_run()
    house.script(hold=FOREVER)

    async with house.conducted():
        await house.stage.until("-> holding")
        house.storage.outages["renew"] = 1_000

    assert (await house.run()).phase is Phase.HOLDING
    assert after(house.stage, "-> holding") == ["restrain", "close"]


async def test_a_process_that_was_asleep_for_longer_than_its_lease_keeps_what_nobody_took(
    house: House,
) -> None:
    house.at_pace(lease=timedelta(milliseconds=200))
    await house.with_run()
    house.script(hold=timedelta(milliseconds=500))

    async with house.conducted():
        await house.stage.until("-> holding")
        # The whole loop stands still, as a process does that is stopped or starved.
        time.sleep(0.3)  # noqa: ASYNC251

    assert (await house.run()).finding is Finding.HELD


async def test_an_outage_shorter_than_the_lease_is_waited_out(house: House) -> None:
    house.at_pace(lease=timedelta(milliseconds=300))
    await house.with_run()
    house.script(hold=timedelta(milliseconds=400))

    async with house.conducted():
        await house.stage.until("-> holding")
        house.storage.outages["renew"] = 2

    assert (await house.run()).finding is Finding.HELD


async def test_a_plan_that_is_edited_meanwhile_narrows_no_recovery(house: House) -> None:
    await house.with_run(Phase.HOLDING)
    edited = a_plan(blast_radius=a_radius(namespaces=frozenset({"elsewhere"}), most_objects=1))
    await house.apart.open(edited, {"scaled-to-zero": an_experiment()}, said=KIM)

    await house.conduct()

    (recovery,) = house.stage.assignments
    assert (recovery.recovering, recovery.radius) == (True, a_radius())
