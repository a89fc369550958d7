"""Looks at an experiment without playing it: what each activity does, and to which objects.

Objects are found by the very selection of Chaos Toolkit's extension for Kubernetes, through the
guard, which lets nothing but reads pass meanwhile. No probe is asked and no action made.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from chaoslib import substitute
from chaoslib.configuration import load_configuration
from chaoslib.secret import load_secrets

from experiments.effects import activities_of, described, effect_of
from experiments.selecting import Chosen, selected
from orchestrator.adapters.chaostoolkit.runner.lines import Lines, hidden_values
from orchestrator.domain.preview import Effect


def inspect_experiment(assignment: Mapping[str, Any], lines: Lines) -> int:
    """Say what each activity would do, once the conductor says so."""
    lines.begin.wait()
    try:
        for line in _inspected(assignment, lines):
            lines.say("inspected", **line)
    except Exception as error:  # noqa: BLE001 - the conductor has to hear of it
        lines.say("ended", problem=lines.text_of(f"{type(error).__name__}: {error}"))
        return 1
    lines.say("ended", problem="")
    return 0


def _inspected(assignment: Mapping[str, Any], lines: Lines) -> Iterator[dict[str, Any]]:
    experiment = assignment["experiment"]
    # What is asked of the cluster while it runs stays unresolved: nothing is run here.
    known = load_configuration(experiment.get("configuration", {}), assignment["configuration"])
    known = {name: value for name, value in known.items() if not _is_dynamic(value)}
    secrets = load_secrets(experiment.get("secrets", {}), known)
    lines.hide(hidden_values(secrets))
    for found in activities_of(experiment):
        effect, why = effect_of(found.provider)
        provider = _substituted(found.provider, known)
        chosen = _chosen(provider, secrets) if effect is Effect.WRITE else Chosen()
        yield {
            "part": found.part.value,
            "name": found.name,
            "does": lines.text_of(described(provider), longest=200),
            "effect": effect.value,
            "why": lines.text_of(why or chosen.why, longest=300),
            "candidates": list(chosen.candidates),
            "chooses": chosen.count,
        }


def _is_dynamic(value: object) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "probe"


def _substituted(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _substituted(member, known) for key, member in value.items()}
    if isinstance(value, list):
        return [_substituted(item, known) for item in value]
    return substitute(value, known, {}) if isinstance(value, str) else value


def _chosen(provider: Mapping[str, Any], secrets: Mapping[str, Any]) -> Chosen:
    arguments = provider.get("arguments") or {}
    if not isinstance(arguments, Mapping):
        return Chosen(why="its arguments are known only while it runs")
    if unresolved := sorted(
        name
        for name, value in arguments.items()
        if isinstance(value, str) and "${" in value and name not in {"replicas", "image", "before"}
    ):
        return Chosen(why=f"{', '.join(unresolved)} is known only while it runs")
    try:
        return selected(str(provider["module"]), str(provider["func"]), arguments, secrets)
    except Exception as error:  # noqa: BLE001 - a selector of an extension may raise anything
        return Chosen(why=f"what it takes could not be found: {type(error).__name__}: {error}")
