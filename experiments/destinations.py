"""Where an experiment's requests go over HTTP, as far as its text says.

What its code decides while it runs is not seen here, and so not allowed by this.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from experiments.reach import configuration_of, substituted
from orchestrator.domain.destinations import Destination, destination_of_url


def destinations_of(
    document: Mapping[str, Any],
    configuration: Mapping[str, object] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> frozenset[Destination]:
    """Every destination of an address of the web that the experiment declares.

    Shape: configuration has the values that replace the experiment's own, environment those
    that its entries of the kind `env` find.
    """
    values = {
        **configuration_of(document),
        **_found(document, environment or {}),
        **(configuration or {}),
    }
    played = {part: value for part, value in document.items() if part != "configuration"}
    texts = (_resolved(text, values) for text in _texts([played, values]))
    found = (destination_of_url(text) for text in texts if "://" in text)
    return frozenset(each for each in found if each is not None)


def _found(document: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, object]:
    said = document.get("configuration")
    entries = said if isinstance(said, Mapping) else {}
    return {
        name: environment[entry["key"]]
        for name, entry in entries.items()
        if isinstance(entry, Mapping)
        and entry.get("type") == "env"
        and entry.get("key") in environment
    }


def _resolved(text: str, values: Mapping[str, object]) -> str:
    try:
        return str(substituted(text, values))
    except ValueError:
        return text


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for member in value.values():
                yield from _texts(member)
        case list() | tuple():
            for item in value:
                yield from _texts(item)
