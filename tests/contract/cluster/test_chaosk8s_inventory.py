"""That the checks call every function of chaosk8s, and that the documentation tells of each."""

import ast
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__)
TABLE = HERE.parents[3] / "docs" / "chaosk8s.md"
ROW = re.compile(r"\| `([\w.]+)` \|", re.MULTILINE)


def package() -> Path:
    """The folder of the installed chaosk8s; it is not imported."""
    spec = find_spec("chaosk8s")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def offered() -> set[str]:
    """The actions and probes: what a module exports, and what takes secrets as an activity does."""
    root = package()
    paths = [path for name in ("actions", "probes") for path in root.rglob(f"{name}.py")]
    return {
        ".".join([*path.relative_to(root).with_suffix("").parts, function])
        for path in paths
        for function in _functions(ast.parse(path.read_text()))
    }


def _functions(module: ast.Module) -> Iterator[str]:
    for statement in module.body:
        match statement:
            case ast.FunctionDef(name=name, args=arguments) if not name.startswith("_"):
                if any(argument.arg == "secrets" for argument in arguments.args):
                    yield name
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                yield from ast.literal_eval(value)


def named_in_checks() -> set[str]:
    """Every text in the checks of chaosk8s; those that name a function are there to be called."""
    checks = [path for path in HERE.parent.glob("test_chaosk8s_*.py") if path != HERE]
    return {
        node.value
        for path in checks
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_function_is_called_by_a_check() -> None:
    found = offered()

    assert len(found) > 100
    assert sorted(found - named_in_checks()) == []


def test_every_function_has_its_row_in_the_documentation() -> None:
    rows = ROW.findall(TABLE.read_text())

    assert len(rows) == len(set(rows))
    assert sorted(offered() ^ set(rows)) == []
