import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from orchestrator.adapters.planfile import PlanFile, plan_schema
from orchestrator.adapters.planfile.tree import tree_of
from tests.unit.adapters.planfile.plans import edited

PUBLISHED = Path(__file__).parents[4] / "docs" / "plan.schema.json"


def objects(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    yield from (part for part in schema["$defs"].values() if "properties" in part)


def accepts(text: str) -> bool:
    validator = jsonschema.Draft202012Validator(plan_schema())
    return bool(validator.is_valid(tree_of(text).value))


def test_the_published_schema_is_the_one_of_the_code() -> None:
    published = PUBLISHED.read_text(encoding="utf-8")

    written = json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"
    assert published == written, "write it anew: chaosday schema > docs/plan.schema.json"


def test_the_schema_is_one_of_draft_2020_12() -> None:
    schema = plan_schema()

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_field_has_title_description_and_examples() -> None:
    schema = plan_schema()
    for part in objects(schema):
        for name, field in part["properties"].items():
            followed = schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
            whole = {**followed, **field}

            assert whole["title"], name
            assert whole["description"].endswith("."), name
            assert whole["examples"], name


def test_every_example_is_one() -> None:
    schema = plan_schema()
    for part in objects(schema):
        for field in part["properties"].values():
            validator = jsonschema.Draft202012Validator({**field, "$defs": schema["$defs"]})
            for example in field["examples"]:
                validator.validate(example)


def test_no_field_offers_null() -> None:
    assert "null" not in json.dumps(plan_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("environment: test", "environment: test"),
        ("at: 09:30", "at: +10m"),
        ("at: 09:30", "at: 2026-12-01T09:30+01:00"),
        ("lasts: 15m", "lasts: 0h20m1s"),
        ("most_share: 50%", "most_share: 0.5"),
        ("most_share: 50%", "most_share: 1/2"),
        ("experiment: pod-killed", "experiment: ./a b/c.yml"),
        ("experiment: pod-killed", "experiment: x\n    configuration: {a: [1, {b: null}]}"),
        ("lasts: 15m", "lasts: 15m\n    blast_radius: {most_objects: 1, longest: 5m}"),
    ],
)
def test_the_schema_accepts_what_the_reader_accepts(old: str, new: str) -> None:
    text = edited(old, new)

    PlanFile().read(text, source="plan.yaml")
    assert accepts(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("environment: test", "environment: staging"),
        ("at: 09:30", "at: 9:30"),
        ("lasts: 15m", "lasts: 15"),
        ("lasts: 15m", "lasts: ''"),
        ("most_share: 50%", "most_share: 50"),
        ("version: 1", "version: 2"),
        ("version: 1\n", ""),
        ("lasts: 15m", "lasts: 15m\n    expect: []"),
        ("most_objects: 4", "most_objects: 0"),
        ("namespaces: [shop]", "namespaces: []"),
    ],
)
def test_the_schema_refuses_what_an_editor_can_see(old: str, new: str) -> None:
    assert not accepts(edited(old, new))
