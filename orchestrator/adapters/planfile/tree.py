"""A document as plain values that remember their lines.

It knows nothing of what a plan holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orchestrator.adapters.planfile.yamltext import DEEPEST, TAG, BrokenText, root_of
from orchestrator.domain.errors import Fault

Path: TypeAlias = tuple[str | int, ...]

_MOST_VALUES: Final = 10_000
"""Counted with aliases followed, so that a few lines cannot stand for millions of values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A document as plain values.

    Shape: lines by path, such as ("agenda", 2, "at"), counted from 1.
    """

    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def line(self, path: Path) -> int | None:
        """The line of the field at the path or, where it is missing, of what should hold it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def at(self, path: Path) -> Any:
        """The value at the path; None where it is missing."""
        found = self.value
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def fault(self, path: Path, problem: str, way_out: str) -> Fault:
        """What is wrong with the field at the path."""
        return Fault(
            field=dotted(path),
            value=shown(self.at(path)),
            problem=problem,
            way_out=way_out,
            line=self.line(path),
        )


def dotted(path: Path) -> str:
    """A path as people read it, such as agenda[2].at."""
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{shown(step)}" for step in path)
    return steps.removeprefix(".") or "the plan"


def shown(value: object) -> str:
    """A value in one short line; empty for what has fields or items of its own."""
    if value is None or isinstance(value, list | dict):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = "".join(char if char.isprintable() else " " for char in str(value)).strip()
    return text if len(text) <= 60 else f"{text[:59]}…"


def tree_of(text: str) -> Tree:
    """Read a document; what is wrong with it is in the tree's faults."""
    try:
        return _Reading().read(root_of(text))
    except BrokenText as broken:
        return Tree(value=None, faults=(broken.fault,))


class _Reading:
    """Turns nodes into values, and collects what is wrong on the way."""

    def __init__(self) -> None:
        self._lines: dict[Path, int] = {}
        self._faults: list[Fault] = []
        self._count = 0

    def read(self, node: Node | None) -> Tree:
        if not isinstance(node, MappingNode):
            what = "empty" if node is None or node.tag == TAG + "null" else "no mapping of fields"
            way_out = "`chaosday init` writes one to begin with"
            raise BrokenText(f"the plan is {what}", way_out, line=_line(node) if node else 1)
        self._lines[()] = _line(node)
        value = self._value(node, ())
        return Tree(value=value, lines=self._lines, faults=tuple(dict.fromkeys(self._faults)))

    def _value(self, node: Node, path: Path) -> Any:
        self._bound(node, len(path))
        match node:
            case MappingNode(tag=tag) if tag == TAG + "map":
                return self._mapping(node, path)
            case SequenceNode(tag=tag) if tag == TAG + "seq":
                return [
                    self._entry(_line(item), item, (*path, place))
                    for place, item in enumerate(node.value)
                ]
            case ScalarNode():
                return self._scalar(node, path)
        return self._complain(node, path, f"has the tag {node.tag}", "leave the tag out")

    def _bound(self, node: Node, depth: int) -> None:
        self._count += 1
        if self._count > _MOST_VALUES or depth > DEEPEST:
            raise BrokenText(
                "the values, with aliases followed, are too many or nested too deeply",
                f"a plan has at most {_MOST_VALUES} values in {DEEPEST} levels",
                line=_line(node),
            )

    def _entry(self, line: int, node: Node, path: Path) -> Any:
        self._lines[path] = line
        return self._value(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        return {
            name: self._entry(_line(key), value, (*path, name))
            for name, (key, value) in self._entries(node, path).items()
        }

    def _entries(self, node: MappingNode, path: Path) -> dict[str, tuple[Node, Node]]:
        """The keys of a mapping, those merged into it included; its own win."""
        self._bound(node, len(path))
        entries: dict[str, tuple[Node, Node]] = {}
        merged: list[Node] = []
        for key, value in node.value:
            if key.tag == TAG + "merge":
                merged += value.value if isinstance(value, SequenceNode) else [value]
            elif not isinstance(key, ScalarNode) or key.tag != TAG + "str" or "\0" in key.value:
                name = key.value if isinstance(key, ScalarNode) else "a list or mapping"
                self._complain(key, path, f"the key {shown(name)} is no text", "put it in quotes")
            elif key.value in entries:
                first = f"is in line {_line(entries[key.value][0])} already"
                self._complain(key, (*path, key.value), first, "keep one of the two")
            else:
                entries[key.value] = (key, value)
        for base in merged:
            if isinstance(base, MappingNode):
                # One level deeper, so that a mapping merged into itself comes to an end.
                entries = self._entries(base, (*path, "<<")) | entries
            else:
                self._complain(base, path, "<< merges what is no mapping", "name a mapping by *")
        return entries

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        if "\0" in node.value:
            # Databases refuse it, and nothing that people write has it.
            return self._complain(node, path, "holds the character of number 0", "remove it")
        try:
            return _plain(node.tag.removeprefix(TAG), node.value)
        except (ValueError, KeyError):
            return self._complain(node, path, f"has the tag {node.tag}", "leave the tag out")

    def _complain(self, node: Node, path: Path, problem: str, way_out: str) -> None:
        fault = Fault(
            field=dotted(path), value="", problem=problem, way_out=way_out, line=_line(node)
        )
        self._faults.append(fault)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _plain(tag: str, text: str) -> str | int | float | bool | None:
    """The value of a scalar. Raises: KeyError, ValueError: the tag is unknown or does not fit."""
    match tag:
        case "null":
            return None
        case "bool":
            return {"true": True, "false": False}[text.lower()]
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "str" | "merge":
            return _joined(text)
    raise KeyError(tag)


def _joined(text: str) -> str:
    """The text with the pairs of surrogates joined by which JSON writes rare characters."""
    if not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
