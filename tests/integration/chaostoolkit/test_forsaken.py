"""Folders of runs go when their owners are gone, and no others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.adapters.chaostoolkit.forsaken import PREFIX, claimed, sweep


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run, with something in it."""
    path = tmp_path / "there" / f"{PREFIX}x"
    path.mkdir(parents=True)
    (path / "guard.log").write_text("words")
    return path


@contextmanager
def at_work_in(folder: Path) -> Iterator[None]:
    """A process whose working folder it is."""
    waiting = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        waiting, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate(b"\n", timeout=10)


def test_what_nobody_owns_any_more_is_removed(folder: Path) -> None:
    os.close(claimed(folder))

    assert sweep(folder.parent) == 1
    assert not folder.exists()


def test_what_somebody_owns_stays(folder: Path) -> None:
    descriptor = claimed(folder)

    swept = sweep(folder.parent)
    os.close(descriptor)

    assert swept == 0
    assert (folder / "guard.log").exists()


@pytest.mark.parametrize("through", ["there", "a link"])
def test_where_a_process_that_outlived_its_owner_works_stays(folder: Path, through: str) -> None:
    (folder.parents[1] / "a link").symlink_to(folder.parent)
    (folder / "below").mkdir()

    with at_work_in(folder / "below"):
        assert sweep(folder.parents[1] / through) == 0
    assert folder.exists()


def test_what_is_only_being_made_or_is_no_folder_of_a_run_stays(folder: Path) -> None:
    elsewhere = folder.parents[1] / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    (folder.parent / f"{PREFIX}link").symlink_to(elsewhere)
    (folder.parent / f"{PREFIX}empty").mkdir()
    (folder.parent / f"{PREFIX}file").touch()
    (folder.parent / "another").mkdir()

    assert sweep(folder.parent) == 1
    assert (elsewhere / "kept").exists()
    assert len(list(folder.parent.iterdir())) == 4
