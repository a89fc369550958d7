"""Where an experiment reaches, as far as its text says: contexts and namespaces.

It says nothing about what is left to defaults or found out while the experiment runs; the guard
sees that.
"""

from collections.abc import Iterator, Mapping
from string import Template
from typing import Any, Final

from experiments.extension import NAME as EXTENSION

CONTEXT: Final = "KUBERNETES_CONTEXT"
NAMESPACE_ARGUMENTS: Final = frozenset({"ns", "namespace", "namespaces"})


def contexts_of(
    document: Mapping[str, Any],
    configuration: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> frozenset[str]:
    """Every Kubernetes context that the experiment names in its secrets or configuration.

    Shape: configuration has the values that replace the experiment's own; environment is what the
    experiment sees of one. What it names by a variable that has no value counts by its default.
    """
    seen = environment or {}
    values = {**configuration_of(document, seen), **(configuration or {})}
    written = (*_walk(document.get("secrets")), *_walk(document.get("configuration")))
    named = (*written, *values.items(), *seen.items())
    found = {default_of(value, seen) for key, value in named if key == CONTEXT}
    resolved = (substituted(each, values) for each in found if isinstance(each, str))
    return frozenset(each for each in resolved if isinstance(each, str) and each)


def namespaces_of(
    document: Mapping[str, Any], configuration: Mapping[str, object] | None = None
) -> frozenset[str]:
    """Every namespace that an activity names in its arguments.

    Shape: configuration has the values that replace the experiment's own. A variable that has no
    value stays as it is written, such as "${where}".
    """
    values = {**configuration_of(document), **(configuration or {})}
    activities = [document.get(part) for part in _PARTS] + [_proofs(document)]
    found: set[str] = set()
    for key, value in _walk(activities):
        if key in NAMESPACE_ARGUMENTS:
            found.update(_texts(value, values))
    return frozenset(found)


def configuration_of(
    document: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> dict[str, object]:
    """The configuration with its defaults; what is found out only while it runs is left out."""
    said = document.get("configuration")
    entries = said if isinstance(said, Mapping) else {}
    values = {name: default_of(entry, environment or {}) for name, entry in entries.items()}
    return {name: value for name, value in values.items() if value is not None}


def default_of(entry: object, environment: Mapping[str, str]) -> object:
    """The value of a configuration entry; of one from the environment, its default without it."""
    if isinstance(entry, Mapping) and "type" in entry:
        if entry["type"] != "env":
            return None
        return environment.get(str(entry.get("key")), entry.get("default"))
    return entry


def substituted(text: str, values: Mapping[str, object]) -> object:
    """Replace variables as Chaos Toolkit does: a text that is one variable takes on its type."""
    if text.startswith("${") and text.endswith("}") and text[2:-1] in values:
        return values[text[2:-1]]
    return Template(text).safe_substitute(values)


_PARTS: Final = ("steady-state-hypothesis", "method", "rollbacks", "configuration")


def _proofs(document: Mapping[str, Any]) -> list[Any]:
    extensions = document.get("extensions")
    return [
        each.get("proof")
        for each in (extensions if isinstance(extensions, list) else [])
        if isinstance(each, Mapping) and each.get("name") == EXTENSION
    ]


def _walk(value: object) -> Iterator[tuple[str, object]]:
    """Every member of every object inside, with its key."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield key, member
            yield from _walk(member)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item)


def _texts(value: object, values: Mapping[str, object]) -> Iterator[str]:
    match value:
        case str():
            resolved = substituted(value, values)
            if isinstance(resolved, str) and resolved:
                yield resolved
            elif isinstance(resolved, list):
                yield from (item for item in resolved if isinstance(item, str))
        case list():
            for item in value:
                yield from _texts(item, values)
