"""YAML text into nodes, within limits; JSON is read as a part of YAML.

It constructs no values: what a node stands for is decided by the tree.
"""

import re
from typing import Final

import yaml
from yaml.composer import Composer
from yaml.nodes import Node
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner

from orchestrator.domain.errors import Fault

TAG: Final = "tag:yaml.org,2002:"
LARGEST: Final = 128 * 1024
"""Characters; a day of a hundred boxes needs a quarter of it."""
DEEPEST: Final = 20
"""Levels of nesting; a plan needs six, and the rest is for an experiment's configuration."""

_PLAIN_TYPES: Final = (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]{1,18}", [*"-+0123456789"]),
    (
        "float",
        r"[-+]?(?:\.[0-9]{1,18}|[0-9]{1,18}(?:\.[0-9]{0,18})?)(?:[eE][-+]?[0-9]{1,2})?",
        [*"-+.0123456789"],
    ),
    ("merge", r"<<", ["<"]),
)

_REMEDIES: Final = (
    (r"\\t|mixture of tabs", "indent by spaces, not tabs"),
    ("cannot start any token", "put the text in quotes"),
    ("mapping values are not allowed", "check the indentation, and quote text that holds a colon"),
    ("nested more than", "a plan has no need of it"),
    ("undefined alias", "define it above by the same name with &"),
    ("another document", "write one plan into one file"),
    ("anchor of this name", "give it another name"),
    ("stream end|end of stream", "close the quote or bracket"),
)


class BrokenText(Exception):
    """The text is no YAML, or passes a limit."""

    def __init__(self, problem: str, way_out: str, *, line: int | None = None) -> None:
        super().__init__(problem)
        self.fault = Fault(field="syntax", value="", problem=problem, way_out=way_out, line=line)


class _Loader(Reader, Scanner, Parser, Composer, BaseResolver):
    """Composes nodes.

    YAML 1.1 takes 10:30 for a number, `no` for a truth value and 2026-12-01 for a date. This
    one has the few plain types of YAML 1.2, so that a time of day stays as it was written.
    """

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        BaseResolver.__init__(self)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose one node, unless it is nested too deeply."""
        if self._depth > DEEPEST:
            raise yaml.MarkedYAMLError(
                problem=f"values are nested more than {DEEPEST} levels deep",
                problem_mark=self.peek_event().start_mark,  # type: ignore[no-untyped-call]
            )
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _name, _pattern, _starts in _PLAIN_TYPES:
    _Loader.add_implicit_resolver(TAG + _name, re.compile(rf"(?:{_pattern})\Z"), _starts)


def root_of(text: str) -> Node | None:
    """The root of the one document in the text; None for an empty text.

    Raises: BrokenText.
    """
    if len(text) > LARGEST:
        raise BrokenText(f"the text has {len(text)} characters", f"a plan has at most {LARGEST}")
    # JSON allows tabs between values where YAML does not; inside of its strings it has none.
    plain = text.replace("\t", " ") if text.lstrip().startswith("{") else text
    try:
        return _Loader(plain).get_single_node()
    except ReaderError as error:
        line = plain.count("\n", 0, error.position) + 1
        raise BrokenText("a character that text cannot hold", "remove it", line=line) from None
    except yaml.MarkedYAMLError as error:
        raise _broken(error) from None
    except (ValueError, OverflowError):
        # An escape such as "\UFFFFFFFF" names a character that does not exist.
        raise BrokenText("an escape names no character", "write the character itself") from None


def _broken(error: yaml.MarkedYAMLError) -> BrokenText:
    mark = error.problem_mark or error.context_mark
    problem = " ".join((error.problem or error.context or "cannot be read").split())
    if "single document" in (error.context or ""):
        problem = "another document begins"
    if problem == "second occurrence":
        problem = "there is an anchor of this name already"
    remedy = next((way for sign, way in _REMEDIES if re.search(sign, problem)), None)
    return BrokenText(
        problem + (f" (column {mark.column + 1})" if mark else ""),
        remedy or "check quotes, brackets and indentation",
        line=mark.line + 1 if mark else None,
    )
