"""SVG as text, with everything escaped that came from people or experiments.

It lays nothing out.
"""

from html import escape
from typing import TypeAlias

Attribute: TypeAlias = str | float | None


def tag(name: str, *children: str, **attributes: Attribute) -> str:
    """One element; children are SVG already, attributes are escaped here.

    Shape: `class_` stands for class, underscores for hyphens; None leaves an attribute out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def lettered(x: float, y: float, text: str, class_: str, *, anchor: str | None = None) -> str:
    """One line of text."""
    return tag("text", escape(text), x=x, y=y, class_=class_, text_anchor=anchor)


def told(title: str, *children: str) -> str:
    """A group with a tooltip."""
    return tag("g", tag("title", escape(title)), *children)


def rule(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def box(x: float, y: float, width: float, height: float, class_: str, *, round_: float = 0) -> str:
    """A rectangle; one without extent is drawn a little wide, so that it can be seen."""
    return tag(
        "rect", x=x, y=y, width=max(width, 0.5), height=max(height, 0.5),
        rx=round_ or None, class_=class_,
    )  # fmt: skip


def number(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else number(value)
