"""Calls to chaosk8s from the contract checks, and what they come to.

They go through a process of their own, because chaosk8s decides at import which kubeconfig it uses.
It does not judge outcomes.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Object = dict[str, Any]
WORKER = Path(__file__).with_name("chaosk8s_worker.py")
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a call with the name of its type, or the class and the text of its error."""

    result: Any = None
    type: str = ""
    error: str = ""
    message: str = ""

    def fails_with(self, error: str, *core: str) -> bool:
        """Whether it is this error, with all of these in its text."""
        return self.error == error and all(part in self.message for part in core)


class Chaosk8s:
    """The functions of chaosk8s, called by their names, such as `pod.probes.count_pods`.

    Those of the catalogue have `experiments.` in front.
    """

    def __init__(self, worker: "subprocess.Popen[str]") -> None:
        self._worker = worker

    @classmethod
    @contextmanager
    def talking_to(cls, kubeconfig: Path) -> Iterator[Self]:
        """A process whose chaosk8s talks to the kubeconfig's cluster; ended afterwards."""
        worker = subprocess.Popen(
            [sys.executable, str(WORKER)],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            yield cls(worker)
        finally:
            worker.kill()
            worker.communicate(timeout=10)

    def __call__(self, function: str, **arguments: Any) -> Any:
        """The result of a call, which must succeed."""
        outcome = self.attempt(function, **arguments)
        assert not outcome.error, f"{outcome.error}: {outcome.message}"
        return outcome.result

    def attempt(self, function: str, **arguments: Any) -> Outcome:
        """What a call comes to, whether it succeeds or not."""
        (outcome,) = self.attempt_all([{"function": function, "arguments": arguments}])
        return outcome

    def attempt_all(self, calls: Sequence[Object]) -> list[Outcome]:
        """What calls made at once come to, in their order.

        Shape: each call has a `function` and its `arguments`.
        """
        stdin, stdout = self._worker.stdin, self._worker.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(calls) + "\n")
        stdin.flush()
        # An answer is one line and comes only after its calls, so none is left in the buffer.
        ready, _, _ = select.select([stdout], [], [], PATIENCE)
        assert ready, f"{calls} have not come back within {PATIENCE:.0f} s"
        line = stdout.readline()
        assert line, "the process that calls chaosk8s has ended"
        return [Outcome(**outcome) for outcome in json.loads(line)]
