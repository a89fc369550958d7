"""YAML bodies, read as the JSON they stand for.

A module of its own because the parser is slow to import and rarely needed.
"""

from __future__ import annotations

from typing import Any

import yaml

from orchestrator.practice.api.statuses import bad_request


class _JsonLoader(yaml.SafeLoader):
    """A loader that knows the types of JSON and no others, and no aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        # An alias repeated in aliases makes a small body fill the memory.
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        return super().compose_node(parent, index)


_JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parsed_yaml(body: bytes) -> Any:
    """The value that a YAML body holds.

    Raises: ApiError: 400, it is no YAML.
    """
    try:
        # Of several documents the first counts.
        return next(iter(yaml.load_all(body, Loader=_JsonLoader)), None)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from error
