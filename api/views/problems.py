"""The form of problem documents, for the documentation.

It makes none; `api.problems` does.
"""

from pydantic import BaseModel, ConfigDict, Field


class Finding(BaseModel):
    """One thing that is wrong with an input."""

    model_config = ConfigDict(extra="allow")

    detail: str
    pointer: str = Field(description="Where in the body, as a JSON Pointer in a fragment.")


class ProblemView(BaseModel):
    """A problem by RFC 9457; further members depend on its type."""

    model_config = ConfigDict(
        extra="allow",
        title="Problem",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/illegal-move",
                    "title": "That move is not possible from this state.",
                    "status": 409,
                    "detail": "a closed day cannot open",
                    "instance": "/api/v1/days/checkout-chaos-day-4f2a/open",
                    "phase": "closed",
                    "move": "open",
                }
            ]
        },
    )

    type: str = Field(description="Explains this type of problem; relative to the service.")
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Finding] | None = None
