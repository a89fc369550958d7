"""Reads plan files.

It opens no file: whoever has the text knows where it is from.
"""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from orchestrator.adapters.planfile.checks import findings_of
from orchestrator.adapters.planfile.faults import faults_of
from orchestrator.adapters.planfile.mapping import plan_of
from orchestrator.adapters.planfile.models import WrittenPlan
from orchestrator.adapters.planfile.parts import parts_of
from orchestrator.adapters.planfile.tree import Tree, tree_of
from orchestrator.domain.errors import Fault, InvalidPlan
from orchestrator.domain.plan import Plan

VERSION: Final = 1


class PlanFile:
    """A `PlanFormat` for version 1 of the plan file, in YAML or JSON."""

    def read(self, text: str, *, source: str) -> Plan:
        """Read a plan.

        Raises: InvalidPlan: with every fault found, in the order of the lines.
        """
        tree = tree_of(text)
        if tree.value is None:
            raise InvalidPlan(source=source, faults=tree.faults)
        if fault := _unknown_version(tree):
            raise InvalidPlan(source=source, faults=[*tree.faults, fault])
        written, faults = _validated(tree)
        if written is None or faults:
            raise InvalidPlan(source=source, faults=faults)
        return plan_of(written)


def _unknown_version(tree: Tree) -> Fault | None:
    """What is wrong with the version: then nothing else that could be said is of use."""
    version = tree.at(("version",))
    if not isinstance(version, int) or isinstance(version, bool) or version == VERSION:
        return None
    problem = f"is not known; this release reads version {VERSION}"
    return tree.fault(("version",), problem, f"write `version: {VERSION}`")


def _validated(tree: Tree) -> tuple[WrittenPlan | None, Sequence[Fault]]:
    """The plan as written if its fields can be read, and all its faults."""
    written: WrittenPlan | None = None
    faults = list(tree.faults)
    try:
        written = WrittenPlan.model_validate(tree.value)
    except ValidationError as error:
        told = {fault.field for fault in faults}
        faults += [fault for fault in faults_of(error, tree) if fault.field not in told]
    faults += [tree.fault(*finding) for finding in findings_of(parts_of(tree.value))]
    return written, sorted(faults, key=lambda fault: fault.line or 0)
