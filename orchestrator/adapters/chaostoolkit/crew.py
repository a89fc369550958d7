"""Starts the processes of a run that have no credentials: observer, runner, restorer.

It decides neither when they begin nor when they end.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from experiments.reach import contexts_of
from orchestrator.adapters.chaostoolkit.child import Child, python
from orchestrator.adapters.chaostoolkit.containment.keeping import Keeping
from orchestrator.adapters.chaostoolkit.environment import (
    runner_environment,
    write_kubeconfig,
    write_private,
)
from orchestrator.adapters.chaostoolkit.measuring import probes_for
from orchestrator.domain.errors import EngineUnavailable
from orchestrator.ports import Assignment

_RUNNER: Final = "orchestrator.adapters.chaostoolkit.runner"
_MODE_OF: Final = {
    "observer": "observe",
    "runner": "play",
    "restorer": "roll-back",
    "inspector": "inspect",
    "rehearser": "rehearse",
}


class Crew:
    """The processes of one run that run an experiment's code.

    Shape: hindrance says why no such code may run here; empty when it may.
    """

    def __init__(
        self,
        *,
        folder: Path,
        assignment: Assignment,
        keeping: Keeping,
        allowed: Mapping[str, str],
        hindrance: str = "",
    ) -> None:
        self._folder = folder
        self._assignment = assignment
        self._keeping = keeping
        self._hindrance = hindrance
        self._environment = runner_environment(
            home=keeping.home,
            kubeconfig=keeping.files / "kubeconfig",
            run=assignment.run.id,
            allowed=allowed,
            forward_proxy=keeping.forward_proxy,
        )

    def lead_to(self, url: str, contexts: Mapping[str, str]) -> None:
        """Write the kubeconfig that leads to the guard.

        Shape: contexts are the operator's, each with its namespace; those that the experiment
        names are beside them.
        """
        path = self._keeping.files / "kubeconfig"
        named = contexts_of(
            self._assignment.experiment.document,
            self._assignment.configuration,
            self._environment,
        )
        write_kubeconfig(
            path,
            url=self._keeping.url_of(url),
            contexts={**dict.fromkeys(sorted(named), ""), **contexts},
            hand_over=self._keeping.hand_over,
        )

    async def start(self, name: str) -> Child:
        """Start one process. Raises: EngineUnavailable."""
        if self._hindrance:
            raise EngineUnavailable(process=name, problem=self._hindrance)
        order = self._keeping.order_for(name)
        path = self._keeping.files / f"{name}.json"
        said = self._assignment_for_runner()
        if order is not None:
            said["containment"] = order.to_line()
        write_private(path, said, hand_over=self._keeping.hand_over)
        return await Child.start(
            python("-m", _RUNNER, _MODE_OF[name], str(path)),
            name=name,
            log=self._folder / f"{name}.log",
            folder=self._keeping.home,
            environment=self._environment,
            descriptors=() if order is None else (order.door,),
        )

    def _assignment_for_runner(self) -> dict[str, Any]:
        return {
            "experiment": self._assignment.experiment.document,
            "configuration": dict(self._assignment.configuration),
            "interval": self._assignment.probe_interval.total_seconds(),
            "measures": probes_for(self._assignment.abort_when),
        }
