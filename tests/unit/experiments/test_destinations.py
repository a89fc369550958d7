"""Where an experiment declares that its requests go."""

from typing import Any

from experiments.catalogue import FolderCatalogue
from experiments.destinations import destinations_of

DOCUMENT: dict[str, Any] = {
    "configuration": {
        "front_door": {"type": "env", "key": "FRONT_DOOR", "default": "http://127.0.0.1:8480"},
        "stock": "https://stock.example.org",
    },
    "steady-state-hypothesis": {
        "probes": [{"provider": {"type": "http", "url": "${front_door}/cart"}}]
    },
    "method": [
        {"provider": {"arguments": {"urls": ["http://${name}:81/", "not an address"]}}},
        {"provider": {"arguments": {"text": "http://${"}}},
    ],
}


def found(**more: Any) -> list[str]:
    return [str(each) for each in sorted(destinations_of(DOCUMENT, **more))]


def test_addresses_are_found_wherever_they_stand() -> None:
    assert found() == ["127.0.0.1:8480", "stock.example.org:443"]


def test_the_environment_replaces_a_default_and_the_plan_replaces_both() -> None:
    environment = {"FRONT_DOOR": "http://door.example.org"}

    assert found(environment=environment) == ["door.example.org:80", "stock.example.org:443"]
    assert found(
        environment=environment, configuration={"front_door": "http://other:9", "name": "n"}
    ) == ["n:81", "other:9", "stock.example.org:443"]


def test_the_catalogue_reaches_the_front_door_alone() -> None:
    document = FolderCatalogue().read("pod-killed").document

    assert {str(each) for each in destinations_of(document)} == {"127.0.0.1:8480"}
