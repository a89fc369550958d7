import json
import time

import pytest

from orchestrator.adapters.planfile.tree import tree_of
from orchestrator.adapters.planfile.yamltext import LARGEST
from tests.unit.adapters.planfile.plans import faults


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: syntax: the plan is empty; `chaosday init` writes one to begin with"),
        (
            "# nothing\n",
            "line 1: syntax: the plan is empty; `chaosday init` writes one to begin with",
        ),
        (
            "- version: 1",
            (
                "line 1: syntax: the plan is no mapping of fields;"
                " `chaosday init` writes one to begin with"
            ),
        ),
        (
            "version: 1\nday: name: x",
            (
                "line 2: syntax: mapping values are not allowed here (column 10);"
                " check the indentation, and quote text that holds a colon"
            ),
        ),
        (
            "version: 1\n\tday: x",
            (
                "line 2: syntax: found character '\\t' that cannot start any token (column 1);"
                " indent by spaces, not tabs"
            ),
        ),
        (
            "version: 1\nday: @home",
            (
                "line 2: syntax: found character '@' that cannot start any token (column 6);"
                " put the text in quotes"
            ),
        ),
        (
            'version: 1\nday: "x',
            "line 2: syntax: found unexpected end of stream (column 8); close the quote or bracket",
        ),
        (
            "version: 1\nday: *it",
            (
                "line 2: syntax: found undefined alias 'it' (column 6);"
                " define it above by the same name with &"
            ),
        ),
        (
            "version: &a 1\nday: &a 2",
            (
                "line 2: syntax: there is an anchor of this name already (column 6);"
                " give it another name"
            ),
        ),
        (
            "version: 1\n---\nversion: 1",
            "line 2: syntax: another document begins (column 1); write one plan into one file",
        ),
        (
            "version: 1\nday: \x07",
            "line 2: syntax: a character that text cannot hold; remove it",
        ),
        (
            'day: "\\UFFFFFFFF"',
            "syntax: an escape names no character; write the character itself",
        ),
        (
            "day: " + "[" * 50,
            (
                "line 1: syntax: values are nested more than 20 levels deep (column 26);"
                " a plan has no need of it"
            ),
        ),
        (
            "day: &a [*a]",
            (
                "line 1: syntax: the values, with aliases followed, are too many"
                " or nested too deeply; a plan has at most 10000 values in 20 levels"
            ),
        ),
        (
            "day: &a {<<: *a}",
            (
                "line 1: syntax: the values, with aliases followed, are too many"
                " or nested too deeply; a plan has at most 10000 values in 20 levels"
            ),
        ),
    ],
)
def test_broken_text_is_told_in_one_line(text: str, said: str) -> None:
    assert faults(text) == [said]


def test_text_that_is_too_large_is_refused_unread() -> None:
    text = "[" * (LARGEST + 1)

    assert faults(text) == ["syntax: the text has 131073 characters; a plan has at most 131072"]


def test_few_lines_cannot_stand_for_millions_of_values() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)
    ]
    began = time.monotonic()

    assert "too many" in faults("\n".join(lines))[0]
    assert time.monotonic() - began < 5


def test_plain_values_are_those_of_yaml_1_2() -> None:
    text = "a: 10:30\nb: no\nc: 2026-12-01\nd: 1_000\ne: 0x1F\nf: ~\ng: -1.5\nh: TRUE\ni: 010"

    assert tree_of(text).value == {
        "a": "10:30",
        "b": "no",
        "c": "2026-12-01",
        "d": "1_000",
        "e": "0x1F",
        "f": None,
        "g": -1.5,
        "h": True,
        "i": 10,
    }


def test_every_field_knows_its_line() -> None:
    tree = tree_of("a:\n  b:\n    - c: 1\n\n      d: 2\n    - e")

    assert tree.line(("a",)) == 1
    assert tree.line(("a", "b", 0, "d")) == 5
    assert tree.line(("a", "b", 1)) == 6
    assert tree.line(("a", "b", 0, "missing", "deeper")) == 3


def test_merged_keys_give_way_to_own_ones_and_keep_their_lines() -> None:
    tree = tree_of("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  z: 3\n  <<: [*a, *b]")

    assert tree.value["c"] == {"x": 1, "y": 1, "z": 3}
    assert tree.line(("c", "x")) == 1
    assert tree.line(("c", "z")) == 4


def test_json_is_read_with_its_lines_tabs_and_escapes() -> None:
    text = json.dumps({"a": ["😀", "é\n"], "b": {"c": None}}, indent="\t")
    tree = tree_of(text)

    assert tree.value == json.loads(text)
    assert tree.line(("b", "c")) == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: a: is in line 1 already; keep one of the two"),
        ('{"a": 1,\n "a": 1}', "line 2: a: is in line 1 already; keep one of the two"),
        ("a: 1\n2: b", "line 2: the plan: the key 2 is no text; put it in quotes"),
        (
            "a: 1\n[x]: b",
            "line 2: the plan: the key a list or mapping is no text; put it in quotes",
        ),
        ("a: !!set {x}", "line 1: a: has the tag tag:yaml.org,2002:set; leave the tag out"),
        ("a:\n  - !run x", "line 2: a[0]: has the tag !run; leave the tag out"),
        ("a: !!int x", "line 1: a: has the tag tag:yaml.org,2002:int; leave the tag out"),
        ('a: "x\\0"', "line 1: a: holds the character of number 0; remove it"),
        ('a:\n  "x\\0": 1', "line 2: a: the key x is no text; put it in quotes"),
        ("<<: 1", "line 1: the plan: << merges what is no mapping; name a mapping by *"),
    ],
)
def test_what_yaml_allows_and_a_plan_does_not_is_refused(text: str, said: str) -> None:
    assert [str(fault) for fault in tree_of(text).faults] == [said]
