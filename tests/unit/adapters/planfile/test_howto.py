"""What docs/howto/plan.md shows is what the reader does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.planfile import PlanFile, plan_schema
from orchestrator.adapters.planfile.tree import tree_of
from orchestrator.domain.errors import InvalidPlan

PAGE = (Path(__file__).parents[4] / "docs" / "howto" / "plan.md").read_text(encoding="utf-8")
WHOLE, *PIECES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
WRONG = re.findall(
    r"^```yaml wrong\n(.*?)^```\n+```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
)


def rows(schema: dict[str, Any], part: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, own in part["properties"].items():
        entries = own.get("items", {})
        reference = own.get("$ref") or entries.get("$ref") or ""
        inner = schema["$defs"].get(reference.rpartition("/")[2], {})
        field = f"{path}{name}{'[]' if entries else ''}"
        told = own.get("description") or inner["description"]
        need = "yes" if name in part["required"] else _default({**inner, **own})
        yield f"| `{field}` | {need} | {told} | {_examples(own)} |"
        if "properties" in inner:
            yield from rows(schema, {"required": [], **inner}, f"{field}.")


def _default(field: dict[str, Any]) -> str:
    default = field.get("default", "")
    return f"`{json.dumps(default).strip(chr(34))}`" if default not in ("", None) else ""


def _examples(field: dict[str, Any]) -> str:
    shown = (
        example if isinstance(example, str) else json.dumps(example)
        for example in field["examples"]
        if not isinstance(example, dict | list)
    )
    return ", ".join(f"`{example}`" for example in shown)


def table() -> str:
    schema = plan_schema()
    head = ["| Field | Required, or default | What it is | Such as |", "|---|---|---|---|"]
    return "\n".join([*head, *rows(schema, schema)])


def test_the_page_shows_pieces_and_errors() -> None:
    assert len(PIECES) >= 5
    assert len(WRONG) >= 3


def test_the_whole_plan_of_the_page_is_valid() -> None:
    assert PlanFile().read(WHOLE, source="plan.md").agenda


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_of_the_page_makes_a_valid_plan(piece: str) -> None:
    read = tree_of(piece)
    whole = tree_of(WHOLE).value | read.value

    assert not read.faults
    assert PlanFile().read(json.dumps(whole), source="plan.md").agenda


@pytest.mark.parametrize(("plan", "said"), WRONG)
def test_every_error_of_the_page_is_what_is_said(plan: str, said: str) -> None:
    with pytest.raises(InvalidPlan) as refusal:
        PlanFile().read(plan, source="plan.yaml")

    assert f"{refusal.value}\n" == said


def test_the_table_of_fields_is_that_of_the_schema() -> None:
    assert table() in PAGE, f"write it anew into docs/howto/plan.md:\n{table()}"
