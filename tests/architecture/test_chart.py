"""The chart knows every knob of the service, and nothing that is none.

Whether the chart renders is for `make check`, which runs helm.
"""

import importlib
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any, cast, get_type_hints

import yaml

from orchestrator import __version__
from tests.architecture.source import ROOT

CHART = ROOT / "charts" / "chaosday"
# What the chart sets itself, from values of its own.
SET_BY_CHART = {("server", "host"), ("server", "port"), ("storage", "url")}


def read(name: str) -> dict[str, Any]:
    return cast(dict[str, Any], yaml.safe_load((CHART / name).read_text(encoding="utf-8")))


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def knobs_of(settings: ModuleType) -> set[tuple[str, str]]:
    """Group and name of each knob of the settings' root dataclass."""
    groups = get_type_hints(settings.Settings)
    return {
        (group, knob.name)
        for group, kind in groups.items()
        if is_dataclass(kind)
        for knob in fields(kind)
    }


def test_chart_mirrors_the_settings() -> None:
    settings = importlib.import_module("orchestrator.settings")
    mirrored = {
        (snake(group), snake(knob))
        for group, knobs in read("values.yaml")["settings"].items()
        for knob in knobs
    }

    assert mirrored == knobs_of(settings) - SET_BY_CHART


def test_chart_has_the_version_of_the_project() -> None:
    chart = read("Chart.yaml")

    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
