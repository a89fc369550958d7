"""Activities are told apart by what they do, and whatever is not known may do anything."""

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.catalogue import FolderCatalogue
from experiments.effects import activities_of, described, effect_of
from orchestrator.domain.preview import Effect, Part

_WRITING = (
    "create_",
    "delete_",
    "patch_",
    "replace_",
    "connect_post",
    "connect_get_namespaced_pod",
)


def a_function(module: str, func: str = "x") -> dict[str, str]:
    return {"type": "python", "module": module, "func": func}


@pytest.mark.parametrize(
    ("provider", "effect"),
    [
        ({"type": "http", "url": "http://a"}, Effect.READ),
        ({"type": "http", "url": "http://a", "method": "head"}, Effect.READ),
        ({"type": "http", "url": "http://a", "method": "POST"}, Effect.OPAQUE),
        ({"type": "process", "path": "true"}, Effect.OPAQUE),
        (a_function("chaosk8s.pod.probes"), Effect.READ),
        (a_function("chaosk8s.probes"), Effect.READ),
        (a_function("chaosk8s.chaosmesh.network.actions"), Effect.WRITE),
        (a_function("experiments.probes.http"), Effect.READ),
        (a_function("experiments.actions.images"), Effect.WRITE),
        (a_function("chaosk8s.pod.probes", "_hidden"), Effect.OPAQUE),
        (a_function("chaosk8s.pod.probes.evil"), Effect.OPAQUE),
        (a_function("os", "system"), Effect.OPAQUE),
        (a_function("experiments.actions"), Effect.OPAQUE),
        ({}, Effect.OPAQUE),
    ],
)
def test_a_provider_reads_writes_or_may_do_anything(
    provider: dict[str, Any], effect: Effect
) -> None:
    found, why = effect_of(provider)

    assert found is effect
    assert bool(why) is (effect is Effect.OPAQUE)
    assert described(provider)


def chaosk8s_modules(name: str) -> Iterator[Path]:
    found = importlib.util.find_spec("chaosk8s")
    assert found is not None
    assert found.origin is not None
    yield from Path(found.origin).parent.rglob(f"{name}.py")


def test_no_probe_of_the_extension_calls_what_writes() -> None:
    modules = list(chaosk8s_modules("probes"))
    called = {
        node.attr
        for path in modules
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
    }

    assert len(modules) > 5
    assert not [name for name in called if name.startswith(_WRITING)]
    assert any(name.startswith("list_namespaced") for name in called)


def test_every_activity_is_found_where_it_stands() -> None:
    probe = {"type": "probe", "name": "p", "provider": a_function("a")}
    judge = {"type": "probe", "name": "j", "provider": a_function("b")}
    control = {"name": "c", "provider": {"type": "python", "module": "d"}}
    document = {
        "configuration": {"x": {"type": "probe", "name": "asked", "provider": {}}, "y": 1},
        "steady-state-hypothesis": {"probes": [{**probe, "tolerance": judge}]},
        "method": [
            {"type": "action", "name": "m", "provider": {}, "controls": [control]},
            {"ref": "p"},
        ],
        "rollbacks": [{"type": "action", "name": "r", "provider": {}}],
        "controls": [{"name": "all", "provider": {"type": "python", "module": "e"}}],
        "extensions": [{"name": "chaosday", "proof": {"probe": {"name": "proof"}}}],
    }

    found = [(each.part, each.name) for each in activities_of(document)]

    assert found == [
        (Part.CONFIGURATION, "asked"),
        (Part.HYPOTHESIS, "p"),
        (Part.TOLERANCE, "j"),
        (Part.METHOD, "m"),
        (Part.METHOD, "p"),
        (Part.TOLERANCE, "j"),
        (Part.ROLLBACKS, "r"),
        (Part.CONTROLS, "all"),
        (Part.CONTROLS, "c"),
        (Part.PROOF, "proof"),
    ]


def test_nothing_of_the_catalogue_is_opaque() -> None:
    catalogue = FolderCatalogue()
    for name in catalogue.names():
        for each in activities_of(catalogue.read(name).document):
            assert effect_of(each.provider)[0] is not Effect.OPAQUE, f"{name}: {each}"
