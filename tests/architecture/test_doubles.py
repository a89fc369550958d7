"""Doubles are in-memory ports and the practice cluster, never patched code."""

import re

from tests.architecture.source import ROOT, python_files

PATCHING = re.compile(r"\b(monkeypatch|mocker|unittest\.mock|from unittest import mock)\b")


def test_nothing_is_patched_outside_the_integration_tests() -> None:
    patching = [
        path.relative_to(ROOT).as_posix()
        for path in python_files("tests")
        if path.relative_to(ROOT).parts[1] != "integration"
        and path.name != "test_doubles.py"
        and PATCHING.search(path.read_text(encoding="utf-8"))
    ]

    assert not patching
