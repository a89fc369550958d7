"""Reads the files that people name, with one message when they cannot be read.

It does not interpret them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from experiments.catalogue import FolderCatalogue
from orchestrator.domain.errors import InvalidValue


def read_plan(path: Path) -> str:
    """The text of a plan file. Raises: InvalidValue."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        problem = "is no text"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    raise InvalidValue(
        field="plan", value=str(path), problem=problem, way_out="write one with `chaosday init`"
    )


def with_experiments_beside(
    text: str, path: Path, catalogue: FolderCatalogue
) -> Mapping[str, Mapping[str, Any]]:
    """The experiments that a plan names by files, read relative to the plan.

    Raises: NoSuchExperiment; InvalidExperiment. A plan that cannot be read has none.
    """
    try:
        document = yaml.safe_load(text)
        names = {str(box["experiment"]) for box in document["agenda"]}
    except (yaml.YAMLError, KeyError, TypeError):
        return {}
    files = [name for name in names if name.endswith((".yaml", ".yml", ".json"))]
    return {name: catalogue.read(str(path.parent / name)).document for name in files}
