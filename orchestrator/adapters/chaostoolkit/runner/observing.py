"""Measures the steady state again and again, from before the fault until after it.

In a process of its own, so that neither an abort nor a hanging action makes a gap in the
measurement. It takes no action and decides nothing.
"""

import os
import signal
import time
from collections.abc import Mapping
from typing import Any, Final

from chaoslib.activity import execute_activity
from chaoslib.caching import cache_activities, clear_cache
from chaoslib.configuration import load_configuration, load_dynamic_configuration
from chaoslib.hypothesis import within_tolerance
from chaoslib.secret import load_secrets

from orchestrator.adapters.chaostoolkit.runner.importing import import_ahead
from orchestrator.adapters.chaostoolkit.runner.limiting import LONGEST_PROBE, limited
from orchestrator.adapters.chaostoolkit.runner.lines import Lines, hidden_values

_PROBE_TIMEOUT: Final = 3
"""Seconds that an HTTP probe without a timeout of its own may take."""


def observe(assignment: Mapping[str, Any], lines: Lines) -> int:
    """Sample every probe of the hypothesis at an even pace until the conductor is done.

    Between two turns the conductor may ask for one more, from which the pace goes on.
    """
    # Whether told to stop or left alone, there is nothing to put back: the process may just go.
    signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
    try:
        _observe(assignment, lines)
    except BaseException as error:  # noqa: BLE001 - any code may run in a probe
        problem = f"the hypothesis cannot be measured: {type(error).__name__}: {error}"
        lines.say("ended", problem=lines.text_of(problem))
        return 1
    return 0


def _observe(assignment: Mapping[str, Any], lines: Lines) -> None:
    experiment = assignment["experiment"]
    probes = [_bounded(probe) for probe in _probes_of(experiment)]
    # What the plan's abort conditions measure for themselves.
    probes += [dict(probe) for probe in assignment.get("measures", [])]
    import_ahead(experiment.get("configuration"), probes)
    lines.begin.wait()
    clear_cache()
    cache_activities(experiment)
    configuration = load_configuration(
        experiment.get("configuration", {}), assignment["configuration"]
    )
    secrets = load_secrets(experiment.get("secrets", {}), configuration)
    lines.hide(hidden_values(secrets))
    configuration = load_dynamic_configuration(configuration, secrets)
    _sample_on(experiment, probes, configuration, secrets, assignment["interval"], lines)


def _sample_on(
    experiment: Mapping[str, Any],
    probes: list[dict[str, Any]],
    configuration: Mapping[str, Any],
    secrets: Mapping[str, Any],
    interval: float,
    lines: Lines,
) -> None:
    due = time.monotonic()
    while probes and not lines.finish.is_set():
        for probe in probes:
            lines.say("sample", **_sample(experiment, probe, configuration, secrets, lines))
        due = max(due + interval, time.monotonic())
        if lines.look.wait(max(due - time.monotonic(), 0.01)):
            lines.look.clear()
            due = time.monotonic()


def _sample(
    experiment: Mapping[str, Any],
    probe: dict[str, Any],
    configuration: Mapping[str, Any],
    secrets: Mapping[str, Any],
    lines: Lines,
) -> dict[str, Any]:
    begun = time.monotonic()
    value, within, problem = None, False, ""
    try:
        with limited(_longest(probe)):
            run = execute_activity(experiment, probe, configuration, secrets, dry=None)
        value = run.get("output")
        if run.get("status") == "succeeded":
            within = bool(within_tolerance(probe["tolerance"], value, configuration, secrets))
        else:
            problem = str((run.get("exception") or ["the probe did not succeed"])[-1]).strip()
    except Exception as error:  # noqa: BLE001 - any code may run in a probe
        problem = f"{type(error).__name__}: {error}"
    return {
        "probe": probe["name"],
        "within": within,
        "value": lines.text_of(_short(value), longest=200),
        "problem": lines.text_of(problem, longest=300),
        "took": time.monotonic() - begun,
    }


def _short(value: Any) -> Any:
    """What of a probe's value is worth keeping: of an HTTP answer, its status."""
    if isinstance(value, Mapping) and "status" in value and "headers" in value:
        return f"status {value['status']}"
    return value


def _probes_of(experiment: Mapping[str, Any]) -> list[dict[str, Any]]:
    hypothesis = experiment.get("steady-state-hypothesis") or {}
    return [dict(probe) for probe in hypothesis.get("probes", [])]


def _longest(probe: Mapping[str, Any]) -> float:
    """How many seconds a probe may take: what it says itself, and a little, or the usual."""
    said = (probe.get("provider") or {}).get("timeout")
    return max(LONGEST_PROBE, said + 1) if isinstance(said, (int, float)) else LONGEST_PROBE


def _bounded(probe: dict[str, Any]) -> dict[str, Any]:
    provider = probe.get("provider") or {}
    if provider.get("type") == "http" and "timeout" not in provider:
        return probe | {"provider": {**provider, "timeout": _PROBE_TIMEOUT}}
    return probe
