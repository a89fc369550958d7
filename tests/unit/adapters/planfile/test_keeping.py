"""What a plan says about keeping runners in is read, and refused with a way out."""

from typing import Any

import pytest

from orchestrator.adapters.planfile.keeping import read_containment, read_destination
from orchestrator.adapters.planfile.units import Unreadable
from orchestrator.domain.containment import BEST_EFFORT, REQUIRED, Containment, Measure


@pytest.mark.parametrize(
    ("said", "containment"),
    [
        ("required", REQUIRED),
        ("best effort", BEST_EFFORT),
        (["files"], Containment(required=frozenset({Measure.FILES}))),
    ],
)
def test_containment_is_one_of_two_words_or_a_list(said: Any, containment: Containment) -> None:
    assert read_containment(said) == containment


@pytest.mark.parametrize("said", [None, True, 3, "", "off", "files", [], {}, [3], [["files"]]])
def test_anything_else_is_no_containment(said: Any) -> None:
    with pytest.raises(Unreadable):
        read_containment(said)


def test_a_slip_of_the_pen_is_pointed_out() -> None:
    with pytest.raises(Unreadable, match="has no measure netwrok; did you mean network"):
        read_containment(["files", "netwrok"])


def test_a_destination_is_kept_as_it_is_compared() -> None:
    assert read_destination("Shop.Example.org:443") == "shop.example.org:443"
    with pytest.raises(Unreadable, match=r"write HOST:PORT"):
        read_destination("https://shop.example.org/")
