"""The engine starts the processes of a run, hears them, and leaves none behind."""

import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import anyio
import pytest

from orchestrator.adapters.chaostoolkit.containment.survey import unwanted
from orchestrator.adapters.chaostoolkit.engine import ChaosToolkitEngine
from orchestrator.adapters.chaostoolkit.execution import ProcessExecution
from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.day import PinnedExperiment
from orchestrator.domain.errors import EngineUnavailable, Unavailable
from orchestrator.domain.identity import RunId
from orchestrator.ports import (
    ActionEnded,
    ActionStarted,
    Assignment,
    GuardEnded,
    Happening,
    MethodPlayed,
    RunnerEnded,
    Sampled,
    WriteMade,
    WriteRefused,
)
from tests.builders import a_plan, a_radius, a_run
from tests.integration.chaostoolkit.running import (
    PATIENCE,
    ROOT,
    action,
    experiment,
    hypothesis,
    probe,
)

GUARD = Path(__file__).with_name("acting_guard.py")
SOON = timedelta(seconds=15)
USUAL = (
    *("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "VIRTUAL_ENV"),
    *("HOME", "TMPDIR", "KUBECONFIG", "NO_PROXY", "no_proxy"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"),
)


def engine(how: str = "well", **options: Any) -> ChaosToolkitEngine:
    return ChaosToolkitEngine(
        guard_command=[sys.executable, "-s", str(GUARD), how],
        clock=SystemClock(),
        **{"survey": unwanted, "guard_environment": {"PYTHONPATH": str(ROOT)}, **options},
    )


def assigned(document: dict[str, Any], **changes: Any) -> Assignment:
    assignment = Assignment(
        run=a_run(),
        experiment=PinnedExperiment(name="x", document=document, digest="0"),
        configuration={},
        cluster=a_plan().cluster,
        radius=a_radius(),
        probe_interval=timedelta(milliseconds=50),
    )
    if changes.get("recovering"):
        # Whoever recovers a run ends all that has its mark, and other tests run beside this one.
        changes.setdefault("run", a_run(id=RunId(uuid4().hex)))
    return replace(assignment, **changes)


class Ear:
    """Hears an execution from its opening on."""

    def __init__(self) -> None:
        self.heard: list[Happening] = []
        self._news = anyio.Event()

    async def listen(self, execution: ProcessExecution) -> None:
        async for happening in execution.happenings():
            self.heard.append(happening)
            news, self._news = self._news, anyio.Event()
            news.set()

    async def hears(self, kind: type[Happening]) -> Happening:
        with anyio.fail_after(PATIENCE):
            while not (found := [each for each in self.heard if isinstance(each, kind)]):
                await self._news.wait()
        return found[0]


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    return tmp_path / "marks"


def a_document(marks: Path, *method: dict[str, Any]) -> dict[str, Any]:
    within = probe("marks can be made", "mark", "measured", path=os.devnull, text="measured")
    return experiment(
        *(method or [action("break it", path=str(marks), text="broken", pauses={"after": 3})]),
        rollbacks=[action("mend it", path=str(marks), text="mended")],
        **{"steady-state-hypothesis": hypothesis(within)},
    )


def processes_in(folder: Path) -> set[int]:
    """Processes whose working folder is, or was, inside a folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if str((entry / "cwd").readlink()).startswith(str(folder)):
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def words_of(processes: set[int]) -> list[str]:
    """The words that started these processes."""
    lines = [Path(f"/proc/{each}/cmdline").read_text() for each in processes]
    return [word for line in lines for word in line.split("\0")]


@pytest.fixture
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the engine keeps the folders of its runs, while the test lasts."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


def read(marks: Path) -> list[str]:
    return marks.read_text().split() if marks.exists() else []


async def test_a_run_goes_its_course(marks: Path, runs_folder: Path) -> None:
    ear = Ear()

    async with (
        engine().open(assigned(a_document(marks))) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await ear.hears(Sampled)
        await execution.take_baseline()
        assert read(marks) == []
        await execution.play()
        played = await ear.hears(MethodPlayed)
        await execution.restrain()
        await execution.finish(patience=SOON)
        undone = await execution.undo()
        verified = await execution.verify(patience=SOON)
        alive = processes_in(runs_folder)
        tasks.cancel_scope.cancel()

    assert isinstance(played, MethodPlayed)
    assert played.hold == timedelta(seconds=3)
    assert read(marks) == ["broken", "mended"]
    assert undone.undone == ("Deployment/shop/payment",)
    assert verified.is_proven
    kinds = [type(each) for each in ear.heard if not isinstance(each, Sampled)]
    assert kinds.count(WriteMade) == kinds.count(WriteRefused) == 1
    assert [kind for kind in kinds if kind not in {WriteMade, WriteRefused}] == [
        ActionStarted,
        ActionEnded,
        MethodPlayed,
        ActionStarted,
        ActionEnded,
    ]
    assert alive
    assert not processes_in(runs_folder)
    assert is_empty(runs_folder)


@pytest.mark.parametrize("how", ["kubeconfig", "cluster", "assignment"])
async def test_a_guard_that_cannot_begin_says_why(marks: Path, runs_folder: Path, how: str) -> None:
    with pytest.raises(Unavailable, match=f"no good {how} for "):
        async with engine(how).open(assigned(a_document(marks))):
            pass

    assert not processes_in(runs_folder)
    assert is_empty(runs_folder)


async def test_a_guard_that_dies_before_it_begins_is_quoted(marks: Path) -> None:
    with pytest.raises(EngineUnavailable, match="it broke"):
        async with engine("dies before").open(assigned(a_document(marks))):
            pass


async def test_a_program_that_is_not_there_is_named(marks: Path) -> None:
    nothing = ChaosToolkitEngine(
        guard_command=["/no/such/program"], guard_environment={}, clock=SystemClock()
    )

    with pytest.raises(EngineUnavailable, match=r"guard of the run: .*no/such/program"):
        async with nothing.open(assigned(a_document(marks))):
            pass


@pytest.mark.parametrize("command", ["baseline", "play", "restrain", "undo", "verify"])
@pytest.mark.parametrize("how", ["dies at", "refuses"])
async def test_whoever_asks_a_guard_that_does_not_do_it_is_told(
    marks: Path, command: str, how: str
) -> None:
    ear = Ear()

    async with (
        engine(f"{how} {command}").open(assigned(a_document(marks))) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        asks: dict[str, Callable[[], Awaitable[object]]] = {
            "baseline": execution.take_baseline,
            "play": execution.play,
            "restrain": execution.restrain,
            "undo": execution.undo,
            "verify": partial(execution.verify, patience=SOON),
        }
        with pytest.raises(EngineUnavailable) as refusal, anyio.fail_after(PATIENCE):
            await asks[command]()
        if how == "dies at":
            gone = await ear.hears(GuardEnded)
            assert isinstance(gone, GuardEnded)
            assert "out of memory" in gone.problem
        tasks.cancel_scope.cancel()

    assert "the guard is gone" in str(refusal.value) or "not now" in str(refusal.value)
    assert read(marks) == []


@pytest.mark.parametrize("how", ["finish", "stop", "roll back"])
async def test_the_guard_is_told_when_the_rollbacks_begin(marks: Path, how: str) -> None:
    """Until then what comes from a runner may be its method's; this guard dies of the word."""
    ear = Ear()

    async with (
        engine("dies at roll_back").open(assigned(a_document(marks))) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await execution.play()
        await ear.hears(MethodPlayed)
        await execution.restrain()
        asks = {
            "finish": execution.finish,
            "stop": execution.stop,
            "roll back": execution.roll_back,
        }
        await asks[how](patience=SOON)
        gone = await ear.hears(GuardEnded)
        tasks.cancel_scope.cancel()

    assert isinstance(gone, GuardEnded)
    assert read(marks)[-1] == "mended"


async def test_a_stop_interrupts_the_method(marks: Path) -> None:
    slow = action("slow", path=str(marks), text="broken", seconds=60)
    ear = Ear()

    async with (
        engine().open(assigned(a_document(marks, slow, slow))) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await execution.take_baseline()
        await execution.play()
        await ear.hears(ActionStarted)
        with anyio.fail_after(PATIENCE):
            while not read(marks):  # noqa: ASYNC110 - nothing tells of it
                await anyio.sleep(0.01)
        await execution.restrain()
        with anyio.fail_after(8):
            await execution.stop(patience=SOON)
        tasks.cancel_scope.cancel()

    assert read(marks) == ["broken", "mended"]


async def test_a_runner_that_does_not_end_is_killed_when_patience_is_over(
    marks: Path, runs_folder: Path
) -> None:
    document = a_document(marks)
    document["rollbacks"] = [action("slow", path=str(marks), text="mending", seconds=60)]

    async with engine().open(assigned(document)) as execution:
        await execution.take_baseline()
        await execution.play()
        await execution.restrain()
        with anyio.fail_after(10):
            await execution.finish(patience=timedelta(seconds=2))

    assert not processes_in(runs_folder)


@pytest.mark.parametrize(
    ("who", "problem"),
    [("runner", "the runner ended before it was asked to"), ("observer", "the observer ended")],
)
async def test_a_process_that_vanishes_is_heard_of_and_not_quoted(
    marks: Path, who: str, problem: str
) -> None:
    document = a_document(marks, action("vanish", "fail", how="vanish"))
    if who == "observer":
        gone = probe("vanish", "fail", True, how="vanish")
        document = a_document(marks) | {"steady-state-hypothesis": hypothesis(gone)}
    ear = Ear()

    async with (
        engine().open(assigned(document)) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        if who == "runner":
            await execution.take_baseline()
            await execution.play()
        ended = await ear.hears(RunnerEnded)
        tasks.cancel_scope.cancel()

    assert isinstance(ended, RunnerEnded)
    assert ended.problem.startswith(problem)


async def test_leaving_ends_everything_whatever_it_does(marks: Path, runs_folder: Path) -> None:
    stubborn = action("stubborn", "swallow", path=str(marks), text="broken")
    ear = Ear()

    with anyio.fail_after(PATIENCE):
        async with (
            engine().open(assigned(a_document(marks, stubborn))) as execution,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(ear.listen, execution)
            await execution.take_baseline()
            await execution.play()
            await ear.hears(ActionStarted)
            tasks.cancel_scope.cancel()

    assert not processes_in(runs_folder)


async def test_an_experiment_without_a_hypothesis_is_not_ended_for_want_of_an_observer(
    marks: Path,
) -> None:
    document = a_document(marks, action("hold on", path=str(marks), text="broken"))
    del document["steady-state-hypothesis"]
    ear = Ear()

    async with (
        engine().open(assigned(document)) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await execution.take_baseline()
        await execution.play()
        await ear.hears(MethodPlayed)
        await execution.finish(patience=SOON)
        tasks.cancel_scope.cancel()

    assert read(marks) == ["broken", "mended"]
    assert not any(isinstance(each, RunnerEnded) for each in ear.heard)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_what_is_no_line_of_ours_is_passed_over(marks: Path) -> None:
    ear = Ear()
    document = a_document(marks, action("garble", "garble", path=str(marks)))

    async with (
        engine().open(assigned(document)) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await execution.take_baseline()
        await execution.play()
        await ear.hears(MethodPlayed)
        await execution.finish(patience=SOON)
        tasks.cancel_scope.cancel()

    assert read(marks) == ["garbled", "mended"]
    assert not any(isinstance(each, RunnerEnded) for each in ear.heard)


async def test_the_guard_is_heard_when_whoever_listened_has_broken_off(marks: Path) -> None:
    measured = marks.with_name("measured")
    document = a_document(marks)
    within = probe("marks can be made", "mark", "measured", path=str(measured), text="measured")
    document["steady-state-hypothesis"] = hypothesis(within)

    async with engine().open(assigned(document)) as execution:
        happenings = execution.happenings()
        await anext(happenings)
        await cast("AsyncGenerator[Happening]", happenings).aclose()
        with anyio.fail_after(PATIENCE):
            # The observer goes on saying what nobody hears.
            seen = len(read(measured))
            while len(read(measured)) < seen + 3:  # noqa: ASYNC110 - another process writes
                await anyio.sleep(0.01)
            await execution.take_baseline()
            await execution.restrain()
            assert (await execution.undo()).is_proven


async def test_a_runner_that_died_has_its_rollbacks_played_all_the_same(marks: Path) -> None:
    ear = Ear()

    async with (
        engine().open(
            assigned(a_document(marks, action("die", "fail", how="vanish")))
        ) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await execution.take_baseline()
        await execution.play()
        await ear.hears(RunnerEnded)
        await execution.restrain()
        await execution.stop(patience=SOON)
        tasks.cancel_scope.cancel()

    assert read(marks) == ["mended"]


async def test_rollbacks_are_played_once_when_a_method_has_failed(marks: Path) -> None:
    ear = Ear()

    async with (
        engine().open(
            assigned(a_document(marks, action("fail", "fail", how="error")))
        ) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await execution.take_baseline()
        await execution.play()
        await ear.hears(RunnerEnded)
        await execution.restrain()
        await execution.stop(patience=SOON)
        tasks.cancel_scope.cancel()

    assert read(marks) == ["mended"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_a_daemon_that_left_its_group_is_ended_with_the_run(
    marks: Path, tmp_path: Path
) -> None:
    file = tmp_path / "daemon"
    ear = Ear()

    async with (
        engine().open(
            assigned(a_document(marks, action("fork", "daemon", path=str(file))))
        ) as ours,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, ours)
        await ours.take_baseline()
        await ours.play()
        await ear.hears(MethodPlayed)
        with anyio.fail_after(PATIENCE):
            while not (file.exists() and file.read_text()):  # noqa: ASYNC110
                await anyio.sleep(0.01)
        process = int(file.read_text())
        assert is_alive(process)
        tasks.cancel_scope.cancel()

    with anyio.fail_after(PATIENCE):
        while is_alive(process):  # noqa: ASYNC110
            await anyio.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_whoever_recovers_a_run_ends_what_another_conductor_left_at_work(
    marks: Path, runs_folder: Path
) -> None:
    ear = Ear()
    left = assigned(a_document(marks), run=a_run(id=RunId(uuid4().hex)))

    async with (
        engine().open(left) as frozen,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, frozen)
        await frozen.take_baseline()
        await frozen.play()
        await ear.hears(MethodPlayed)
        async with engine().open(replace(left, recovering=True)) as execution:
            await ear.hears(RunnerEnded)
            await execution.undo()
        tasks.cancel_scope.cancel()

    assert not processes_in(runs_folder)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_a_guard_that_does_not_answer_but_is_at_work_is_left_to_restore(
    marks: Path, tmp_path: Path
) -> None:
    restored = tmp_path / "restored"
    quiet = engine(
        "keeps quiet at restrain",
        guard_environment={"PYTHONPATH": str(ROOT), "GUARD_MARK": str(restored)},
    )

    async with quiet.open(assigned(a_document(marks))) as execution:
        with pytest.raises(EngineUnavailable, match="no answer to restrain"):
            await execution.restrain()

    with anyio.fail_after(PATIENCE):
        while not restored.exists():  # noqa: ASYNC110
            await anyio.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_the_restorer_starts_beside_the_guard_and_plays_nothing_before_it_is_told(
    marks: Path, runs_folder: Path
) -> None:
    async with engine().open(assigned(a_document(marks), recovering=True)):
        assert "roll-back" in words_of(processes_in(runs_folder))

    assert read(marks) == []
    assert not processes_in(runs_folder)


async def test_recovering_plays_the_rollbacks_alone(marks: Path) -> None:
    ear = Ear()

    async with (
        engine().open(assigned(a_document(marks), recovering=True)) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await execution.roll_back(patience=SOON)
        undone = await execution.undo()
        tasks.cancel_scope.cancel()

    assert read(marks) == ["mended"]
    assert undone.is_proven
    assert not any(isinstance(each, (Sampled, RunnerEnded)) for each in ear.heard)


async def test_rollbacks_that_hang_are_killed_when_patience_is_over(
    marks: Path, runs_folder: Path
) -> None:
    document = a_document(marks)
    document["rollbacks"] = [action("slow", path=str(marks), text="mending", seconds=60)]

    async with engine().open(assigned(document, recovering=True)) as execution:
        with anyio.fail_after(10):
            await execution.roll_back(patience=timedelta(seconds=2))
        await execution.undo()

    assert not processes_in(runs_folder)


async def test_a_runner_sees_no_variable_but_those_allowed(
    marks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tmp_path / "names"
    monkeypatch.setenv("CHAOSDAY_TEST_SECRET", "hidden")
    monkeypatch.setenv("CHAOSDAY_TEST_ALLOWED", "seen")
    document = a_document(marks, action("look", "environment", path=str(names)))
    ear = Ear()

    async with (
        engine(allowed_environment=["CHAOSDAY_TEST_ALLOWED"]).open(assigned(document)) as execution,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(ear.listen, execution)
        await execution.take_baseline()
        await execution.play()
        await ear.hears(MethodPlayed)
        tasks.cancel_scope.cancel()

    seen = set(read(names))
    usual = {*USUAL, "CHAOSDAY_FRONT_DOOR", "CHAOSDAY_MARK", "CHAOSDAY_TEST_ALLOWED"}
    assert seen <= usual
    assert {"KUBECONFIG", "HOME", "CHAOSDAY_TEST_ALLOWED"} <= seen
