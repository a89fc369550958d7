"""The plan file: a Chaos Day in YAML or JSON, read into the domain's plan.

It decides nothing about a day that goes on; whoever imports it pays for pydantic.
"""

from orchestrator.adapters.planfile.reading import PlanFile
from orchestrator.adapters.planfile.scaffold import scaffold
from orchestrator.adapters.planfile.schema import plan_schema

__all__ = ["PlanFile", "plan_schema", "scaffold"]
