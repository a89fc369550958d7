"""Reads an experiment's text, YAML or JSON, into plain JSON values.

It does not ask whether these make an experiment; see `experiments.structure`.
"""

import json
import math
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import yaml

from orchestrator.domain.errors import Fault

Json: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None

LONGEST: Final = 1_000_000
"""Characters of the longest text that is read; experiments have a few thousand."""

MOST_VALUES: Final = 50_000
"""Values in the largest document. YAML's references can unfold a short text into billions."""


class Unreadable(Exception):
    """The text is no document, for the reason given."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def parse(text: str, *, is_json: bool) -> Json:
    """Parse a text.

    Raises: Unreadable: it is broken, too large, or says something that JSON has no words for.
    """
    if len(text) > LONGEST:
        raise Unreadable(_fault(f"has {len(text)} characters", f"keep to {LONGEST}"))
    document = _from_json(text) if is_json else _from_yaml(text)
    return plain(document)


def plain(document: object) -> Json:
    """Check that a value is plain JSON, and return it in values of its own.

    Raises: Unreadable.
    """
    for count, fault in enumerate(_oddities(document, "")):
        if fault is not None:
            raise Unreadable(fault)
        if count >= MOST_VALUES:
            raise Unreadable(_fault(f"has more than {MOST_VALUES} values", "split it"))
    copied: Json = json.loads(json.dumps(document))
    return copied


def _from_json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        problem = f"is no JSON: {error.msg}"
        raise Unreadable(_fault(problem, "mend it", line=error.lineno)) from error
    except ValueError as error:
        raise Unreadable(_fault(f"is no JSON: {error}", "mend it")) from error
    except RecursionError as error:
        raise Unreadable(_fault("is nested too deeply", "flatten it")) from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    counts = Counter(key for key, _ in pairs)
    for key, count in counts.items():
        if count > 1:
            raise Unreadable(_fault("is there twice", "keep one", field=key))
    return dict(pairs)


class _Loader(yaml.SafeLoader):
    """Loads plain values only, and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen and key.tag != "tag:yaml.org,2002:merge":
                raise Unreadable(_fault("is there twice", "keep one", field=name, line=line))
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def _from_yaml(text: str) -> object:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - it derives from SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise Unreadable(_fault(f"is no YAML: {error.problem}", "mend it", line=line)) from error
    except (yaml.YAMLError, ValueError) as error:
        problem = str(error).splitlines()[0]
        raise Unreadable(_fault(f"is no YAML: {problem}", "mend it")) from error
    except RecursionError as error:
        raise Unreadable(_fault("is nested too deeply", "flatten it")) from error


def _oddities(value: object, field: str, depth: int = 0) -> Iterator[Fault | None]:
    """One item for each value met: None, or what is odd about it."""
    if depth > 100:
        yield _fault("is nested too deeply", "flatten it", field=field)
    elif isinstance(value, Mapping):
        yield None
        for key, member in value.items():
            if not isinstance(key, str):
                yield _fault(f"the key {key!r} is no text", "quote it", field=field)
            yield from _oddities(member, f"{field}.{key}" if field else str(key), depth + 1)
    elif isinstance(value, list):
        yield None
        for index, item in enumerate(value):
            yield from _oddities(item, f"{field}[{index}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield _fault("is no finite number", "write a number", field=field, value=str(value))
    elif isinstance(value, int) and value.bit_length() > 64:
        yield _fault("is too large a number", "quote it", field=field)
    elif value is None or isinstance(value, (bool, int, float, str)):
        yield None
    else:
        kind = type(value).__name__
        yield _fault(f"is a {kind}, which JSON lacks", "quote it", field=field, value=str(value))


def _fault(
    problem: str, way_out: str, *, field: str = "", value: str = "", line: int | None = None
) -> Fault:
    return Fault(
        field=field or "the experiment", value=value, problem=problem, way_out=way_out, line=line
    )
