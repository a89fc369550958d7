"""Every fault that an action of ours injects can be undone.

Whether the undoing works is for the actions' own tests.
"""

from pathlib import Path

from tests.architecture.source import ROOT, functions_of, python_files

INJECT, UNDO = "inject_", "undo_"


def faults(files: list[Path], prefix: str) -> set[str]:
    return {
        f"{path.stem}.{name.removeprefix(prefix)}"
        for path in files
        for name in functions_of(path)
        if name.startswith(prefix)
    }


def test_every_fault_has_its_undo_beside_it() -> None:
    files = python_files("experiments/actions")

    injected, undone = faults(files, INJECT), faults(files, UNDO)

    assert injected, f"no {INJECT}* function below {ROOT / 'experiments/actions'}"
    assert injected == undone


def test_missing_undo_is_noticed(tmp_path: Path) -> None:
    action = tmp_path / "service.py"
    action.write_text("def inject_x() -> None: ...\ndef undo_y() -> None: ...\n", encoding="utf-8")

    assert faults([action], INJECT) - faults([action], UNDO) == {"service.x"}
