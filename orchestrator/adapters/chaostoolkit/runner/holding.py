"""Holds the fault after the method, and looks for the proof that it took effect.

It runs inside chaoslib as the method's last activity, so that an interruption reaches it as it
would any other. It does not decide when the fault's time is over; the conductor says so.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from chaoslib.activity import execute_activity
from chaoslib.hypothesis import within_tolerance

from experiments.extension import Proof, extension_of
from orchestrator.adapters.chaostoolkit.runner.limiting import limited
from orchestrator.adapters.chaostoolkit.runner.lines import Lines
from orchestrator.domain.errors import InvalidExperiment

NAME: Final = "hold the fault"
_PROOF_INTERVAL: Final = 0.2
_LONGEST_PROBE: Final = 5.0
"""Seconds, so that a probe that hangs does not keep the fault in for longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the hold needs to know, which chaoslib cannot hand over."""

    experiment: Mapping[str, Any]
    secrets: Mapping[str, Any]
    hold: float
    lines: Lines


SESSION: Session | None = None


def hold(configuration: Mapping[str, Any]) -> bool:
    """Say that the method was played, prove the injection, and wait to be told to finish.

    Shape: configuration is the experiment's, resolved before the method was played.
    """
    session = SESSION
    if session is None:
        return False
    session.lines.say("played", hold=session.hold)
    proof = _proof_of(session.experiment)
    if proof is not None:
        _prove(session, proof, configuration)
    session.lines.finish.wait()
    return True


def _proof_of(experiment: Mapping[str, Any]) -> Proof | None:
    try:
        return extension_of(experiment).proof
    except InvalidExperiment:
        return None


def _prove(
    session: Session,
    proof: Proof,
    configuration: Mapping[str, Any],
) -> None:
    secrets = session.secrets
    last = time.monotonic() + proof.deadline.total_seconds()
    probe = dict(proof.probe)
    answered, seen = False, ""
    while not session.lines.finish.is_set():
        run = _ask(session, probe, configuration)
        value = run.get("output")
        if run.get("status") == "succeeded":
            answered, seen = True, session.lines.text_of(value, longest=200)
            if within_tolerance(probe["tolerance"], value, configuration, secrets):
                session.lines.say("proved", injection="proven", evidence=f"{probe['name']}: {seen}")
                return
        else:
            told = run.get("exception") or ["it did not answer"]
            seen = session.lines.text_of(str(told[-1]), longest=200)
        if time.monotonic() >= last:
            break
        session.lines.finish.wait(_PROOF_INTERVAL)
    deadline = f"{proof.deadline.total_seconds():g} s"
    # Before the deadline nothing is known yet, however often the answer was no.
    over = time.monotonic() >= last
    session.lines.say(
        "proved",
        injection="not_effective" if answered and over else "unknown",
        evidence=f"{probe['name']}: not within {deadline}; at last: {seen}"
        if over
        else f"{probe['name']}: not yet, and the deadline of {deadline} was not reached: {seen}",
    )


def _ask(
    session: Session, probe: dict[str, Any], configuration: Mapping[str, Any]
) -> dict[str, Any]:
    """One answer of the proof's probe, or why there is none."""
    try:
        with limited(_LONGEST_PROBE):
            run: dict[str, Any] = execute_activity(
                session.experiment, probe, configuration, session.secrets, dry=None
            )
    except Exception as error:  # noqa: BLE001 - any code may run in a probe
        return {"exception": [f"{type(error).__name__}: {error}"]}
    return run
