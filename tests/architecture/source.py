"""The project's own source, for the tests that read it instead of running it.

Knows where files are and what they define; judges nothing.
"""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("orchestrator", "experiments", "api", "reports")
TOOL_LEFTOVERS: Final = {".git", ".venv", ".cache", "__pycache__", "node_modules"}


def python_files(*folders: str, root: Path = ROOT) -> list[Path]:
    """Every Python file below the folders, or below the four packages."""
    return [
        path
        for folder in folders or PACKAGES
        for path in sorted((root / folder).rglob("*.py"))
        if not TOOL_LEFTOVERS & set(path.parts)
    ]


def committed_files() -> list[Path]:
    """Every file that is in the repository, or would be after the next commit."""
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
        text=True,
    )
    if listing.returncode != 0:
        return list(_walk(ROOT))
    return [path for name in listing.stdout.split("\0") if (path := ROOT / name).is_file()]


def _walk(folder: Path) -> Iterator[Path]:
    """The files below a folder that no tool left there, for a copy without git."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in TOOL_LEFTOVERS:
            yield from _walk(path)
        elif path.is_file():
            yield path


def functions_of(path: Path) -> set[str]:
    """The names of the functions that a file defines at its top level."""
    return {
        node.name
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def names_used(path: Path) -> set[str]:
    """Every dotted name in a file, with imported names in full.

    Shape: `from datetime import datetime as dt; dt.now()` gives `datetime.datetime.now`.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    origins = _origins(tree)
    names = set(origins.values())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and (name := _dotted(node)):
            head, _, rest = name.partition(".")
            names.add(".".join(filter(None, (origins.get(head, head), rest))))
    return names


def _origins(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for."""
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origins |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            origins |= {
                alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names
            }
    return origins


def _dotted(node: ast.expr) -> str | None:
    """The text of `a.b.c`; None for anything that is no plain chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (value := _dotted(node.value)):
        return f"{value}.{node.attr}"
    return None
