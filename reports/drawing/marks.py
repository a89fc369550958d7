"""The marks of people and machines: a shape of its own for each, so that colour is not needed.

People's marks are filled shapes, machines' are lines; what was told afterwards is hollow.
"""

from collections.abc import Mapping
from typing import Final

from reports.drawing.svg import number, tag
from reports.response import Milestone

_CORNERS: Final[Mapping[Milestone, tuple[tuple[float, float], ...]]] = {
    Milestone.NOTICED: ((0, -1.1), (1.05, 0.8), (-1.05, 0.8)),
    Milestone.DECLARED: ((-0.8, -1.1), (1.1, -0.5), (-0.4, 0.1), (-0.4, 1.1), (-0.8, 1.1)),
    Milestone.ACKNOWLEDGED: ((0, -1.2), (1.05, 0), (0, 1.2), (-1.05, 0)),
    Milestone.ESCALATED: (
        (0, -1.15), (1.05, 0), (0.42, 0), (0.42, 1.05), (-0.42, 1.05), (-0.42, 0), (-1.05, 0),
    ),
    Milestone.MITIGATED: ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
}  # fmt: skip


def person_mark(
    milestone: Milestone, x: float, y: float, *, size: float = 6, hollow: bool = False
) -> str:
    """The mark of one turn of the response."""
    shape = f"sw-mark sw-{milestone}" + (" sw-hollow" if hollow else "")
    if milestone is Milestone.RESOLVED:
        return tag("circle", cx=x, cy=y, r=size, class_=shape)
    corners = _CORNERS[milestone]
    points = " ".join(f"{number(x + a * size)},{number(y + b * size)}" for a, b in corners)
    return tag("polygon", points=points, class_=shape)


def person_dot(x: float, y: float, *, hollow: bool = False) -> str:
    """Something else that a person recorded."""
    return tag("circle", cx=x, cy=y, r=2.4, class_="sw-dot" + (" sw-hollow" if hollow else ""))


def proof_mark(x: float, top: float, bottom: float) -> str:
    """The moment at which the fault was seen to have taken effect: a line with a foot."""
    path = (
        f"M{number(x)} {number(top)}V{number(bottom)}"
        f"M{number(x - 3)} {number(bottom)}H{number(x + 3)}"
    )
    return tag("path", d=path, class_="sw-proof")


def out_mark(x: float, y: float) -> str:
    """A sample outside its tolerance: a cross."""
    path = (
        f"M{number(x - 2.4)} {number(y - 2.4)}l4.8 4.8M{number(x - 2.4)} {number(y + 2.4)}l4.8 -4.8"
    )
    return tag("path", d=path, class_="sw-cross")


def in_mark(x: float, y: float) -> str:
    """A sample inside its tolerance."""
    return tag("circle", cx=x, cy=y, r=1.5, class_="sw-sample")
