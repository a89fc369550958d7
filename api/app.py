"""Makes the app: routes, the door, problems, limits and the log, in that order.

It starts nothing and opens nothing; whoever serves it owns the services.
"""

from datetime import timedelta
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.dependencies import ApiServices
from api.idempotency import Idempotency
from api.limits import BodyLimit
from api.live import Live
from api.logs import RequestLog
from api.problems import answer_problems
from api.routes import (
    catalogue,
    days,
    debriefs,
    guests,
    halts,
    health,
    incidents,
    previews,
    problems,
    runs,
    timelines,
)
from api.views.plans import PlanRequest
from api.views.problems import Finding, ProblemView

ROUTERS: Final = (
    days.router,
    guests.router,
    halts.router,
    runs.router,
    previews.router,
    previews.budgets,
    timelines.router,
    incidents.router,
    debriefs.router,
    catalogue.router,
    health.router,
    problems.router,
)

KEEP_ALIVE: Final = timedelta(seconds=10)
"""Proxies end a connection on which nothing comes for half a minute or so."""

TAGS: Final = [
    {"name": "days", "description": "Planned, opened, closed, revealed."},
    {"name": "guests", "description": "Tokens for the people of a day."},
    {"name": "halts", "description": "One stop for everything on a day."},
    {"name": "runs", "description": "Executions of experiments; a secret until the reveal."},
    {"name": "timeline", "description": "The append-only record of a day, also live."},
    {"name": "incidents", "description": "What responders open and resolve."},
    {"name": "debriefs", "description": "What a day taught."},
    {"name": "catalogue", "description": "Experiments to choose from."},
    {"name": "service", "description": "The service itself; needs no token."},
]

_DESCRIPTION: Final = """\
Plan, run and learn from Chaos Days on Kubernetes.

Send a token as `Authorization: Bearer cd_...`. Errors are problem documents by RFC 9457. What an
answer holds depends on who asks: until the reveal, responders and readers see nothing of the plan.
"""

_REFERENCE: Final = "#/components/schemas/{model}"


class ChaosDayApi(FastAPI):
    """The app, whose document also describes what only problems and raw bodies use."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name, model in (("Problem", ProblemView), ("PlanRequest", PlanRequest)):
                schema = model.model_json_schema(ref_template=_REFERENCE)
                schema.pop("$defs", None)
                schemas[name] = schema
            schemas["Finding"] = Finding.model_json_schema()
        return self.openapi_schema or {}


def create_app(services: ApiServices, *, keep_alive: timedelta = KEEP_ALIVE) -> FastAPI:
    """The API on these services; keep_alive is the time between comments on a quiet stream."""
    app = ChaosDayApi(
        title="Chaos Day",
        summary="Plan, run and learn from Chaos Days on Kubernetes.",
        description=_DESCRIPTION,
        version=services.version,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=TAGS,
        openapi_url="/api/v1/openapi.json",
        # Their pages would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.services = services
    app.state.idempotency = Idempotency(clock=services.clock)
    app.state.live = Live(services.revealing)
    app.state.keep_alive = keep_alive
    for router in ROUTERS:
        app.include_router(router)
    answer_problems(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
