"""Reads the text of a `labelSelector` parameter, with the faults that Kubernetes finds in it.

What a selector selects is not said here.
"""

from __future__ import annotations

import re
from typing import Final

from orchestrator.practice.api.selectors import Requirement, Selector
from orchestrator.practice.api.statuses import Cause, bad_request
from orchestrator.practice.api.validation.names import key_causes, value_causes

_SPACE: Final = " \t\r\n"
_TOKEN: Final[re.Pattern[str]] = re.compile(rf"[{_SPACE}]*(==|!=|[=!(),<>]|[^{_SPACE}=!(),<>]+)")
_SIGNS: Final = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">"))
_OPERATORS: Final = {
    "in": "In", "notin": "NotIn", "=": "In", "==": "In", "!=": "NotIn", ">": "Gt", "<": "Lt",
}  # fmt: skip
_END: Final = ""
_INTEGER: Final = re.compile(r"[+-]?\d+")


def parse(text: str) -> Selector:
    """The selector that a text names.

    Raises: ApiError: 400, the text is no selector.
    """
    return Selector(tuple(_Reader(text).requirements()))


class _Reader:
    """Walks the words and signs of one text; the end reads as empty text."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = [*_TOKEN.findall(text), _END]
        self._position = 0

    def requirements(self) -> list[Requirement]:
        """The conditions, one after the other."""
        read: list[Requirement] = []
        while (part := self._next()) != _END:
            if not _is_word(part) and part != "!":
                raise bad_request(_found(part, "!, identifier, or 'end of string'"))
            read.append(self._requirement())
            self._expect_another()
        return read

    def _expect_another(self) -> None:
        sign = self._take()
        if sign == _END:
            self._position -= 1
            return
        if sign != ",":
            raise bad_request(_found(sign, "',' or 'end of string'"))
        if not _is_word(part := self._next()) and part != "!":
            raise bad_request(_found(part, "identifier after ','"))

    def _requirement(self) -> Requirement:
        negated = self._next() == "!"
        if negated:
            self._take()
        key = self._word("identifier")
        _judge(key_causes(key, "<nil>")[:1])
        if negated or self._next() in {_END, ","}:
            return Requirement(key, "DoesNotExist" if negated else "Exists")
        sign = self._take()
        operator = _OPERATORS.get(sign)
        if operator is None:
            raise _unparsable(_found(sign, "in, notin, =, ==, !=, gt, lt"))
        values = self._values() if sign in {"in", "notin"} else {self._value()}
        _judge(_value_faults(key, operator, sorted(values)))
        return Requirement(key, operator, frozenset(values))

    def _value(self) -> str:
        return "" if self._next() in {_END, ","} else self._word("identifier")

    def _values(self) -> set[str]:
        if (sign := self._take()) != "(":
            raise _unparsable(f"found '{sign}' expected: '('")
        values: set[str] = set()
        expected = "',', ')' or identifier"
        while True:
            values.add("" if self._next() in {",", ")"} else self._word(expected))
            if (sign := self._take()) == ")":
                return values
            if sign != ",":
                raise _unparsable(_found(sign, "',' or ')'"))
            expected = "',', or identifier"

    def _word(self, expected: str) -> str:
        token = self._take()
        if not _is_word(token):
            raise _unparsable(_found(token, expected))
        return token

    def _next(self) -> str:
        return self._tokens[self._position]

    def _take(self) -> str:
        token = self._next()
        self._position += 1
        return token


def _is_word(token: str) -> bool:
    return token != _END and token not in _SIGNS


def _found(token: str, expected: str) -> str:
    return f"found '{token}', expected: {expected}"


def _unparsable(why: str) -> Exception:
    return bad_request(f"unable to parse requirement: {why}")


def _value_faults(key: str, operator: str, values: list[str]) -> list[Cause]:
    causes: list[Cause] = []
    for index, value in enumerate(values):
        if operator in {"Gt", "Lt"} and not _INTEGER.fullmatch(value):
            text = "for 'Gt', 'Lt' operators, the value must be an integer"
            causes.append(Cause.invalid(f"values[{index}]", value, text))
    for index, value in enumerate(values):
        causes += value_causes(value, f"values[{index}][{key}]")
    return causes


def _judge(causes: list[Cause]) -> None:
    faults = [f"{cause.field}: {cause.message}" for cause in causes]
    if faults:
        raise _unparsable(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")
