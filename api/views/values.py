"""What several views have in common: their base, text that people send, and instants to the ms.

It knows no noun but the actor.
"""

import unicodedata
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orchestrator.domain.identity import Actor, ActorKind, Role

_ALLOWED_CONTROLS: Final = "\n\r\t"


def _printable(text: str) -> str:
    # A terminal obeys control characters, and PostgreSQL keeps no zero byte.
    for char in text:
        if unicodedata.category(char) == "Cc" and char not in _ALLOWED_CONTROLS:
            raise ValueError(f"holds the control character {char!r}; leave it out")
    return text


Text = Annotated[str, Field(max_length=10_000), AfterValidator(_printable)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_printable)]


class View(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True)


class Asked(BaseModel):
    """What we are asked; unknown fields are refused, since they are mostly misspelt ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ActorView(View):
    """Who or what made a move or an entry."""

    kind: ActorKind = Field(description="`script` is a scripted stand-in for a person.")
    name: str
    role: Role | None

    @classmethod
    def of(cls, actor: Actor) -> Self:
        """The view of an actor."""
        return cls(kind=actor.kind, name=actor.name, role=actor.role)
