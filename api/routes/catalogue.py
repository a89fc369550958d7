"""The catalogue of experiments, for those who plan.

It does not show the experiments' methods, only their cards.
"""

from typing import Annotated

from fastapi import Depends

from api.admission import admitted_router
from api.dependencies import Services, only
from api.views.plans import CatalogueView, ExperimentView
from orchestrator.domain.identity import Role
from orchestrator.services.admitting import Guest

router = admitted_router("/catalogue", tag="catalogue")

Planner = Annotated[Guest, Depends(only(Role.FACILITATOR, Role.AGENT, to="read the catalogue"))]


@router.get("", summary="Read the catalogue")
async def read_catalogue(_: Planner, services: Services) -> CatalogueView:
    """The experiments with their cards. For facilitators and agents."""
    catalogue = services.catalogue
    experiments = [catalogue.read(name) for name in catalogue.names()]
    return CatalogueView(experiments=[ExperimentView.of(each) for each in experiments])
