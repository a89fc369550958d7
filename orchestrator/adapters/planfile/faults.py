"""What is wrong with the fields one by one, told with the way out.

It does not judge: pydantic and the models found the faults, this says them in plain words.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.adapters.planfile.powers import FORMS
from orchestrator.adapters.planfile.schema import schema_at
from orchestrator.adapters.planfile.tree import Path, Tree
from orchestrator.adapters.planfile.units import Unreadable
from orchestrator.adapters.planfile.words import nearest, suggestion
from orchestrator.domain.errors import Fault

_WANTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
}


def faults_of(error: ValidationError, tree: Tree) -> Iterator[Fault]:
    """Every fault that the models found, with its line in the file."""
    for details in error.errors(include_url=False):
        path = tuple(step for step in details["loc"] if step != "[key]" and step not in FORMS)
        yield tree.fault(path, *_said(details, path))


def _said(details: ErrorDetails, path: Path) -> tuple[str, str]:
    """What is wrong, and the way out."""
    kind, given, facts = details["type"], details["input"], details.get("ctx", {})
    unreadable = facts.get("error")
    if isinstance(unreadable, Unreadable):
        return unreadable.problem, unreadable.way_out
    if kind == "missing":
        return "is missing", f"add it, such as `{_example(path)}`"
    if kind == "extra_forbidden":
        return "is not known", suggestion(path[-1], schema_at(path[:-1]).get("properties", ()))
    if given is None:
        return "has no value", _empty(kind)
    if kind in _WANTED:
        return f"is {_named(given)}, not {_WANTED[kind]}", _put(given, kind, path)
    return _bounded(kind, given, facts, path)


def _bounded(kind: str, given: object, facts: dict[str, Any], path: Path) -> tuple[str, str]:
    match kind:
        case "literal_error":
            return "is not the number of a version", f"write `{_example(path)}`"
        case "enum":
            known = [str(value) for value in schema_at(path).get("enum", ())]
            near = nearest(given, known)
            problem = f"is not one of: {', '.join(known)}" if near else "is not known"
            return problem, suggestion(given, known)
        case "too_short" | "string_too_short":
            what = "at least one" if kind == "too_short" else "a text"
            return "is empty", f"write {what}, such as `{_example(path)}`"
        case "string_too_long":
            return "is too long", f"write at most {facts['max_length']} characters"
        case "greater_than_equal":
            return "is too small", f"write {facts['ge']} or more"
    return "cannot be read", f"write it such as `{_example(path)}`"


def _empty(kind: str) -> str:
    if kind == "string_type":
        return "write a text; one that begins with # needs quotes, for # begins a comment"
    return "write one, or leave the line out if the field may be missing"


def _named(value: object) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
    return "a mapping"


def _put(given: object, kind: str, path: Path) -> str:
    if kind == "string_type" and isinstance(given, bool | int | float):
        return f"put it in quotes: {json.dumps(json.dumps(given))}"
    return f"write it such as `{_example(path)}`"


def _example(path: Path) -> str:
    """The field as it could be written, in one line."""
    schema = schema_at(path)
    field = next((step for step in reversed(path) if isinstance(step, str)), "")
    value = next(iter(schema.get("examples", ())), None)
    if value is None and path and isinstance(path[-1], int):
        return _example(path[:-1])
    return _flow({field: value})


def _flow(value: object) -> str:
    text: str = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True
    )
    return text.strip().removeprefix("{").removesuffix("}")
