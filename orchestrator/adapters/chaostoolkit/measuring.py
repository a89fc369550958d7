"""Abort conditions that are measured for themselves, as probes of Chaos Toolkit.

It does not take the measure; the observer does, beside the probes of the hypothesis.
"""

from collections.abc import Iterable
from typing import Any, Final

from orchestrator.domain.abort import HttpAnswer, KubernetesCondition, Measure, PrometheusQuery
from orchestrator.domain.plan import AbortCondition

_ENDLESS: Final = 1e300
"""Stands for no end: a number that JSON can hold, beyond any that is measured."""


def probes_for(conditions: Iterable[AbortCondition]) -> list[dict[str, Any]]:
    """One probe for each measure that the conditions ask for, whose name says what it watches."""
    measures = {each.watches: each.measure for each in conditions}
    return [
        {"type": "probe", "name": name, **_asked(measure)}
        for name, measure in measures.items()
        if measure is not None
    ]


def _asked(measure: Measure) -> dict[str, Any]:
    match measure:
        case HttpAnswer():
            provider = {"type": "http", "url": measure.url, "timeout": measure.timeout}
            return {"tolerance": measure.status, "provider": provider}
        case PrometheusQuery():
            return _query(measure)
        case KubernetesCondition():
            arguments = {
                "kind": measure.kind,
                "name": measure.name,
                "namespace": measure.namespace,
                "condition": measure.condition,
            }
            provider = _python("experiments.probes.kubernetes", "condition_status", arguments)
            return {"tolerance": measure.status, "provider": provider}


def _query(measure: PrometheusQuery) -> dict[str, Any]:
    lowest = -_ENDLESS if measure.lowest is None else measure.lowest
    highest = _ENDLESS if measure.highest is None else measure.highest
    arguments = {
        "url": measure.url,
        "query": measure.query,
        "lowest": lowest,
        "highest": highest,
    }
    return {
        "tolerance": {"type": "range", "range": [lowest, highest]},
        "provider": _python("experiments.probes.prometheus", "farthest_value", arguments),
    }


def _python(module: str, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "python", "module": module, "func": function, "arguments": arguments}
