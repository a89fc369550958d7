"""The layers hold, and the linter that says so would notice if they did not.

Plants wrong imports in a copy; the project itself is only read.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT

LINT = Path(sys.executable).with_name("lint-imports")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_point_down() -> None:
    lint = lint_imports(ROOT)

    assert lint.returncode == 0, lint.stdout + lint.stderr


@pytest.mark.parametrize(
    ("place", "line", "contract"),
    [
        ("orchestrator/utils.py", "", "Every module of the orchestrator has a layer"),
        ("orchestrator/domain/planted.py", "import orchestrator.ports", "Imports point down"),
        ("orchestrator/domain/planted.py", "import time", "The domain knows no library"),
        ("orchestrator/services/planted.py", "import kubernetes", "one door each"),
        ("reports/planted.py", "import experiments", "Imports point down"),
        ("api/planted.py", "import sqlalchemy", "The database has one door"),
        (
            "orchestrator/practice/nodes/planted.py",
            "import orchestrator.practice.api",
            "only over HTTP",
        ),
    ],
)
def test_planted_import_breaks_its_contract(
    project: Path, place: str, line: str, contract: str
) -> None:
    (project / place).write_text(f"{line}\n", encoding="utf-8")

    lint = lint_imports(project)

    assert lint.returncode != 0
    broken = [line for line in lint.stdout.splitlines() if " BROKEN" in line]
    assert any(contract in line for line in broken), lint.stdout + lint.stderr
