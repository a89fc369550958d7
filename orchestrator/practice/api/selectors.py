"""Label and field selectors: built once, asked many times.

They only compare text; which fields of a kind can be selected by is said by the kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.practice.api.statuses import bad_request

Object = dict[str, Any]
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    @property
    def is_exact(self) -> bool:
        """Whether the label must have one certain value."""
        return self.operator == "In" and len(self.values) == 1

    def holds(self, labels: Labels) -> bool:
        """Whether the labels meet the condition."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        try:
            number, bound = int(value or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return number > bound if self.operator == "Gt" else number < bound


class Selector:
    """Conditions that must all hold. None at all select everything."""

    __slots__ = ("_equal", "_others")

    def __init__(self, requirements: Sequence[Requirement] = ()) -> None:
        # Most selectors ask for equality only, which one comparison of mappings decides.
        exact = [item for item in requirements if item.is_exact]
        self._equal = {item.key: next(iter(item.values)) for item in exact}
        # Two different values asked of one label are no equality that a mapping can hold.
        self._others = tuple(
            item
            for item in requirements
            if not item.is_exact or self._equal[item.key] not in item.values
        )

    def holds(self, labels: Labels) -> bool:
        """Whether labels meet every condition."""
        if not self._equal.items() <= labels.items():
            return False
        return all(requirement.holds(labels) for requirement in self._others)

    def equalities(self) -> list[tuple[str, str]]:
        """The labels that every match must carry."""
        return list(self._equal.items())


EVERYTHING: Final = Selector()


def of_object(selector: Mapping[str, Any] | None) -> Selector:
    """The selector that a LabelSelector object stands for."""
    selector = selector or {}
    labels = selector.get("matchLabels") or {}
    requirements = [
        Requirement(key, "In", frozenset({value})) for key, value in sorted(labels.items())
    ]
    for expression in selector.get("matchExpressions") or ():
        values = frozenset(expression.get("values") or ())
        requirements.append(Requirement(expression["key"], expression["operator"], values))
    return Selector(tuple(requirements))


def of_labels(labels: Labels) -> Selector:
    """The selector that wants exactly these labels among others."""
    return of_object({"matchLabels": labels})


FieldReader = Callable[[Object], str]


def parse_fields(
    text: str, readers: Mapping[str, FieldReader], *, only_names: bool = False
) -> Callable[[Object], bool]:
    """The test that a `fieldSelector` parameter names.

    Raises: ApiError: 400, the text is no selector or the kind has no such field.
    """
    tests: list[tuple[FieldReader, str, bool]] = []
    for term in filter(None, re.split(r"(?<!\\),", text)):
        found = re.fullmatch(r"\s*([^=!\s]+)\s*(==|=|!=)(.*)", term)
        if not found:
            raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
        name, operator, value = found[1], found[2], re.sub(r"\\(.)", r"\1", found[3])
        if name not in readers and only_names:
            raise bad_request(
                f'"{name}" is not a known field selector: only "metadata.name", '
                '"metadata.namespace"'
            )
        if name not in readers:
            raise bad_request(f"field label not supported: {name}")
        tests.append((readers[name], value, operator != "!="))
    return _all_of(tests)


def _all_of(tests: Sequence[tuple[FieldReader, str, bool]]) -> Callable[[Object], bool]:
    def holds(obj: Object) -> bool:
        return all((reader(obj) == value) is wanted for reader, value, wanted in tests)

    return holds


def field(path: str) -> FieldReader:
    """The reader of a field by its dotted path; a field that is not set reads as empty text."""
    keys = path.split(".")

    def read(obj: Object) -> str:
        value: Any = obj
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        match value:
            case None:
                return ""
            case bool():
                return str(value).lower()
            case _:
                return str(value)

    return read
