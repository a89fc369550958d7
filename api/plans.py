"""Reads a posted plan: YAML as people keep it, or JSON with its experiments beside it.

It does not check the plan; the plan format does, and tells every fault at once.
"""

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Depends, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.views.plans import Document, PlanRequest
from orchestrator.domain.errors import Invalid

_YAML: Final = ("application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")
_JSON: Final = "application/json"

BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {
                "schema": {"type": "string", "description": "A plan file."},
                "example": "version: 1\nday: {name: Checkout Chaos Day}\n",
            },
            _JSON: {"schema": {"$ref": "#/components/schemas/PlanRequest"}},
        },
    }
}
"""The documentation of what may be posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedPlan:
    """A plan as it came."""

    text: str
    documents: dict[str, Document] = field(default_factory=dict)
    is_scripted: bool = False

    @property
    def fingerprint(self) -> str:
        """Tells this request from any other."""
        return json.dumps([self.text, self.documents, self.is_scripted], sort_keys=True)


async def posted_plan(
    request: Request,
    scripted: Annotated[
        bool, Query(description="Whether a script plays the people, for a plan in YAML.")
    ] = False,
) -> PostedPlan:
    """The plan in the body. Raises: Invalid; HTTPException: another media type."""
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media not in (*_YAML, _JSON):
        raise HTTPException(
            415, f"send the plan as application/yaml or application/json, not as {media!r}"
        )
    text = _decoded(await request.body())
    if media != _JSON:
        return PostedPlan(text=text, is_scripted=scripted)
    asked = _from_json(text)
    plan = asked.plan if isinstance(asked.plan, str) else json.dumps(asked.plan)
    return PostedPlan(
        text=plan, documents=asked.experiments, is_scripted=asked.scripted or scripted
    )


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"the body is no text in UTF-8 (byte {error.start}); save it so") from error


def _from_json(text: str) -> PlanRequest:
    try:
        return PlanRequest.model_validate(json.loads(text))
    except ValidationError as error:
        found = [each | {"loc": ("body", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(found) from error
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is no JSON: {error}") from error


Posted = Annotated[PostedPlan, Depends(posted_plan)]
