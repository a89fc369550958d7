"""Contexts and namespaces are found wherever an experiment names them."""

from typing import Any

from experiments.reach import configuration_of, contexts_of, namespaces_of, substituted


def an_activity(**arguments: Any) -> dict[str, Any]:
    return {"type": "action", "name": "x", "provider": {"type": "python", "arguments": arguments}}


def test_contexts_are_found_in_secrets_and_configuration() -> None:
    document = {
        "secrets": {
            "k8s": {"KUBERNETES_CONTEXT": "prod-eu"},
            "other": {"KUBERNETES_CONTEXT": {"type": "env", "key": "K", "default": "prod-us"}},
            "third": {"KUBERNETES_CONTEXT": {"type": "env", "key": "K"}, "TOKEN": "x"},
        },
        "configuration": {"KUBERNETES_CONTEXT": "staging"},
    }

    assert contexts_of(document) == {"prod-eu", "prod-us", "staging"}
    assert contexts_of({}) == frozenset()


def test_contexts_come_from_the_environment_and_the_command_line_too() -> None:
    document = {
        "secrets": {
            "k8s": {"KUBERNETES_CONTEXT": {"type": "env", "key": "K"}},
            "other": {"KUBERNETES_CONTEXT": "${where}"},
        },
        "configuration": {
            "KUBERNETES_CONTEXT": "staging",
            "where": {"type": "env", "key": "W", "default": "elsewhere"},
        },
    }

    assert contexts_of(document) == {"staging", "elsewhere"}
    assert contexts_of(document, {}, {"K": "by-key", "W": "here"}) == {"staging", "by-key", "here"}
    assert contexts_of(document, {"KUBERNETES_CONTEXT": "typed", "where": "there"}) == {
        *("staging", "typed", "there")
    }
    assert contexts_of({}, {}, {"KUBERNETES_CONTEXT": "passed-on"}) == {"passed-on"}


def test_namespaces_are_found_in_every_part_and_substituted() -> None:
    document = {
        "configuration": {
            "where": {"type": "env", "key": "W", "default": "shop"},
            "many": ["a", "b"],
            "pods": {"type": "probe", "provider": {"arguments": {"namespace": "asked-${where}"}}},
        },
        "steady-state-hypothesis": {"probes": [an_activity(ns="seen")]},
        "method": [an_activity(namespace="${where}"), an_activity(namespaces="${many}")],
        "rollbacks": [an_activity(ns="${where}-back"), an_activity(ns="${nowhere}")],
        "extensions": [{"name": "chaosday", "proof": {"probe": an_activity(ns="proven")}}],
    }

    assert namespaces_of(document) == {
        *("seen", "shop", "a", "b", "shop-back", "${nowhere}", "proven", "asked-shop")
    }
    assert namespaces_of({"method": [an_activity(ns="${x}")]}, {"x": "given"}) == {"given"}


def test_configuration_takes_defaults_and_leaves_out_what_is_found_out_later() -> None:
    document = {
        "configuration": {
            "plain": 15,
            "from_environment": {"type": "env", "key": "K", "default": "d"},
            "without_default": {"type": "env", "key": "K"},
            "asked": {"type": "probe", "name": "x", "provider": {}},
            "nested": {"a": 1},
        }
    }

    assert configuration_of(document) == {"plain": 15, "from_environment": "d", "nested": {"a": 1}}


def test_variable_that_stands_alone_keeps_its_type() -> None:
    values = {"n": 3, "s": "x"}

    assert substituted("${n}", values) == 3
    assert substituted("${n} and ${s} and ${t}", values) == "3 and x and ${t}"
