"""How measures stand, for what a machine offers."""

import pytest

from orchestrator.adapters.chaostoolkit.containment.standing import standings
from orchestrator.adapters.chaostoolkit.containment.survey import UNWANTED, Offer
from orchestrator.domain.containment import Measure, State

WHOLE = Offer(landlock=7, sockets=True)
NO_NAMESPACES = "Operation not permitted"


def states(offer: Offer) -> dict[str, str]:
    return {each.measure.value: each.state.value for each in standings(offer)}


def test_every_measure_stands_somewhere_once() -> None:
    assert [each.measure for each in standings(WHOLE)] == list(Measure)


@pytest.mark.parametrize(
    ("offer", "otherwise"),
    [
        (WHOLE, {}),
        (Offer(is_root=True, landlock=7, sockets=True), {}),
        (Offer(), {"signals": "off"}),
        (Offer(is_root=True), {}),
        (Offer(landlock=7, sockets=True, namespaces=NO_NAMESPACES), {"network": "partly"}),
        (Offer(landlock=4, namespaces=NO_NAMESPACES), {"network": "partly", "signals": "off"}),
        (Offer(landlock=3, namespaces=NO_NAMESPACES), {"network": "off", "signals": "off"}),
        (
            Offer(namespaces=NO_NAMESPACES),
            {"files": "off", "memory": "off", "network": "off", "signals": "off"},
        ),
        (
            Offer(is_root=True, namespaces=NO_NAMESPACES),
            {"files": "partly", "network": "off"},
        ),
        (
            Offer(is_root=True, landlock=7, sockets=True, namespaces=NO_NAMESPACES, user="no"),
            {"privileges": "off", "network": "partly"},
        ),
    ],
)
def test_measures_stand_as_the_machine_allows(offer: Offer, otherwise: dict[str, str]) -> None:
    usual = dict.fromkeys((measure.value for measure in Measure), "on")

    assert states(offer) == usual | otherwise


@pytest.mark.parametrize("offer", [UNWANTED, Offer(is_linux=False)])
def test_where_nothing_can_be_done_only_what_needs_no_kernel_is_on(offer: Offer) -> None:
    on = {name for name, state in states(offer).items() if state == "on"}

    assert on == {"environment", "processes"}


@pytest.mark.parametrize("offer", [UNWANTED, Offer(is_linux=False), Offer(namespaces="x")])
def test_whatever_is_not_on_says_why_and_the_way_out(offer: Offer) -> None:
    for each in standings(offer):
        assert (each.state is State.ON) is (each.why == "") is (each.way_out == "")
